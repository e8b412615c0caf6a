"""Tables as data: what stands in each cell, ours and the paper's, before anything is rounded."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import UserError
from harness.published import Published, published
from harness.statistics import people_interval, seed_interval
from harness.types import Outcome, ResultRecord

NAMES = {
    "upper": "Upper",
    "pretrain": "Pretrain",
    "cc": "Base (CC)",
    "ssf": "Base + SSF",
    "scf": "Base + SCF",
    "sf": "Ours (SF)",
    "gaitssb": "GaitSSB*",
}
CONTROLS = {
    "cc_long": "CC, as many steps as CC + SF",
    "norm_refresh": "Pretrain, fresh norm statistics",
    "cc_random": "CC, random labels",
    "cc_true_clothes": "CC, true identity x clothes",
    "cc_true": "CC, true identities",
    "scf_random": "SCF, random candidates",
    "scf_true": "SCF, true identities",
    "ssf_shuffled_views": "SSF, shuffled true views",
    "ssf_true_views": "SSF, true views",
    "sf_scratch": "SF, random initial weights",
}
"""What the paper did not run."""
BACKBONES = {"gaitset": "GaitSet", "gaitgl": "GaitGL"}
DATASETS = {"casia-bn": "CASIA-BN", "outdoor-gait": "Outdoor-Gait", "grew": "GREW"}
FRONT_BACK = (0, 18, 162, 180)

RED, BLUE, BOLD = "red", "blue", "bold"
"""The paper's marks: the upper bound, a gain on front/back views, a gain in the mean."""


@dataclass(frozen=True)
class Place:
    """What a cell is about, in the paper's words: ``view`` is degrees or "mean", ``variant`` a label such as "a=3"."""

    dataset: str
    backbone: str
    method: str
    condition: str
    view: str = "mean"
    metric: str = "rank1"
    variant: str = ""


@dataclass(frozen=True)
class Cell:
    """ours: one value for each seed, per cent, not rounded (empty: not run); paper: as printed, or None.

    people: 95 % interval of the mean by bootstrap over test subjects; why: the reason when seeds are missing; runs: the
    ids behind it; ours_mark, paper_mark: RED, BLUE, BOLD or "".
    """

    ours: tuple[float, ...]
    paper: str | None
    people: tuple[float, float] | None = None
    why: str = ""
    place: Place | None = None
    runs: tuple[str, ...] = ()
    ours_mark: str = ""
    paper_mark: str = ""

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.ours) if self.ours else None

    @property
    def spread(self) -> float | None:
        """Sample standard deviation over seeds; None with fewer than two."""
        return statistics.stdev(self.ours) if len(self.ours) > 1 else None

    @property
    def seeds(self) -> tuple[float, float] | None:
        """95 % interval of the mean over seeds, in per cent; None with fewer than two.

        Student's t knows no bounds, so what lies outside 0 to 100 is cut off.
        """
        interval = seed_interval(self.ours)
        return None if interval is None else (max(0.0, interval[0]), min(100.0, interval[1]))

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        return None if self.mean is None or self.paper is None else self.mean - float(self.paper)


@dataclass(frozen=True)
class Row:
    head: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """A table: ``heads`` name the first columns, ``columns`` those with cells.

    ``spread_in``: columns that show intervals when printed (None: all of them). ``note``: which of our data sets stands
    for which of the paper's. ``base``: the method that its marked gains are over.
    """

    number: str
    title: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    spread_in: tuple[str, ...] | None = None
    note: str = field(default="", kw_only=True)
    base: str = field(default=NAMES["cc"], kw_only=True)

    @property
    def stem(self) -> str:
        """Name of its files, and the first word of its cells' keys."""
        return f"table{self.number}" if self.number.isdigit() else self.number

    def part(self, start: int, stop: int) -> Grid:
        """The table with some of its columns."""
        rows = tuple(Row(row.head, row.cells[start:stop]) for row in self.rows)
        return replace(self, columns=self.columns[start:stop], rows=rows)

    def with_intervals(self) -> Grid:
        """The table with intervals in every column."""
        return replace(self, spread_in=None)

    def filled(self) -> Grid:
        """The table without the rows in which nothing stands, neither ours nor the paper's; its note names them."""
        rows: dict[bool, list[Row]] = {True: [], False: []}
        for row in self.rows:
            rows[any(cell.ours or cell.paper for cell in row.cells)].append(row)
        empty = ", ".join(f"{row.head[-1]} ({', '.join(row.head[:-1])})" for row in rows[False])
        note = f"{self.note} Left out, as nothing has run: {empty}.".lstrip() if empty else self.note
        return replace(self, rows=tuple(rows[True]), note=note)

    def shows_spread(self, column: str) -> bool:
        return self.spread_in is None or column in self.spread_in

    def key(self, row: Row, column: str) -> str:
        """A cell's name, such as "table3/gaitset/cl/sf/90"."""
        return "/".join([self.stem, *(slug(head) for head in row.head), slug(column)])

    def cells(self) -> Iterable[tuple[str, Cell]]:
        """Every cell with its key, row by row."""
        for row in self.rows:
            for column, cell in zip(self.columns, row.cells, strict=True):
                yield self.key(row, column), cell


def slug(text: str) -> str:
    """A heading as it stands in a cell's key: the method's own name, degrees without the sign, lower case."""
    shown = {name: key for key, name in {**NAMES, **CONTROLS}.items()} | {"Average": "mean"}
    return shown.get(text) or re.sub(r"[^a-z0-9.]+", "-", text.lower().removesuffix("°")).strip("-")


@dataclass(frozen=True)
class Evidence:
    """All that tables are made from. ``stands_for``: the paper's data set -> ours, e.g. {"casia-bn": "target"}."""

    suite: str
    seeds: tuple[int, ...]
    backbones: tuple[str, ...]
    stands_for: Mapping[str, str]
    records: tuple[ResultRecord, ...]
    outcomes: tuple[Outcome, ...] = ()
    """At rank-1."""
    outcomes_at: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    """Those at further ranks: {"rank5": ...}."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Methods of other packages with their titles."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What our data sets are, for notes: {"outdoor": "walkers"}."""
    planned: frozenset[str] = frozenset()
    """Controls and labels of variants that are part of the suite, run or not."""


class Numbers:
    """Looks cells up: our records beside one of the paper's tables."""

    def __init__(self, evidence: Evidence, table: int | None) -> None:
        self.evidence = evidence
        printed = published(table) if table is not None else []
        self._paper = {self._place(p): p.value for p in printed}
        self._ours: dict[tuple[str, Place], dict[int, ResultRecord]] = {}
        for r in evidence.records:
            view = "mean" if r.view_deg is None else str(r.view_deg)
            place = Place("", r.backbone, r.method, r.condition, view, r.metric, r.variant)
            other = self._ours.setdefault((r.dataset, place), {}).setdefault(r.seed, r)
            if other.value != r.value:
                raise UserError(
                    f"results/{evidence.suite}/scores: runs {other.run_id} and {r.run_id} disagree about {r.method} on "
                    f"{r.dataset} {r.condition}, {r.backbone}, seed {r.seed}; keep one, or one backbone of a kind"
                )
        self._outcomes: dict[tuple[str, ...], dict[int, Outcome]] = {}
        for metric, outcomes in {"rank1": evidence.outcomes, **evidence.outcomes_at}.items():
            for o in outcomes:
                key = (o.dataset, o.backbone, o.method, o.variant, o.condition, metric)
                self._outcomes.setdefault(key, {})[o.seed] = o

    @staticmethod
    def _place(p: Published) -> Place:
        return Place(p.dataset, p.backbone, p.method, p.condition, p.view, p.metric, p.variant)

    def cell(
        self,
        dataset: str,
        backbone: str,
        method: str,
        condition: str,
        view: str = "mean",
        metric: str = "rank1",
        variant: str = "",
    ) -> Cell:
        """The cell for a place in the paper (its data set's name)."""
        place = Place(dataset, backbone, method, condition, view, metric, variant)
        own = self.evidence.stands_for.get(dataset, "")
        found = self._ours.get((own, replace(place, dataset="")), {})
        seeds = sorted(found)
        return Cell(
            ours=tuple(found[seed].value for seed in seeds),
            paper=self._paper.get(place),
            people=self._people(own, place, seeds),
            why=self._why(place, seeds),
            place=place,
            runs=tuple(found[seed].run_id for seed in seeds),
        )

    def _people(self, own: str, place: Place, seeds: Sequence[int]) -> tuple[float, float] | None:
        key = (own, place.backbone, place.method, place.variant, place.condition, place.metric)
        found = self._outcomes.get(key, {})
        if not seeds or not set(seeds) <= found.keys():
            return None
        views = None if place.view == "mean" else [int(place.view)]
        return people_interval([found[seed] for seed in seeds], views)

    def _why(self, place: Place, seeds: Sequence[int]) -> str:
        evidence = self.evidence
        if place.dataset not in evidence.stands_for:
            return f"suite {evidence.suite} has no data set in {DATASETS.get(place.dataset, place.dataset)}'s structure"
        if place.backbone not in evidence.backbones:
            return f"suite {evidence.suite} does not run {BACKBONES.get(place.backbone, place.backbone)}"
        missing = [seed for seed in evidence.seeds if seed not in seeds]
        if not missing:
            return ""
        name = f"{place.method} {place.variant}".strip()
        if seeds:
            few = ", ".join(map(str, missing))
            return f"no score of {name} with seed {few} yet: `harness run` computes what is missing"
        if place.method in CONTROLS and place.method not in evidence.planned:
            return f"no run of {place.method} yet: a suite with controls computes it (`harness suite list`)"
        if place.variant and place.variant not in evidence.planned:
            return f"no run with {place.variant} yet: a sweep suite computes it (`harness suite list`)"
        if place.view != "mean":
            return "no score of this view: the run is missing (`harness run` computes it) or the data have no such view"
        return f"no run of {name} yet: `harness run` computes what is missing"

    def note(self, datasets: Iterable[str]) -> str:
        """Which of our data sets stands for each of the paper's."""
        parts = []
        for dataset in datasets:
            own = self.evidence.stands_for.get(dataset)
            about = self.evidence.about.get(own or "")
            what = f"{own} ({about})" if about else own or "nothing in this suite"
            parts.append(f"{DATASETS[dataset]}: {what}")
        return f"Ours for {'; '.join(parts)}."


def mark_gain(cells: Sequence[Cell], base: Sequence[Cell], marks: Sequence[str]) -> tuple[Cell, ...]:
    """The cells, each with its mark where it is above the cell of ``base``: ours by ours, the paper's by its own."""

    def better(one: float | None, other: float | None) -> bool:
        return one is not None and other is not None and one > other

    def printed(cell: Cell) -> float | None:
        return None if cell.paper is None else float(cell.paper)

    return tuple(
        replace(
            cell,
            ours_mark=mark if better(cell.mean, under.mean) else "",
            paper_mark=mark if better(printed(cell), printed(under)) else "",
        )
        for cell, under, mark in zip(cells, base, marks, strict=True)
    )


def mark_all(cells: Iterable[Cell], mark: str) -> tuple[Cell, ...]:
    return tuple(replace(cell, ours_mark=mark, paper_mark=mark) for cell in cells)
