"""In which order the methods come, beside the paper's: what can be compared where people are rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.tables.grid import BACKBONES, DATASETS, Grid

RANKED = {"summary": "casia-bn", "4": "outdoor-gait", "5": "grew"}
"""The tables with every method, and the paper's data set that each is about."""
HEADS = ("for", "backbone", "column", "pairs in the paper's order", "ours, lowest first", "the paper's")


@dataclass(frozen=True)
class Column:
    """A column's methods, each with our mean over seeds and the paper's number (per cent); three methods at the least.

    dataset: as the paper's data sets are keyed ("casia-bn"); name: the column's heading.
    """

    dataset: str
    backbone: str
    name: str
    found: tuple[tuple[str, float, float], ...]

    @property
    def pairs(self) -> int:
        return len(self.found) * (len(self.found) - 1) // 2

    @property
    def agreeing(self) -> int:
        """Pairs in which the same method has more, ours and the paper's; a tie is none."""
        return sum((a[1] - b[1]) * (a[2] - b[2]) > 0 for a, b in combinations(self.found, 2))

    def listed(self, by: int) -> str:
        """The methods from the lowest, by our mean (``by`` 1) or the paper's number (2)."""
        return " < ".join(entry[0] for entry in sorted(self.found, key=lambda entry: entry[by]))


def columns(grids: Iterable[Grid]) -> list[Column]:
    """What can be put in order: columns in which three methods or more have a number of ours and the paper's."""
    out = []
    for grid in (grid for grid in grids if grid.number in RANKED):
        for backbone in dict.fromkeys(row.head[0] for row in grid.rows):
            rows = [row for row in grid.rows if row.head[0] == backbone]
            for at, name in enumerate(grid.columns):
                found = tuple(
                    (row.head[1], mean, float(paper))
                    for row in rows
                    if (mean := row.cells[at].mean) is not None and (paper := row.cells[at].paper) is not None
                )
                if len(found) > 2:
                    out.append(Column(RANKED[grid.number], backbone, name, found))
    return out


def order(found: Sequence[Column]) -> list[tuple[str, ...]]:
    """Rows under :data:`HEADS`."""
    return [
        (DATASETS[c.dataset], c.backbone, c.name, f"{c.agreeing} of {c.pairs}", c.listed(1), c.listed(2)) for c in found
    ]


def in_order(found: Sequence[Column]) -> str:
    """How many pairs of methods are in the paper's order, for each data set and backbone; empty without any."""
    said = []
    for dataset in DATASETS:
        for backbone in BACKBONES.values():
            own = [c for c in found if (c.dataset, c.backbone) == (dataset, backbone)]
            if own:
                agreeing, pairs = sum(c.agreeing for c in own), sum(c.pairs for c in own)
                said.append(f"{agreeing} of {pairs} for {DATASETS[dataset]} with {backbone}")
    return f"Pairs of methods whose means are in the paper's order: {', '.join(said)}." if said else ""
