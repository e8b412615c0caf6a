"""Table 10: SF beside GaitSSB* on CASIA-BN and GREW."""

from __future__ import annotations

from harness.tables.grid import BOLD, NAMES, Grid, Numbers, Row, mark_gain


def build(numbers: Numbers) -> Grid:
    places = (("casia-bn", "NM"), ("casia-bn", "BG"), ("casia-bn", "CL"), ("grew", "all"))
    cells = {method: tuple(numbers.cell(d, "gaitset", method, c) for d, c in places) for method in ("gaitssb", "sf")}
    cells["sf"] = mark_gain(cells["sf"], cells["gaitssb"], [BOLD] * 4)
    rows = tuple(Row((NAMES[method],), cells[method]) for method in cells)
    columns = ("CASIA-BN NM", "CASIA-BN BG", "CASIA-BN CL", "GREW")
    note = numbers.note(["casia-bn", "grew"])
    title = "Self-supervised GaitSSB*: rank-1 (%), GaitSet"
    return Grid("10", title, ("Method",), columns, rows, note=note, base=NAMES["gaitssb"])
