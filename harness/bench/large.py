"""GREW's size: a training set of 102,887 sequences on the device, and the neighbours of as many features."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from harness.bench import material
from harness.bench.alone import Row, timed
from harness.clustering.infomap import Clustering
from harness.clustering.knn import choose_backend, nearest_neighbours
from harness.data.batching import BatchSource
from harness.training.device import set_up
from harness.types import EpochPlan, Pool

ABOUT = "GREW's size"
SIZE = {"sequences": 102887, "length": 110, "features": 15872, "neighbours": 40, "clusters": 20000, "turns": 3}
"""GREW's training set; features of 62 parts of 256. Its frames, about 11 million, are 30 GiB."""
LEAST = {"clusters": 8, "neighbours": 2}
"""A batch takes eight clusters; a row's neighbours count itself."""


def rows(size: dict[str, Any], tell: Callable[[str], None]) -> Iterator[Row]:
    """The frames' way to the device, a batch from there, the search, InfoMap, and the most memory that it all took."""
    settings = material.paper_settings({**size, "backbone": "gaitset"})
    device = set_up(settings.compute)
    cuda = device.torch.type == "cuda"
    frames, pool = _store(size["sequences"], size["length"])
    tell(f"{len(pool)} sequences, {len(frames)} frames, {frames.nbytes / 2**30:.1f} GiB")
    seconds, held = timed(device.torch, lambda: device.hold(frames))
    yield Row("frames to the device", [seconds], f"{frames.nbytes / 2**30:.1f} GiB, on {held.device.type}")
    labels = np.arange(len(pool)) % size["clusters"]
    source, plan = BatchSource(held, pool, 30, False, 0, device.torch), EpochPlan(labels, 8, 16)
    source.batch(plan, 0, 0)
    taken = [timed(device.torch, lambda: source.batch(plan, 0, step))[0] for step in range(1, 21)]  # noqa: B023
    yield Row("a batch of (8, 16) x 30 frames from it", taken)
    features = _features(size, device.torch)
    backend = choose_backend(settings.compute.knn)
    taken = []
    for turn in range(size["turns"]):
        seconds, _ = timed(
            device.torch, lambda: nearest_neighbours(features, size["neighbours"] - 1, backend, size["threads"])
        )
        taken.append(seconds)
        tell(f"search {turn + 1}: {seconds:.2f} s")
    operations = 2.0 * size["sequences"] ** 2 * size["features"]
    yield Row(
        f"{size['neighbours'] - 1} neighbours of {size['sequences']} x {size['features']}", taken,
        f"{operations / statistics.median(taken) / 1e12:.3g} TFLOP/s in fp32, every pair twice",
    )  # fmt: skip
    if cuda:
        yield Row("most memory on the device", [], f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB allocated")
    clustering = Clustering(True, False, 2, 1, backend, size["threads"])
    seconds, clusters = timed(device.torch, lambda: clustering.fit(features, size["neighbours"], 0.3))
    linked = clusters.kept_links / clusters.neighbour_links
    yield Row(
        "search, links and InfoMap", [seconds],
        f"{clusters.count} clusters, {linked:.0%} of the neighbours linked: made-up clusters hardly touch",
    )  # fmt: skip


def _store(sequences: int, length: int) -> tuple[torch.Tensor, Pool]:
    """Frames of no meaning: only their size counts, and that every page of them was written."""
    frames = torch.empty(sequences * length, 64, 44, dtype=torch.uint8)
    frames.view(-1, 2816)[:] = torch.arange(2816, dtype=torch.int32).to(torch.uint8)
    start = np.arange(sequences, dtype=np.int64) * length
    return frames, Pool(start, np.full(sequences, length, dtype=np.int64), None)


def _features(size: dict[str, Any], device: torch.device) -> torch.Tensor:
    """Unit rows in clusters, made on the device: as ``material.clustered`` has them, which would take minutes."""
    make = torch.Generator(device).manual_seed(0)
    centres = torch.randn(size["clusters"], size["features"], device=device, generator=make)
    out = torch.empty(size["sequences"], size["features"], device=device)
    for start in range(0, len(out), 4096):
        part = out[start : start + 4096]
        number = torch.arange(start, start + len(part), device=device) % size["clusters"]
        part.normal_(generator=make).mul_(0.7).add_(centres[number])
        part.copy_(F.normalize(part, dim=1))
    return out
