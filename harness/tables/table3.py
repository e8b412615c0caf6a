"""Table 3: rank-1 on CASIA-BN by probe view, both backbones."""

from __future__ import annotations

from harness.tables.grid import BACKBONES, BLUE, BOLD, FRONT_BACK, NAMES, RED, Grid, Numbers, Row, mark_all, mark_gain

VIEWS = tuple(str(view) for view in range(0, 181, 18))
GAINS = tuple(BLUE if int(view) in FRONT_BACK else "" for view in VIEWS)
"""Where a gain over CC is marked: at front/back views."""


def build(numbers: Numbers) -> Grid:
    rows = []
    for backbone in BACKBONES:
        for condition in ("NM", "BG", "CL"):
            cells = {
                method: tuple(numbers.cell("casia-bn", backbone, method, condition, view) for view in (*VIEWS, "mean"))
                for method in ("upper", "pretrain", "cc", "sf")
            }
            cells["upper"] = mark_all(cells["upper"], RED)
            cells["sf"] = mark_gain(cells["sf"], cells["cc"], (*GAINS, BOLD))
            rows += [Row((BACKBONES[backbone], condition, NAMES[method]), cells[method]) for method in cells]
    columns = (*(f"{view}°" for view in VIEWS), "Average")
    title = "Rank-1 (%) by probe view, identical view excluded"
    heads = ("Backbone", "Condition", "Method")
    return Grid("3", title, heads, columns, tuple(rows), ("Average",), note=numbers.note(["casia-bn"]))
