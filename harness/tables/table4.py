"""Table 4: rank-1 on Outdoor-Gait."""

from __future__ import annotations

from harness.tables.grid import BOLD, NAMES, RED, Grid, Numbers, Row, mark_all, mark_gain


def build(numbers: Numbers) -> Grid:
    conditions = ("NM", "BG", "CL")
    cells = {
        method: tuple(numbers.cell("outdoor-gait", "gaitset", method, c) for c in conditions)
        for method in ("upper", "pretrain", "cc", "sf")
    }
    cells["upper"] = mark_all(cells["upper"], RED)
    cells["sf"] = mark_gain(cells["sf"], cells["cc"], [BOLD] * 3)
    rows = tuple(Row(("GaitSet", NAMES[method]), cells[method]) for method in cells)
    note = numbers.note(["outdoor-gait"])
    return Grid("4", "Rank-1 (%) on Outdoor-Gait", ("Backbone", "Method"), conditions, rows, note=note)
