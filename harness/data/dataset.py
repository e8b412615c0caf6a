"""What a data set is: how its archive names things, who is in which split, and what it should hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harness.errors import UserError, nearest
from harness.files import read_json

Split = Callable[[str], str | None]
"""Subject -> "train", "val", "test" or "probe" (nobody knows who is on it); None: not part of this partition."""


class Key(NamedTuple):
    """One walk under one camera, as the data set names it."""

    subject: str
    condition: str
    view: str


@dataclass(frozen=True)
class Expected:
    """How many subjects and sequences a split has; None where nobody has published it."""

    subjects: int
    sequences: int | None


def nothing_known(key: Key) -> str | None:
    """For a data set of which nothing is known to be missing."""
    return None


def by_name(key: Key) -> int:
    """Every condition ranks the same: sequences stand in the order of their names."""
    return 0


@dataclass(frozen=True)
class DataSet:
    """One data set.

    parse: the folders above a frame, innermost last -> its key, or in one or two words why it has none.
    partitions: splits of the subjects by name, the first one the usual. expected: for each partition and split what
    should be there; ``complete``: every key that a complete archive has, where that is known. known_missing: why a
    missing key is no fault of the user's copy. aligned: its frames come cut to 64 x 64. numbered: sequences have names
    without order, so that subjects' sequences get the conditions "01", "02" ... by name, and "00" in training.
    rank: sorts conditions before their names do. licence, ask: its terms and where to ask for it.
    """

    name: str
    title: str
    layout: str
    parse: Callable[[Sequence[str]], Key | str]
    partitions: Mapping[str, Split]
    licence: str
    ask: str
    expected: Mapping[str, Mapping[str, Expected]] = field(default_factory=dict)
    complete: Callable[[], Iterable[Key]] | None = None
    known_missing: Callable[[Key], str | None] = nothing_known
    aligned: bool = False
    numbered: bool = False
    rank: Callable[[Key], int] = by_name

    @property
    def usual(self) -> str:
        """The partition that the paper uses."""
        return next(iter(self.partitions))

    def split(self, partition: str) -> Split:
        """The split of a partition's name, or of a file in OpenGait's JSON form."""
        if partition in self.partitions:
            return self.partitions[partition]
        if partition.endswith(".json"):
            return read_partition(Path(partition))
        hint = nearest(partition, self.partitions)
        raise UserError(f"{self.name}: unknown partition '{partition}'; {hint}, or a file in OpenGait's JSON form")


def numbered(first: int, last: int, digits: int) -> frozenset[str]:
    """Subject names from ``first`` to ``last``, both included."""
    return frozenset(f"{number:0{digits}d}" for number in range(first, last + 1))


def two_sets(train: frozenset[str], test: frozenset[str]) -> Split:
    """A split into those who are trained on and those who are tested on."""

    def split(subject: str) -> str | None:
        return "train" if subject in train else "test" if subject in test else None

    return split


def read_partition(path: Path) -> Split:
    """OpenGait's partition file: {"TRAIN_SET": [subjects], "TEST_SET": [subjects]}."""
    content = read_json(path)
    sets = [content.get(name) for name in ("TRAIN_SET", "TEST_SET")] if isinstance(content, dict) else [None]
    if not all(isinstance(names, list) and all(isinstance(n, str) for n in names) for names in sets):
        raise UserError(f"{path}: not a partition; it needs the lists TRAIN_SET and TEST_SET of subjects' names")
    train, test = (frozenset(names or ()) for names in sets)
    if both := sorted(train & test):
        raise UserError(
            f"{path}: subject {both[0]} is in TRAIN_SET and in TEST_SET ({len(both)} in all); keep it in one"
        )
    if not train and not test:
        raise UserError(f"{path}: TRAIN_SET and TEST_SET are both empty")
    return two_sets(train, test)


def three(parts: Sequence[str], subject: str, condition: str, view: str) -> Key | str:
    """The last three folders as subject, condition and view, each of which must match its pattern in full."""
    if len(parts) < 3:
        return "not in the layout"
    for what, pattern, name in zip(("subject", "condition", "view"), (subject, condition, view), parts[-3:]):
        if not re.fullmatch(pattern, name, re.ASCII):
            return f"unknown {what}"
    return Key(*parts[-3:])
