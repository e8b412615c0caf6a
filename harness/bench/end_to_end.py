"""A whole epoch of CC: features, clusters, memory, optimiser steps."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.bench import extract, material, train
from harness.bench.hardware import Work, finish
from harness.bench.plain import files
from harness.bench.plain.epoch import PlainRun, centroids, cluster
from harness.bench.turns import Tick
from harness.clustering.infomap import Clustering
from harness.clustering.knn import choose_backend
from harness.registry import find
from harness.training.device import set_up
from harness.training.listener import Listener
from harness.training.trainer import Trainer, TrainingTools

ABOUT = "epoch of CC"
SIZE = {
    "backbone": "gaitset", "count": 64, "length": 20, "spread": 4, "neighbours": 8, "s_up": 0.2,
    "steps": 2, "subjects": 4, "sequences": 4, "frames": 15,
}  # fmt: skip
LEAST = {"spread": 0}
GPU_SIZE = {
    "count": 256, "length": 88, "spread": 8, "neighbours": 40,
    "steps": 10, "subjects": 8, "sequences": 16, "frames": 30,
}  # fmt: skip
UNIT = "epochs"


class _Turns(Listener):
    def __init__(self, tick: Tick, device: torch.device) -> None:
        self.tick, self.device = tick, device

    def epoch(self, metrics: dict[str, Any]) -> None:
        finish(self.device)
        self.tick()


def _walks(size: dict[str, Any]) -> list[np.ndarray]:
    return material.sequences(size["count"], size["length"], size["spread"])


def ours(size: dict[str, Any], tick: Tick) -> None:
    """The trainer itself, a turn an epoch; the first epoch is part of getting ready."""
    settings = material.paper_settings(size)
    device = set_up(settings.compute)
    frames, pool = material.pack(_walks(size))
    network = device.place(material.network(size))
    method = find("method", "cc")(settings)
    batch = {key: size[key] for key in ("subjects", "sequences", "frames")}
    method.training = method.training.model_copy(update={"epochs": 1_000_000, "iterations": size["steps"], **batch})
    method.settings = method.settings.model_copy(update={"n": size["neighbours"], "few_clusters": "shrink"})
    method.s_up = size["s_up"]
    clustering = Clustering(True, False, 2, 1, choose_backend(settings.compute.knn), size["threads"])
    no_views = np.zeros(len(pool), dtype=bool)
    tools = TrainingTools(
        0, network, device.hold(frames), pool, device, clustering.fit, lambda: no_views,
        listener=_Turns(tick, device.torch),
    )  # fmt: skip
    Trainer(device, None, lambda plan: {}).fit(method, network, tools)


def plain(size: dict[str, Any], tick: Tick) -> None:
    """The field's parts one after the other; raw cosines of an untrained network link everything, so it is centred."""
    batch = size["subjects"], size["sequences"], size["frames"]
    with tempfile.TemporaryDirectory() as folder:
        run = PlainRun(size, files.write(Path(folder), _walks(size)))
        while True:
            rows = run.features()
            rows -= rows.mean(axis=0)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            labels = cluster(rows, size["neighbours"], size["s_up"], size["threads"])
            memory = centroids(rows, labels).to(run.device)
            for _ in range(size["steps"]):
                run.step(labels, memory, *batch)
            tick()


def work(size: dict[str, Any]) -> Work:
    """Extraction and steps; clustering so few sequences is nothing beside them."""
    step = train.work({**train.SIZE, **size})
    passes = extract.work(size)
    return Work(
        passes.operations + size["steps"] * step.operations, passes.bytes + size["steps"] * step.bytes, step.precision
    )
