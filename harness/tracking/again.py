"""Runs that were computed once more: what came out, beside what the record of the first time says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import UserError
from harness.files import read_json, write_json
from harness.layout import again
from harness.tracking.shapes import Natural, Shape, Word, hold


class Made(Shape):
    """When and where a run was computed; machine: its processor with its units, or its card."""

    run_id: Word
    commit: Word
    started: str
    machine: str


class Repeat(Shape):
    """A run beside its repetition.

    differs: what tells the two machines apart that may change bits, empty for one kind. labels_from, weights_from: the
    first epoch after which labels or weights are not the same bits, None where all are; metric: the largest difference
    of any metric of any epoch, in its own unit, and ``where`` that is; None where one of the two lacks a metric.
    """

    run: Word
    first: Made
    again: Made
    differs: list[str]
    epochs: Natural
    labels_from: Natural | None
    weights_from: Natural | None
    metric: float | None
    where: str

    @property
    def identical(self) -> bool:
        return self.labels_from is None and self.weights_from is None and self.metric == 0


class _File(Shape):
    runs: list[Repeat]


def compare(
    run: str, made: Sequence[Made], differs: Sequence[str], first: Mapping[str, Any], once_more: Mapping[str, Any]
) -> Repeat:
    """Two files of epochs of one run, of the same number of epochs and with digests; else a ``ValueError``."""
    one, two = first["epochs"], once_more["epochs"]
    digests = [record.get("digests") or () for record in (first, once_more)]
    hold(len(one) == len(two), f"{len(two)} epochs, the first time {len(one)}")
    hold(all(digests), "no digests were recorded")
    metric, where = apart(one, two)
    return Repeat(
        run=run,
        first=made[0],
        again=made[1],
        differs=list(differs),
        epochs=len(one),
        labels_from=differ_from("labels", *digests),
        weights_from=differ_from("weights", *digests),
        metric=None if math.isinf(metric) else metric,
        where=where,
    )


def apart(first: Sequence[Mapping[str, float]], once_more: Sequence[Mapping[str, float]]) -> tuple[float, str]:
    """The largest difference of a metric between two runs' epochs, in its own unit, and where ("loss of epoch 2").

    0 and "" for none; infinite where one of the two lacks a metric.
    """
    found = {
        f"{key} of epoch {number}": abs(one[key] - two[key]) if key in one and key in two else math.inf
        for number, (one, two) in enumerate(zip(first, once_more, strict=True))
        for key in {**one, **two}
    }
    where = max(found, key=lambda key: found[key], default="")
    return (found[where], where) if found.get(where) else (0.0, "")


def differ_from(what: str, first: Sequence[Mapping[str, str]], once_more: Sequence[Mapping[str, str]]) -> int | None:
    """The first epoch whose digests of ``what`` ("labels", "weights") are not the same; None when all are."""
    pairs = enumerate(zip(first, once_more, strict=True))
    return next((number for number, (one, two) in pairs if one[what] != two[what]), None)


def read(suite: str) -> list[Repeat]:
    """What is recorded of a suite's repetitions, by run and time; a file of another shape is a ``UserError``."""
    path = again(suite)
    if not path.is_file():
        return []
    try:
        return _File.model_validate(read_json(path)).runs
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise UserError(f"{path}: {place}: {fault['msg']}; bring it back from git, or remove it") from None


def keep(suite: str, found: Sequence[Repeat]) -> Path:
    """Adds repetitions to the record; one that is there already, by run and time, is replaced."""
    kept = {(one.run, one.again.started): one for one in [*read(suite), *found]}
    path: Path = again(suite)
    write_json(path, _File(runs=[kept[key] for key in sorted(kept)]).model_dump(mode="json"))
    return path
