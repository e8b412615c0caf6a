"""Tables made from outcomes of made-up people, on three seeds."""

from __future__ import annotations

import importlib

import numpy as np

from harness.tables.grid import Grid, Numbers
from harness.types import Outcome, ResultRecord

VIEWS = tuple(range(0, 181, 18))
METHODS = ("upper", "pretrain", "cc", "ssf", "scf", "sf", "gaitssb")


def outcome(method, condition, seed, variant="") -> Outcome:
    rng = np.random.default_rng([METHODS.index(method), len(condition), seed, len(variant)])
    trials = np.full((len(VIEWS), 12), 20)
    hits = rng.binomial(20, 0.3 + 0.08 * METHODS.index(method), trials.shape)
    people = tuple(f"{i:03d}" for i in range(12))
    return Outcome(
        "target", "gaitset", method, seed, condition, f"{method}-{seed}", VIEWS, people, hits, trials, variant
    )


def records_of(o: Outcome) -> list[ResultRecord]:
    rates = 100 * o.hits.sum(axis=1) / o.trials.sum(axis=1)
    key = (o.dataset, o.backbone, o.method, o.seed, o.condition)
    numbers = [(view, float(rate)) for view, rate in zip(VIEWS, rates)] + [(None, float(rates.mean()))]
    return [ResultRecord(*key, view, "rank1", value, 20, o.run_id, o.variant) for view, value in numbers]


def build(evidence, number) -> Grid:
    return importlib.import_module(f"harness.tables.table{number}").build(Numbers(evidence, number))
