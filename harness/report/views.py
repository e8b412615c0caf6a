"""Are the same views hard? Rank-1 by probe view here and in the paper's Table 3."""

from __future__ import annotations

from collections.abc import Iterable

from scipy.stats import spearmanr

from harness.tables.grid import Grid
from harness.tables.render import ABSENT

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
        flat = min(len(set(mine)), len(set(papers))) == 1  # and in no order
        rank = ABSENT if flat else f"{spearmanr(mine, papers).statistic:.2f}"  # pyright: ignore[reportAttributeAccessIssue]
        found.append((*row.head, rank, *(_worst(dict(zip(views, side, strict=True))) for side in (mine, papers))))
    return found


def _worst(profile: dict[str, float]) -> str:
    """The two views with the lowest rank-1; none where all are alike."""
    if len(set(profile.values())) == 1:
        return ABSENT
    return ", ".join(f"{view}°" for view in sorted(sorted(profile, key=lambda view: profile[view])[:2], key=int))
