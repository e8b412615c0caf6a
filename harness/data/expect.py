"""What a store holds beside what its data set should hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.data.dataset import DataSet, Expected, Key
from harness.data.findings import KINDS
from harness.data.store import SequenceStore
from harness.files import read_json

_FEW = 5


@dataclass(frozen=True)
class SplitCount:
    """One split: subjects and sequences there, and what should be (None: nobody says)."""

    split: str
    subjects: int
    sequences: int
    expected: Expected | None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, as far as anybody can know."""
        wanted = self.expected
        return wanted is None or (self.subjects, self.sequences) == (
            wanted.subjects,
            wanted.sequences or self.sequences,
        )


@dataclass(frozen=True)
class Verdict:
    """What :func:`compare` found.

    missing: keys that a complete archive has, known_missing: those that no copy has, with the reason. short: keys of
    sequences of fewer than five frames. odd: kind of finding -> count, its meaning and examples.
    """

    splits: list[SplitCount]
    missing: list[Key]
    known_missing: list[tuple[Key, str]]
    short: list[tuple[Key, int]]
    odd: dict[str, tuple[int, str, list[str]]]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing but what is known to be."""
        return not self.missing and (bool(self.known_missing) or all(split.complete for split in self.splits))


def compare(store: SequenceStore, dataset: DataSet | None) -> Verdict:
    """Compares a store with the expected counts of its data set (None: a data set without any)."""
    made_from: dict[str, Any] = store.about.get("made_from") or {}
    partition = str(made_from.get("partition", ""))
    expected = dict(dataset.expected.get(partition, {})) if dataset else {}
    if made_from.get("validation"):
        # Some of the training subjects stand in "val": their sum is what can be compared.
        train = expected.pop("train", None)
        expected |= {"train + val": train} if train else {}
    every = np.arange(len(store))
    labels = store.labels(every)
    splits = store.splits()
    counts = []
    for name in dict.fromkeys((*expected, *dict.fromkeys(splits.tolist()))):
        rows = np.flatnonzero(np.isin(splits, name.split(" + ")))
        counts.append(SplitCount(name, len(set(labels.subject[rows].tolist())), len(rows), expected.get(name)))
    found = {Key(*key) for key in zip(labels.subject.tolist(), labels.condition.tolist(), labels.view.tolist())}
    missing: list[Key] = []
    known: list[tuple[Key, str]] = []
    if dataset and dataset.complete:
        people = {key.subject for key in found}
        split = dataset.partitions.get(partition, lambda subject: subject if subject in people else None)
        for key in dataset.complete():
            if key in found or split(key.subject) is None:
                continue
            reason = dataset.known_missing(key)
            if reason:
                known.append((key, reason))
            else:
                missing.append(key)
    few = np.flatnonzero(store.length < _FEW)
    short = [(Key(labels.subject[i], labels.condition[i], labels.view[i]), int(store.length[i])) for i in few]
    return Verdict(counts, missing, known, short, _odd(store))


def _odd(store: SequenceStore) -> dict[str, tuple[int, str, list[str]]]:
    path = store.path / "report.json"
    if not path.is_file():
        return {}
    found = read_json(path)["findings"]
    return {kind: (found[kind][0], KINDS[kind], found[kind][1]) for kind in KINDS if kind in found}
