"""Table 5: rank-1 and rank-5 on GREW."""

from __future__ import annotations

from harness.tables.grid import BOLD, NAMES, RED, Grid, Numbers, Row, mark_all, mark_gain


def build(numbers: Numbers) -> Grid:
    cells = {
        method: tuple(numbers.cell("grew", "gaitset", method, "all", metric=m) for m in ("rank1", "rank5"))
        for method in ("upper", "pretrain", "cc", "sf")
    }
    cells["upper"] = mark_all(cells["upper"], RED)
    cells["sf"] = mark_gain(cells["sf"], cells["cc"], [BOLD] * 2)
    rows = tuple(Row(("GaitSet", NAMES[method]), cells[method]) for method in cells)
    note = numbers.note(["grew"])
    return Grid("5", "Rank-1 and rank-5 (%) on GREW", ("Backbone", "Method"), ("Rank-1", "Rank-5"), rows, note=note)
