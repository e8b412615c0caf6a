"""What a score file must look like, and which of its numbers must fit together."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from harness.config import Natural
from harness.tracking.shapes import Shape, Word, hold

TOLERANCE = 1e-6
"""In per cent. Files hold what was computed, not rounded: what stands there twice differs by summation at the most."""

Whole = Annotated[int, Field(ge=0, le=2**53)]
PerCent = Annotated[float, Field(ge=0, le=100 + TOLERANCE)]
Degrees = Annotated[list[Whole | None], Field(min_length=1)]
Counts = list[list[Whole]]


class Protocol(Shape):
    """:class:`harness.types.EvaluationProtocol`."""

    gallery: tuple[str, ...]
    probes: dict[str, tuple[str, ...]]
    per_view: bool
    others: tuple[str, ...]
    views: tuple[Whole, ...]
    ranks: tuple[Whole, ...]
    average_precision: bool
    unmatched: Literal["count", "skip"]


class Condition(Shape):
    """:class:`harness.evaluation.evaluate.ConditionScore`."""

    mean: PerCent
    ranks: dict[int, PerCent]
    precision: dict[str, PerCent]
    views: Degrees
    gallery_views: Degrees
    per_view: list[PerCent | None]
    rank1: list[list[PerCent | None]]
    probes: list[Annotated[Whole, Field(ge=1)]]
    unmatched: Whole
    subjects: Annotated[list[Word], Field(min_length=1)]
    hits: Counts
    trials: Counts
    hits_at: dict[int, Counts] = Field(default_factory=dict)

    @cached_property
    def apart(self) -> npt.NDArray[np.bool_]:
        """Which galleries [V,V'] count: all but that of the probes' own view."""
        return np.array([[v is None or v != g for g in self.gallery_views] for v in self.views])

    @model_validator(mode="after")
    def _fits(self) -> Condition:
        views, people = len(self.views), len(self.subjects)
        for name in ("views", "gallery_views", "subjects"):
            hold(len(set(getattr(self, name))) == len(getattr(self, name)), f"{name} has one of them twice")
        hold(len(self.per_view) == len(self.probes) == views, f"per_view and probes are not of {views} views")
        _rectangle("rank1", self.rank1, views, len(self.gallery_views), "gallery views")
        by_rank = {"trials": self.trials, "hits": self.hits}
        by_rank |= {f"hits_at.{k}": self.hits_at[k] for k in sorted(self.hits_at)}
        for name, rows in by_rank.items():
            _rectangle(name, rows, views, people, "subjects")
        trials, *hits = (np.array(rows, dtype=np.int64) for rows in by_rank.values())
        hold(all((found <= trials).all() for found in hits), "more hits than trials")
        growing = all((low <= high).all() for low, high in pairwise(hits))
        hold(growing, "a higher rank has fewer hits than a lower")
        hold(self.unmatched <= sum(self.probes), "more unmatched probes than probes")
        self._means_fit()
        return self

    def _means_fit(self) -> None:
        rank1, per_view = _floats(self.rank1), _floats(self.per_view)
        _near("per_view", per_view, _mean(np.where(self.apart, rank1, np.nan)), "the mean of its row of rank1")
        _near("mean", self.mean, _mean(per_view), "the mean of per_view")
        _near("ranks.1", self.ranks.get(1, np.nan), self.mean, "mean")
        ranks = [self.ranks[k] for k in sorted(self.ranks)]
        hold(ranks == sorted(ranks), "ranks: a higher rank is right less often than a lower")

    def check_against(self, protocol: Protocol) -> None:
        """What the protocol asks for, and hits and trials as rank1 has them. Raises ``ValueError``."""
        known = set(protocol.views) if protocol.per_view else {None}
        odd = [v for v in (*self.views, *self.gallery_views) if v not in known and (known or v is None)]
        hold(not odd, f"views: the protocol knows no {odd[:1]}")
        hold(self.ranks.keys() == set(protocol.ranks), "ranks are not the protocol's")
        hold(self.hits_at.keys() == set(protocol.ranks) - {1}, "hits_at are not of the protocol's ranks")
        wanted = {"mAP", "mINP"} if protocol.average_precision else set()
        hold(self.precision.keys() == wanted, "precision is not what the protocol asks for")
        hold(self.apart.any(axis=1).all(), "a view has no gallery to be compared with")
        trials = np.array(self.trials).sum(axis=1)
        compared = np.array(self.probes) * self.apart.sum(axis=1)
        if protocol.unmatched == "skip" and self.unmatched:  # galleries then weigh differently: only a bound holds
            hold((trials <= compared).all(), "more trials than probes x galleries")
            return
        hold((trials == compared).all(), "trials are not probes x galleries")
        _near("per_view", _floats(self.per_view), 100 * np.array(self.hits).sum(axis=1) / trials, "hits / trials")
        for k, hits in self.hits_at.items():
            mean = (100 * np.array(hits).sum(axis=1) / trials).mean()
            _near(f"ranks.{k}", self.ranks[k], mean, "hits_at / trials")


class Scores(Shape):
    """results/<suite>/scores/*.json, as :func:`harness.tracking.records.write_result` writes it."""

    suite: Word
    dataset: Word
    backbone: Word
    method: Word
    seed: Natural
    variant: str = ""
    run_id: Word
    store: Word
    distance: Word
    protocol: Protocol
    metrics: dict[str, PerCent]
    conditions: Annotated[dict[str, Condition], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits(self) -> Scores:
        hold(self.metrics.keys() == {f"rank1_{c}" for c in self.conditions}, "metrics are not those of the conditions")
        for name, condition in self.conditions.items():
            try:
                hold(name in self.protocol.probes, "the protocol has no such condition")
                condition.check_against(self.protocol)
                _near(f"metrics.rank1_{name}", self.metrics[f"rank1_{name}"], condition.mean, "mean")
            except ValueError as error:
                raise ValueError(f"conditions.{name}: {error}") from None
        return self


def _rectangle(name: str, rows: list[Any], count: int, width: int, of: str) -> None:
    fits = len(rows) == count and all(len(row) == width for row in rows)
    hold(fits, f"{name} is not {count} views x {width} {of}")


def _floats(values: list[Any]) -> npt.NDArray[np.float64]:
    """With NaN for None: where nothing was compared."""
    return np.array(values, dtype=np.float64)


def _mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Over the last axis without NaN; NaN where nothing is left."""
    counted = ~np.isnan(values)
    total = np.where(counted, values, 0).sum(axis=-1)
    return np.divide(total, counted.sum(axis=-1), out=np.full_like(total, np.nan), where=counted.any(axis=-1))


def _near(name: str, given: Any, computed: Any, what: str) -> None:
    apart = np.abs(given - computed) > TOLERANCE  # never true of NaN
    hold(not np.any(apart) and np.all(np.isnan(given) == np.isnan(computed)), f"{name} is not {what}")
