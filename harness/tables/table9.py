"""Table 9: SF with a constant and an adaptive rate of curriculum learning."""

from __future__ import annotations

from harness.tables.grid import Grid, Numbers, Row

_CONDITIONS = ("NM", "BG", "CL")


def build(numbers: Numbers) -> Grid:
    rows = tuple(
        Row(
            (f"Ours ({rate} rate)",),
            tuple(numbers.cell("casia-bn", "gaitset", "sf", c, variant=f"curriculum-rate={rate}") for c in _CONDITIONS),
        )
        for rate in ("constant", "adaptive")
    )
    note = numbers.note(["casia-bn"])
    return Grid("9", "Rate of curriculum learning: rank-1 (%), GaitSet", ("Setting",), _CONDITIONS, rows, note=note)
