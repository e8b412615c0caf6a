"""What a process does: a run of raw frames into silhouettes. Imports nothing heavy, so that processes start at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.data.archive import Run, is_pickle
from harness.data.decode import decode
from harness.data.findings import Findings, printable
from harness.data.pickles import BadPickleError, load_frames
from harness.data.prepare import middle, silhouette
from harness.data.spots import Limits, Spot
from harness.types import FRAME

_ALIGNED = (64, 64)


@dataclass(frozen=True)
class Piece:
    """A prepared run: ``frames`` uint8[T,64,44] of the files ``names``, and what was odd."""

    names: list[str]
    frames: npt.NDArray[np.uint8]
    findings: dict[str, tuple[int, list[str]]]
    raw_frames: int


def frame_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sorts file names as people count: 2.png before 10.png, and 001.png as by the alphabet."""
    numbers = [(int(digits), "") if digits else (-1, text) for digits, text in re.findall("([0-9]+)|([^0-9]+)", name)]
    return numbers, name


def prepare_run(run: Run, aligned: bool, limits: Limits) -> Piece:
    """Reads a run and prepares its frames in the order of their names.

    ``aligned``: the data set's frames come cut to 64 x 64 and are taken as they are.
    """
    findings = Findings()
    if is_pickle(run.spots[0].name):
        return _unpickle(run, findings, limits)
    spots = _ordered(run, findings)
    out = np.empty((len(spots), *FRAME), dtype=np.uint8)
    names: list[str] = []
    first: tuple[int, ...] | None = None
    for spot in spots:
        place = f"{run.place}/{printable(spot.name)}"
        frame, notes = decode(spot.read(limits), limits.member)
        for note in notes:
            findings.add(note, place)
        if frame is None:
            continue
        first = first or frame.shape
        if frame.shape != first:
            findings.add("other size", place)
        if aligned and frame.shape == _ALIGNED:
            out[len(names)] = middle(frame)
        else:
            if aligned:
                findings.add("not aligned", place)
            if not silhouette(frame, out[len(names)]):
                findings.add("nobody", place)
                continue
        names.append(printable(spot.name))
    return Piece(names, out[: len(names)], findings.as_dict(), len(run.spots))


def _ordered(run: Run, findings: Findings) -> list[Spot]:
    """The run's frames by name; of two with one name the later, as unpacking would leave it."""
    by_name: dict[str, Spot] = {}
    for spot in run.spots:
        if spot.name in by_name:
            findings.add("twice", f"{run.place}/{printable(spot.name)}")
        by_name[spot.name] = spot
    return [by_name[name] for name in sorted(by_name, key=frame_order)]


def _unpickle(run: Run, findings: Findings, limits: Limits) -> Piece:
    spot = run.spots[0]
    try:
        frames = load_frames(spot.read(limits))
    except BadPickleError as error:
        findings.add("bad pickle", f"{run.place}: {error}")
        frames = np.zeros((0, *FRAME), dtype=np.uint8)
    # One name each, in order: a pickle's frames have none.
    names = [f"{number:06d}" for number in range(len(frames))]
    return Piece(names, frames, findings.as_dict(), len(frames))
