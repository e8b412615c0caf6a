"""Table 7: what SSF alone does at each probe view."""

from __future__ import annotations

from harness.tables.grid import NAMES, Grid, Numbers, Row
from harness.tables.table3 import VIEWS


def build(numbers: Numbers) -> Grid:
    rows = [
        Row(
            ("GaitSet", condition, NAMES[method]),
            tuple(numbers.cell("casia-bn", "gaitset", method, condition, view) for view in VIEWS),
        )
        for condition in ("NM", "BG", "CL")
        for method in ("cc", "ssf")
    ]
    columns = tuple(f"{view}°" for view in VIEWS)
    return Grid("7", "SSF by probe view: rank-1 (%)", ("Backbone", "Condition", "Method"), columns, tuple(rows), ())
