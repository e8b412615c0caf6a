"""Pseudo-labels of a training set's features: exact neighbours, links, InfoMap, centroids."""

from __future__ import annotations

from typing import Any

import torch

from harness.bench import material
from harness.bench.hardware import Work
from harness.bench.plain.epoch import cluster
from harness.bench.turns import Tick
from harness.clustering.infomap import Clustering
from harness.clustering.knn import choose_backend
from harness.training.device import set_up

ABOUT = "clustering"
SIZE = {"count": 3000, "clusters": 75, "features": 4096, "neighbours": 40, "s_up": 0.5}
GPU_SIZE = {"count": 8140, "clusters": 400, "features": 15872}
UNIT = "epochs"


def ours(size: dict[str, Any], tick: Tick) -> None:
    settings = material.paper_settings(size)
    device = set_up(settings.compute)
    clustering = Clustering(True, False, 2, 1, choose_backend(settings.compute.knn), size["threads"])
    rows = torch.from_numpy(material.clustered(size["count"], size["clusters"], size["features"])).to(device.torch)
    while True:
        clustering.fit(rows, size["neighbours"], size["s_up"])
        tick()


def plain(size: dict[str, Any], tick: Tick) -> None:
    """A library's search, a link at a time."""
    rows = material.clustered(size["count"], size["clusters"], size["features"])
    while True:
        cluster(rows, size["neighbours"], size["s_up"], size["threads"])
        tick()


def work(size: dict[str, Any]) -> Work:
    """The product of all rows with all rows, of which half follows from the other."""
    return Work(size["count"] ** 2 * size["features"], 4.0 * size["count"] * size["features"])
