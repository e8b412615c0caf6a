"""CASIA-B's protocol: rank-1 of every probe view against every gallery view."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from harness.bench import material
from harness.bench.hardware import Work
from harness.bench.turns import Tick
from harness.data.sets import protocol_of
from harness.evaluation.evaluate import score
from harness.training.device import set_up
from harness.types import SequenceLabels

ABOUT = "scoring"
SIZE = {"subjects": 25, "parts": 62, "dims": 64}
GPU_SIZE = {"subjects": 50, "dims": 256}
UNIT = "test sets"

_CONDITIONS = tuple(f"nm-{n:02d}" for n in range(1, 7)) + ("bg-01", "bg-02", "cl-01", "cl-02")
_VIEWS = tuple(f"{18 * n:03d}" for n in range(11))


def _test_set(size: dict[str, Any]) -> tuple[torch.Tensor, SequenceLabels]:
    names = [(f"{s:03d}", c, v) for s in range(size["subjects"]) for c in _CONDITIONS for v in _VIEWS]
    subject, condition, view = (np.array(column) for column in zip(*names, strict=True))
    rows = material.clustered(len(names), len(names) // 5, size["parts"] * size["dims"])
    return torch.from_numpy(rows).view(len(names), size["parts"], -1), SequenceLabels(subject, condition, view)


def ours(size: dict[str, Any], tick: Tick) -> None:
    device = set_up(material.paper_settings(size).compute)
    embeddings, labels = _test_set(size)
    embeddings = embeddings.to(device.torch)
    while True:
        score(embeddings, labels, protocol_of("casia-b"), "part-euclidean")
        tick()


def plain(size: dict[str, Any], tick: Tick) -> None:
    """Each pair of views by itself: its probes and gallery picked out, part after part, ranked by a sort."""
    torch.set_num_threads(size["threads"])
    embeddings, labels = _test_set(size)
    embeddings = embeddings.to(torch.device(size["device"]))
    gallery = np.isin(labels.condition, _CONDITIONS[:4])
    while True:
        for probes in (("nm-05", "nm-06"), ("bg-01", "bg-02"), ("cl-01", "cl-02")):
            asked = np.isin(labels.condition, probes)
            table = np.zeros((len(_VIEWS), len(_VIEWS)))
            for i, probe_view in enumerate(_VIEWS):
                for j, gallery_view in enumerate(_VIEWS):
                    one = np.flatnonzero(asked & (labels.view == probe_view))
                    two = np.flatnonzero(gallery & (labels.view == gallery_view))
                    total = torch.zeros(len(one), len(two), device=embeddings.device)
                    for part in range(embeddings.shape[1]):
                        x, y = embeddings[one, part], embeddings[two, part]
                        square = x.square().sum(1)[:, None] + y.square().sum(1)[None] - 2 * x @ y.t()
                        total += square.clamp(min=0).sqrt()
                    order = (total / embeddings.shape[1]).sort(1)[1].cpu().numpy()
                    right = labels.subject[two][order[:, 0]] == labels.subject[one]
                    table[i, j] = 100 * right.mean()
            per_view = (table - np.diag(np.diag(table))).sum(1) / (len(_VIEWS) - 1)
            assert np.isfinite(per_view).all()
        tick()


def work(size: dict[str, Any]) -> Work:
    per_view = size["subjects"] * len(_VIEWS)
    probes, gallery, width = 6 * per_view, 4 * per_view, size["parts"] * size["dims"]
    return Work(2.0 * probes * gallery * width, 4.0 * (probes + gallery) * width)
