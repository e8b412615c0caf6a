"""Table 10: SF beside GaitSSB* on CASIA-BN and GREW."""

from __future__ import annotations

from harness.tables.grid import NAMES, Grid, Numbers, Row


def build(numbers: Numbers) -> Grid:
    places = (("casia-bn", "NM"), ("casia-bn", "BG"), ("casia-bn", "CL"), ("grew", "all"))
    rows = [
        Row((NAMES[method],), tuple(numbers.cell(d, "gaitset", method, c) for d, c in places))
        for method in ("gaitssb", "sf")
    ]
    columns = ("CASIA-BN NM", "CASIA-BN BG", "CASIA-BN CL", "GREW")
    return Grid("10", "Self-supervised GaitSSB*: rank-1 (%), GaitSet", ("Method",), columns, tuple(rows))
