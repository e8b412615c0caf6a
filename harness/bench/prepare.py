"""Preparation's rate beside that of a plain reference, written in the field's usual way, on the same machine."""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from harness.counters import numpy_rng
from harness.data.dataset import DataSet, Key
from harness.data.ingest import Request, prepare
from harness.data.store import SequenceStore

_T = TypeVar("_T")

ROWS, COLUMNS = 240, 320
_SIDE = 64


def reference_frame(path: Path) -> npt.NDArray[np.uint8] | None:
    """One PNG file as uint8[64,64], a numpy operation for each step of the rule; None when nobody is on it."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    if image.sum() <= 10_000:
        return None
    filled = np.flatnonzero(image.sum(axis=1))
    image = image[filled[0] : filled[-1] + 1]
    size = (int(_SIDE * image.shape[1] / image.shape[0]), _SIDE)
    image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    centre = 0
    for column, so_far in enumerate(image.sum(axis=0).cumsum()):
        if so_far > image.sum() / 2:
            centre = column
            break
    if centre == 0:
        return None
    border = np.zeros((_SIDE, _SIDE // 2))
    if centre - _SIDE // 2 <= 0 or centre + _SIDE // 2 >= image.shape[1]:
        image, centre = np.concatenate([border, image, border], axis=1), centre + _SIDE // 2
    return image[:, centre - _SIDE // 2 : centre + _SIDE // 2].astype(np.uint8)


def reference(raw: Path) -> dict[Key, npt.NDArray[np.uint8]]:
    """Every sequence of ``<subject>/<condition>/<view>/*.png`` as uint8[T,64,64]: one process, a file at a time."""
    done = {}
    for folder in sorted(path for path in raw.glob("*/*/*") if path.is_dir()):
        frames = [reference_frame(path) for path in sorted(folder.glob("*.png"))]
        kept = [frame for frame in frames if frame is not None]
        if kept:
            done[Key(*folder.parts[-3:])] = np.asarray(kept)
    return done


def make_raw(raw: Path, sequences: int, frames: int, seed: int = 0) -> None:
    """Writes walking blobs as 320 x 240 PNG files, ``<subject>/nm-01/<000>/<frame>.png``; seeded."""
    for number in range(sequences):
        rng = numpy_rng(seed, "bench", number)
        folder = raw / f"{number + 1:03d}" / "nm-01" / "000"
        folder.mkdir(parents=True)
        tall, wide = rng.uniform(50, 70), rng.uniform(14, 22)
        for frame in range(frames):
            image = np.zeros((ROWS, COLUMNS), dtype=np.uint8)
            x = int(50 + (COLUMNS - 100) * frame / frames)
            cv2.ellipse(image, (x, 130), (int(wide + 5 * np.sin(frame / 3)), int(tall)), 4, 0, 360, 255, -1)
            cv2.circle(image, (x, int(120 - tall)), 12, 255, -1)
            for dx, dy in rng.integers(-18, 18, (8, 2)):  # a ragged outline, as segmentation leaves it
                cv2.circle(image, (x + int(dx), 130 + 3 * int(dy)), 4, 255, -1)
            cv2.imwrite(str(folder / f"{frame + 1:03d}.png"), image)


def bench_set() -> DataSet:
    """The data set of :func:`make_raw`'s files."""
    return DataSet(
        name="bench",
        title="bench",
        layout="casia-b",
        parse=lambda parts: Key(*parts[-3:]) if len(parts) > 2 else "not in the layout",
        partitions={"all": lambda _: "train"},
        licence="made here",
        ask="made here",
    )


def measure(sequences: int, frames: int, jobs: int, repeats: int, warm_up: int = 1) -> dict[str, Any]:
    """Frames a second of the reference (one process) and of :func:`prepare` (``jobs``), each the median of ``repeats``.

    The two take turns, so that another's load on the machine meets both; "ratio" is the median over the turns,
    "spread" its least and most; the processor time of a frame, all processes together, hardly depends on that load.
    Both read files that were just written, from memory. Their results are
    compared, and must not differ in a byte.
    """
    total = sequences * frames
    rates: dict[str, list[float]] = {"reference": [], "prepare": []}
    used: dict[str, list[float]] = {"reference": [], "prepare": []}
    with tempfile.TemporaryDirectory() as folder:
        raw, store = Path(folder) / "raw", Path(folder) / "store"
        make_raw(raw, sequences, frames)
        request = Request(bench_set(), raw, store)
        for turn in range(warm_up + repeats):
            slow, expected = _timed(lambda: reference(raw))
            fast, _ = _timed(lambda: prepare(request, jobs))
            if turn < warm_up:
                continue
            for name, (seconds, processor) in (("reference", slow), ("prepare", fast)):
                rates[name].append(total / seconds)
                used[name].append(1e6 * processor / total)
        _compare(SequenceStore(store), expected)
    ratios = [fast / slow for fast, slow in zip(rates["prepare"], rates["reference"], strict=True)]
    return {
        "sequences": sequences,
        "frames": total,
        "image": [ROWS, COLUMNS],
        "jobs": jobs,
        "repeats": repeats,
        "reference_frames_per_s": statistics.median(rates["reference"]),
        "frames_per_s": statistics.median(rates["prepare"]),
        "reference_cpu_us_per_frame": statistics.median(used["reference"]),
        "cpu_us_per_frame": statistics.median(used["prepare"]),
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
    }


def _timed(work: Callable[[], _T]) -> tuple[tuple[float, float], _T]:
    """Seconds by the clock and of processors, children's included, and the result."""
    began, before = time.perf_counter(), _processor_seconds()
    result = work()
    return (time.perf_counter() - began, _processor_seconds() - before), result


def _processor_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _compare(store: SequenceStore, expected: dict[Key, npt.NDArray[np.uint8]]) -> None:
    labels = store.labels(np.arange(len(store)))
    found = {Key(*key): row for row, key in enumerate(zip(labels.subject, labels.condition, labels.view))}
    assert found.keys() == expected.keys()
    for key, frames in expected.items():
        np.testing.assert_array_equal(store.sequence(found[key]), frames[:, :, 10:54])
