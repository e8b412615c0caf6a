"""Table 8: SF with support sets of 4, 3 and 2 clusters."""

from __future__ import annotations

from harness.tables.grid import Grid, Numbers, Row

_CONDITIONS = ("NM", "BG", "CL")


def build(numbers: Numbers) -> Grid:
    rows = tuple(
        Row(
            (f"Ours (a = {a})",),
            tuple(numbers.cell("casia-bn", "gaitset", "sf", c, variant=f"a={a}") for c in _CONDITIONS),
        )
        for a in (4, 3, 2)
    )
    note = numbers.note(["casia-bn"])
    return Grid("8", "Size of a support set: rank-1 (%), GaitSet", ("Setting",), _CONDITIONS, rows, note=note)
