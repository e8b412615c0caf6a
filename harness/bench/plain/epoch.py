"""The parts of a CC epoch as the field writes them: features a sequence at a time, links and updates one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from harness.bench.material import paper_settings
from harness.bench.plain import files
from harness.bench.plain.networks import PLAIN

Rows = npt.NDArray[np.float32]


class PlainRun:
    """A network in fp32, Adam, and files to read from."""

    def __init__(self, size: dict[str, Any], paths: list[Path]) -> None:
        torch.set_num_threads(size["threads"])
        backbone: Any = paper_settings(size).backbones[size["backbone"]]
        self.paths, self.device = paths, torch.device(size["device"])
        torch.manual_seed(0)
        self.network = PLAIN[size["backbone"]](backbone.channels, backbone.embedding).to(self.device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-4, weight_decay=5e-4)
        self.ordered = size["backbone"] == "gaitgl"
        self.rng = np.random.default_rng(0)

    @torch.no_grad()
    def features(self) -> Rows:
        """f32[N,P*D], unit rows: a file at a time."""
        self.network.eval()
        found = []
        for path in self.paths:
            walk = torch.from_numpy(files.read(path))[None].to(self.device)
            found.append(F.normalize(self.network(walk).flatten(1), dim=1).cpu().numpy())
        self.network.train()
        return np.concatenate(found)

    def step(self, labels: npt.NDArray[np.int64], memory: Tensor, subjects: int, sequences: int, frames: int) -> float:
        """A batch of ``subjects`` x ``sequences``, ClusterNCE, and the memory updated a query at a time."""
        known = np.unique(labels[labels >= 0])
        rows = np.concatenate(
            [
                self.rng.choice(np.flatnonzero(labels == c), sequences, replace=(labels == c).sum() < sequences)
                for c in self.rng.choice(known, min(subjects, len(known)), replace=False)
            ]
        )
        batch = files.batch([self.paths[row] for row in rows], frames, self.ordered, self.rng).to(self.device)
        wanted = torch.from_numpy(labels[rows]).to(self.device)
        queries = F.normalize(self.network(batch).flatten(1), dim=1)
        loss = F.cross_entropy(queries @ memory.t() / 0.05, wanted)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            for query, label in zip(queries, wanted, strict=True):
                memory[label] = F.normalize(0.2 * memory[label] + 0.8 * query, dim=0)
        return loss.item()


def cluster(rows: Rows, neighbours: int, s_up: float, threads: int) -> npt.NDArray[np.int64]:
    """Labels i64[N]: a library's exact search, then a link at a time into InfoMap, as Cluster-contrast has it."""
    import faiss
    from infomap import Network, Options

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)  # pyright: ignore[reportCallIssue]
    similarity, found = index.search(rows, neighbours)  # pyright: ignore[reportCallIssue]
    network = Network()
    for row in range(len(rows)):
        for other, cosine in zip(found[row], similarity[row], strict=True):
            if other != row and cosine >= s_up:
                network.add_link(row, int(other), float(cosine))
    labels = np.full(len(rows), -1)
    result = network.run(options=Options(two_level=True, directed=True, seed=1, silent=True))
    for node, module in result.modules().items():
        labels[node] = module - 1
    return labels


def centroids(rows: Rows, labels: npt.NDArray[np.int64]) -> Tensor:
    """f32[K,P*D], unit rows: a cluster at a time."""
    means = [rows[labels == cluster].mean(axis=0) for cluster in range(labels.max() + 1)]
    return F.normalize(torch.from_numpy(np.stack(means)), dim=1)
