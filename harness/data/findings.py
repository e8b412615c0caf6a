"""What preparation left out or found odd: counted, with a few examples, and the same whatever the number of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

KINDS = {
    "unknown subject": "folders left out: no subject of this data set has that name",
    "unknown condition": "folders left out: no condition of this data set has that name",
    "unknown view": "folders left out: no view of this data set has that name",
    "not in the layout": "folders with frames left out: they are not where this data set keeps them",
    "distractor": "folders left out: the data set's distractors belong to no split",
    "outside the partition": "sequences left out: the partition names neither as training nor as test subject",
    "duplicate": "sequences there a second time: the place that sorts first was taken",
    "link": "links left out: they leave the archive, or are links inside one",
    "unpacked beside": "archives left out: the folder of the same name beside them was read",
    "empty folder": "folders with nothing in them",
    "other file": "files left alone: neither frames nor pickled sequences nor archives",
    "empty": "sequences left out: no frame shows anybody",
    "short": "sequences kept though fewer than 5 frames are left",
    "one frame": "sequences kept though only one frame is left",
    "nobody": "frames left out: nobody is on them",
    "unreadable": "frames left out: damaged or cut short",
    "too large": "frames left out: more pixels than the limit",
    "twice": "frames there a second time: the later one was taken",
    "colour": "frames in colour, turned grey",
    "16 bit": "frames of 16 bits, reduced to 8",
    "other size": "frames of another size than the sequence's first, used all the same",
    "not aligned": "frames that should come cut to 64 x 64 and do not, cut here",
    "bad pickle": "pickled sequences left out: not an array of silhouettes, or code",
}
"""Every kind of finding, in the order in which reports show them."""
_EXAMPLES = 5


class Findings:
    """Counts by kind, and the first few places of each in alphabetical order."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[str]] = {}

    def add(self, kind: str, place: str, count: int = 1) -> None:
        """Counts something at a place. ``kind`` is a key of :data:`KINDS`."""
        self._merge(kind, [place], count)

    def _merge(self, kind: str, places: Iterable[str], count: int) -> None:
        if kind not in KINDS:
            raise KeyError(f"unknown kind of finding: {kind}")
        self.counts[kind] = self.counts.get(kind, 0) + count
        self.examples[kind] = sorted({*self.examples.get(kind, []), *places})[:_EXAMPLES]

    def merge(self, other: Mapping[str, tuple[int, list[str]]]) -> None:
        """Adds what :meth:`as_dict` of another gave."""
        for kind, (count, places) in other.items():
            self._merge(kind, places, count)

    def as_dict(self) -> dict[str, tuple[int, list[str]]]:
        """Count and examples by kind, in the order of :data:`KINDS`; can be written as JSON."""
        return {kind: (self.counts[kind], self.examples[kind]) for kind in KINDS if kind in self.counts}


def printable(name: str) -> str:
    """A file's name as text that can be printed and stored: bytes that are no UTF-8 are written as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()
