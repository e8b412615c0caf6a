"""Table 3: rank-1 on CASIA-BN by probe view, both backbones."""

from __future__ import annotations

from harness.tables.grid import BACKBONES, NAMES, Grid, Numbers, Row

VIEWS = tuple(str(view) for view in range(0, 181, 18))


def build(numbers: Numbers) -> Grid:
    rows = [
        Row(
            (BACKBONES[backbone], condition, NAMES[method]),
            tuple(numbers.cell("casia-bn", backbone, method, condition, view) for view in (*VIEWS, "mean")),
        )
        for backbone in BACKBONES
        for condition in ("NM", "BG", "CL")
        for method in ("upper", "pretrain", "cc", "sf")
    ]
    columns = (*(f"{view}°" for view in VIEWS), "Average")
    title = "Rank-1 (%) by probe view, identical view excluded"
    return Grid("3", title, ("Backbone", "Condition", "Method"), columns, tuple(rows), ("Average",))
