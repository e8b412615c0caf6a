"""Table 7: what SSF alone does at each probe view."""

from __future__ import annotations

from harness.tables.grid import NAMES, Grid, Numbers, Row, mark_gain
from harness.tables.table3 import GAINS, VIEWS


def build(numbers: Numbers) -> Grid:
    rows = []
    for condition in ("NM", "BG", "CL"):
        cells = {
            method: tuple(numbers.cell("casia-bn", "gaitset", method, condition, view) for view in VIEWS)
            for method in ("cc", "ssf")
        }
        cells["ssf"] = mark_gain(cells["ssf"], cells["cc"], GAINS)
        rows += [Row(("GaitSet", condition, NAMES[method]), cells[method]) for method in cells]
    columns = tuple(f"{view}°" for view in VIEWS)
    heads = ("Backbone", "Condition", "Method")
    note = numbers.note(["casia-bn"])
    return Grid("7", "SSF by probe view: rank-1 (%)", heads, columns, tuple(rows), (), note=note)
