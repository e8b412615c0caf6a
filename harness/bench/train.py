"""One optimiser step of CC (batch, network, ClusterNCE, memory update) at the paper's channels."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from harness.bench import material
from harness.bench.hardware import Work, finish
from harness.bench.plain import files
from harness.bench.plain.epoch import PlainRun, centroids
from harness.bench.turns import Tick
from harness.data.batching import BatchSource
from harness.registry import find
from harness.training.device import set_up
from harness.training.listener import Listener
from harness.training.trainer import Trainer, TrainingTools
from harness.types import Augment, Clusters, EpochPlan

ABOUT = "optimiser step"
SIZE = {"backbone": "gaitset", "subjects": 4, "sequences": 4, "frames": 30, "clusters": 40, "members": 8, "length": 40}
GPU_SIZE = {"subjects": 8, "sequences": 16, "clusters": 100, "members": 16, "length": 80}
UNIT = "steps"


@dataclass
class GivenClusters(TrainingTools):
    """Tools whose features and clusters are made up, so that a plan costs nothing."""

    clusters: int = 0

    def extract(self, augment: Augment | None = None) -> Tensor:
        return torch.from_numpy(_embeddings(self.network, len(self.pool), self.clusters)).to(self.device.torch)

    def cluster(self, features: Tensor, n: int, s_up: float) -> Clusters:
        return Clusters(np.arange(len(self.pool)) % self.clusters, 1, 1, 0.0)


class _Turns(Listener):
    def __init__(self, tick: Tick, device: torch.device) -> None:
        self.tick, self.device = tick, device

    def step(self, epoch: int, step: int, loss: float, sequences: int) -> None:
        finish(self.device)
        self.tick()


def _embeddings(network: Any, count: int, clusters: int) -> npt.NDArray[np.float32]:
    """Made up, f32[N,P,D]: either side starts its memory from these, so that neither needs minutes to get ready."""
    rows = material.clustered(count, clusters, network.parts * network.dims)
    return rows.reshape(count, network.parts, network.dims)


def _walks(size: dict[str, Any]) -> list[np.ndarray]:
    return material.sequences(size["clusters"] * size["members"], size["length"])


def ours(size: dict[str, Any], tick: Tick) -> None:
    """The trainer itself, a turn a step; the first step is part of getting ready."""
    settings = material.paper_settings(size)
    device = set_up(settings.compute)
    frames, pool = material.pack(_walks(size))
    network = device.place(material.network(size))
    method = find("method", "cc")(settings)
    few = {"epochs": 1, "iterations": 1_000_000, **{key: size[key] for key in ("subjects", "sequences", "frames")}}
    method.training = method.training.model_copy(update=few)
    tools = GivenClusters(
        0, network, device.hold(frames), pool, device, lambda f, n, s: None, lambda: None,  # pyright: ignore[reportArgumentType]
        listener=_Turns(tick, device.torch), clusters=size["clusters"],
    )  # fmt: skip
    Trainer(device, None, lambda plan: {}).fit(method, network, tools)


def plain(size: dict[str, Any], tick: Tick) -> None:
    """As the field writes it: a file for each sequence, fp32, the memory updated a query at a time."""
    batch = size["subjects"], size["sequences"], size["frames"]
    with tempfile.TemporaryDirectory() as folder:
        run = PlainRun(size, files.write(Path(folder), _walks(size)))
        labels = np.arange(len(run.paths)) % size["clusters"]
        rows = _embeddings(material.network(size), len(labels), size["clusters"]).reshape(len(labels), -1)
        memory = centroids(rows, labels).to(run.device)
        while True:
            run.step(labels, memory, *batch)
            tick()


def work(size: dict[str, Any]) -> Work:
    """Operations of forward and backward, counted by torch; the frames' bytes are nothing beside them."""
    network = material.network(size)
    batch = size["subjects"] * size["sequences"]
    frames = torch.rand(2, size["frames"], 64, 44)
    with FlopCounterMode(display=False) as counter:
        network(frames, torch.full((2,), size["frames"])).square().mean().backward()
    return Work(counter.get_total_flops() * batch / 2, batch * size["frames"] * 64 * 44 * 4.0, size["precision"])


def details(size: dict[str, Any], seconds: float) -> dict[str, float]:
    """batch_share: how much of our step goes into assembling its batch."""
    device = set_up(material.paper_settings(size).compute)
    frames, pool = material.pack(_walks(size))
    source = BatchSource(device.hold(frames), pool, size["frames"], size["backbone"] == "gaitgl", 0, device.torch)
    plan = EpochPlan(np.arange(len(pool)) % size["clusters"], size["subjects"], size["sequences"])
    taken = []
    for step in range(12):
        began = time.perf_counter()
        source.batch(plan, 0, step)
        taken.append(time.perf_counter() - began)
    return {"batch_share": float(np.median(taken)) / seconds}
