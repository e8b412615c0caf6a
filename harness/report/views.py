"""Are the same views hard? Rank-1 by probe view here and in the paper's Table 3."""

from __future__ import annotations

from collections.abc import Iterable

from scipy.stats import spearmanr

from harness.tables.grid import Grid

HEADS = ("backbone", "condition", "method", "correlation", "worst two views here", "in the paper")
ABOUT = (
    "Are the same views hard as in the paper? Spearman's correlation, over the views, of our means over seeds with the "
    "paper's Table 3."
)


def profiles(grids: Iterable[Grid]) -> list[tuple[str, ...]]:
    """A row under :data:`HEADS` for each row of Table 3 that has been run."""
    found = []
    for row in (row for grid in grids if grid.number == "3" for row in grid.rows):
        views = {
            cell.place.view: (cell.mean, float(cell.paper))
            for cell in row.cells
            if cell.place and cell.place.view != "mean" and cell.paper and cell.mean is not None
        }
        if len(views) < 3:
            continue
        mine, papers = ([pair[side] for pair in views.values()] for side in (0, 1))
        rank = float(spearmanr(mine, papers).statistic)  # pyright: ignore[reportAttributeAccessIssue]
        worst = (sorted(views, key=lambda view, side=side: views[view][side])[:2] for side in (0, 1))
        found.append((*row.head, f"{rank:.2f}", *(", ".join(f"{v}°" for v in sorted(two, key=int)) for two in worst)))
    return found
