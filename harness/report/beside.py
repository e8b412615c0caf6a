"""A suite beside another with the same people: what stays when precision, machine, seeds or a setting change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.order import Column
from harness.statistics import MIN_SEEDS, Floats, paired_test, welch_interval
from harness.tables.grid import Cell, Grid, Place
from harness.tables.render import ABSENT, chance, ours, signed

MEANS = ("backbone", "method", "condition", "here", "there", "here − there", "95 %", "largest of one seed")
CLAIMS = ("claim", "paper", "here", "95 %", "p", "there", "95 %", "p")
CHANGED = ("setting", "here", "there")
ABOUT = (
    "The same people and seeds, computed twice. Means in per cent, differences in points; 95 %: paired over seeds and "
    "test subjects, before any correction. Where only precision or machine differ, a difference is what rounding alone "
    "makes of rendering and training."
)
ABOUT_OTHER_SEEDS = (
    "The same people, other seeds. Means in per cent, differences in points; 95 %: over the seeds of either suite "
    "(Welch's t), for these test people, before any correction."
)
ABOUT_CLAIMS = "Claims and questions measured in both, each with the numbers of its weakest part; p is before Holm's."
ABOUT_SOME = " Rows without a seed in common (— in the last column): over the seeds of either suite (Welch's t)."
_Shared = tuple[tuple[str, ...], str, Cell, Cell]
"""Backbone and method, condition, and the cell here and there."""


@dataclass(frozen=True)
class Beside:
    """changed: rows under :data:`CHANGED`; means: under :data:`MEANS`; claims: under :data:`CLAIMS`.

    about: what differs and what the intervals are; cost: what the other suite's runs were made with; found: the
    comparison in sentences.
    """

    preset: str
    about: str
    cost: str
    found: str
    changed: Sequence[tuple[str, str, str]]
    means: Sequence[tuple[str, ...]]
    claims: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Side:
    """One of the two suites: its summary table, and its claims as `harness claims --json` has them."""

    summary: Grid
    claims: Sequence[Mapping[str, Any]]


def beside(
    preset: str,
    cost: str,
    changed: Sequence[tuple[str, str, str]],
    here: Side,
    there: Side,
    paired: Callable[[Place], Floats | None],
) -> Beside:
    """Lays two suites side by side.

    paired: the differences f64[n,S] of a cell in points, here less there, of the n seeds and S test subjects of both;
    None where they share none: then its interval is one over the seeds of either.
    """
    other = {row.head: row.cells for row in there.summary.rows}
    shared: list[_Shared] = [
        (row.head, c, own, its)
        for row in here.summary.rows
        for c, own, its in zip(here.summary.columns, row.cells, other.get(row.head, ()), strict=False)
        if own.ours and its.ours
    ]
    means, apart, alone = [], 0, 0
    for head, condition, own, its in shared:
        assert own.place is not None
        differences = paired(own.place)
        row, zero_outside = _unpaired(own, its) if differences is None else _difference(own.place, differences)
        means.append((*head, condition, ours(own), ours(its), *row))
        apart, alone = apart + zero_outside, alone + (differences is None)
    said = ["No method has run in both."]
    if shared:
        said = [f"In {apart} of {len(shared)} rows the interval of the difference leaves zero out."]
    about = ABOUT_OTHER_SEEDS if shared and alone == len(shared) else ABOUT + ABOUT_SOME * (alone > 0)
    if ranked := _ranked(shared):
        agreeing, pairs = sum(c.agreeing for c in ranked), sum(c.pairs for c in ranked)
        said.append(f"{agreeing} of {pairs} pairs of methods come in the same order in both.")
    both = _both(here.claims, there.claims)
    if alike := [(a, b) for a, b in both if a["part"] == b["part"]]:
        agreeing = sum(a["difference"] * b["difference"] > 0 for a, b in alike)
        said.append(f"{agreeing} of {len(alike)} claims with the same weakest part have differences of the same sign.")
    return Beside(preset, about, cost, " ".join(said), changed, means, [_claim(*pair) for pair in both])


def _unpaired(own: Cell, its: Cell) -> tuple[tuple[str, str, str], bool]:
    """As :func:`_difference`, of runs that share no seed."""
    assert own.mean is not None and its.mean is not None
    interval = welch_interval(own.ours, its.ours)
    text = ABSENT if interval is None else _interval(interval)
    outside = interval is not None and not interval[0] <= 0 <= interval[1]
    return (signed(own.mean - its.mean), text, ABSENT), outside


def _difference(place: Place, pairs: Floats) -> tuple[tuple[str, str, str], bool]:
    """Difference, its interval and the largest of one seed as text; whether the interval leaves zero out."""
    by_seed = pairs.mean(axis=1)
    largest = signed(float(by_seed[abs(by_seed).argmax()]))
    if len(pairs) < MIN_SEEDS or pairs.shape[1] < 2:
        return (signed(float(pairs.mean())), ABSENT, largest), False
    test = paired_test(pairs, 0.0, ("beside", place.backbone, place.method, place.condition))
    low, high = test.interval
    return (signed(test.difference), _interval(test.interval), largest), not low <= 0 <= high


def _ranked(shared: Iterable[_Shared]) -> list[Column]:
    """Columns of three methods or more, the other suite's means in the paper's place."""
    found: dict[tuple[str, str], list[tuple[str, float, float]]] = {}
    for (backbone, method), condition, own, its in shared:
        assert own.mean is not None and its.mean is not None
        found.setdefault((backbone, condition), []).append((method, own.mean, its.mean))
    return [Column("", backbone, c, tuple(rows)) for (backbone, c), rows in found.items() if len(rows) > 2]


def _both(
    here: Sequence[Mapping[str, Any]], there: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The claims that were tested in both: of the same name and words, comparing the same."""
    other = {_asked(claim): claim for claim in there if claim["difference"] is not None}
    return [(c, other[_asked(c)]) for c in here if c["difference"] is not None and _asked(c) in other]


def _asked(claim: Mapping[str, Any]) -> tuple[object, ...]:
    """A claim's name, words and comparisons: in the claims file of another suite a name may say another thing."""
    words = tuple(claim[key] for key in ("claim", "says", "metric", "dataset", "backbone"))
    return *words, *claim["asks"]


def _claim(own: Mapping[str, Any], its: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = [(signed(c["difference"]), _interval(c["interval"]), chance(c["p"])) for c in (own, its)]
    return (own["claim"], signed(own["paper"]), *numbers[0], *numbers[1])


def _interval(ends: Sequence[float]) -> str:
    return f"{signed(ends[0])} to {signed(ends[1])}"
