"""Selective Sample Fusion (section 3.3.3; Algorithm 1, line 7)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.config import SampleFusion, Settings
from harness.types import Tools
from methods.parts.memory import centroids_of
from methods.parts.round import Round, count_clusters, renumber
from methods.parts.space import SimilaritySpace

PARAMS = ("methods.ssf", "assumed.curriculum-rate")
_CHUNK = 4096
"""Sequences whose similarities are in memory at a time: all of them, times clusters, would outgrow it."""


def curriculum_bound(settings: SampleFusion, epoch: int, found: int, previous: int | None, adaptive: bool) -> float:
    """Eq. 4 and 5: s_c = s_o - lambda * epoch, lambda = lambda_base * abs(C_n / C_o); the ratio is 1 at first."""
    ratio = found / previous if adaptive and previous else 1.0
    return settings.s_o - settings.lambda_base * ratio * epoch


def _nearest(
    features: Tensor, rows: npt.NDArray[np.int64], centroids: Tensor
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The largest similarity f32[M] of features f32[N,F] at ``rows`` i64[M] to centroids f32[K,F], and whose i64[M]."""
    best, nearest = np.empty(len(rows), np.float32), np.empty(len(rows), np.int64)
    for start in range(0, len(rows), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        found = (features[rows[chunk]] @ centroids.t()).max(dim=1)
        best[chunk], nearest[chunk] = found.values.cpu().numpy(), found.indices.cpu().numpy()
    return best, nearest


class SelectiveSampleFusion:
    """Dissolves front/back clusters and hands their sequences to the nearest other cluster that is near enough."""

    def __init__(self, settings: SampleFusion, adaptive: bool) -> None:
        self.settings, self.adaptive = settings, adaptive

    @classmethod
    def of(cls, settings: Settings) -> SelectiveSampleFusion:
        return cls(settings.methods.ssf, settings.assumed.curriculum_rate == "adaptive")

    def __call__(self, round: Round, space: SimilaritySpace, tools: Tools) -> Round:
        bound = curriculum_bound(self.settings, round.epoch, round.found, round.previous, self.adaptive)
        labels = round.labels
        clusters = count_clusters(labels)
        member = labels >= 0
        size = np.bincount(labels[member], minlength=clusters)
        front_back = tools.front_back()
        front = np.bincount(labels[member], weights=front_back[member], minlength=clusters)
        dissolved = front > self.settings.c_low * size
        moving = np.flatnonzero(member)[dissolved[labels[member]]]
        adjusted = labels.copy()
        adjusted[moving] = -1
        assigned = moving[:0]
        if moving.size and not dissolved.all():
            centroids = centroids_of(round.features, torch.from_numpy(labels).to(round.features.device), clusters)
            others = np.flatnonzero(~dissolved)
            best, nearest = _nearest(round.features, moving, centroids[others])
            near = best > bound
            adjusted[moving[near]] = others[nearest[near]]
            assigned = moving[near]
        metrics = {
            "ssf_bound": bound,
            "ssf_front_back": float(front_back.mean()),
            "ssf_dissolved_clusters": float(dissolved.sum()),
            "ssf_dissolved_sequences": float(moving.size),
            "ssf_reassigned": float(assigned.size),
        }
        return replace(round, labels=renumber(adjusted), moved=assigned, metrics={**round.metrics, **metrics})
