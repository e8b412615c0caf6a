"""Tables as data: what stands in each cell, ours and the paper's, before anything is rounded."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from harness.published import Published, published
from harness.types import ResultRecord

NAMES = {
    "upper": "Upper",
    "pretrain": "Pretrain",
    "cc": "Base (CC)",
    "ssf": "Base + SSF",
    "scf": "Base + SCF",
    "sf": "Ours (SF)",
    "gaitssb": "GaitSSB*",
}
BACKBONES = {"gaitset": "GaitSet", "gaitgl": "GaitGL"}


@dataclass(frozen=True)
class Cell:
    """ours: one value for each seed, per cent, not rounded (empty: not run); paper: as printed, or None."""

    ours: tuple[float, ...]
    paper: str | None

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.ours) if self.ours else None

    @property
    def spread(self) -> float | None:
        """Sample standard deviation over seeds; None with fewer than two."""
        return statistics.stdev(self.ours) if len(self.ours) > 1 else None


@dataclass(frozen=True)
class Row:
    head: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """A table: ``heads`` name the first columns, ``columns`` those with cells.

    ``spread_in``: columns that show the spread beside the mean when printed (None: all of them).
    """

    number: str
    title: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    spread_in: tuple[str, ...] | None = None

    def part(self, start: int, stop: int) -> Grid:
        """The table with some of its columns."""
        rows = tuple(Row(row.head, row.cells[start:stop]) for row in self.rows)
        return replace(self, columns=self.columns[start:stop], rows=rows)

    def shows_spread(self, column: str) -> bool:
        return self.spread_in is None or column in self.spread_in


class Numbers:
    """Looks cells up: our records beside one of the paper's tables.

    stands_for: the paper's data set -> ours, for example {"casia-bn": "target"}.
    """

    def __init__(self, records: Iterable[ResultRecord], stands_for: Mapping[str, str], table: int) -> None:
        self.stands_for = stands_for
        self._paper: dict[tuple[str, ...], str] = {self._key(p): p.value for p in published(table) if not p.variant}
        self._ours: dict[tuple[str, ...], dict[int, float]] = {}
        for r in records:
            view = "mean" if r.view_deg is None else str(r.view_deg)
            key = (r.dataset, r.backbone, r.method, r.condition, view, r.metric)
            self._ours.setdefault(key, {})[r.seed] = r.value

    @staticmethod
    def _key(p: Published) -> tuple[str, ...]:
        return (p.dataset, p.backbone, p.method, p.condition, p.view, p.metric)

    def cell(
        self, dataset: str, backbone: str, method: str, condition: str, view: str = "mean", metric: str = "rank1"
    ) -> Cell:
        """The cell for a place in the paper (its data set's name)."""
        rest = (backbone, method, condition, view, metric)
        ours = self._ours.get((self.stands_for.get(dataset, ""), *rest), {})
        return Cell(tuple(ours[seed] for seed in sorted(ours)), self._paper.get((dataset, *rest)))
