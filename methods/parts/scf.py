"""Selective Cluster Fusion (section 3.3.2; Algorithm 1, lines 2, 4 and 10)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from harness.config import Settings
from harness.data.augment import ClothAugment
from harness.types import Tools
from methods.parts.memory import centroids_of
from methods.parts.round import Round, count_clusters
from methods.parts.space import SimilaritySpace

PARAMS = ("methods.scf", "assumed.support-size", "assumed.memory-init")
_CHUNK = 2048


def support_sets(augmented: Tensor, centroids: Tensor, size: int) -> Tensor:
    """Support sets i64[K,size]: row k holds cluster k and the ``size`` - 1 others nearest to its augmented centroid.

    augmented, centroids f32[K,F], unit rows. Rows ascend. With fewer than ``size`` clusters a set holds them all.
    Clusters go through some at a time, so that memory does not grow with their square.
    """
    members = []
    for start in range(0, max(len(centroids), 1), _CHUNK):
        similarity = augmented[start : start + _CHUNK] @ centroids.t()
        similarity.diagonal(offset=start).fill_(float("inf"))  # id_0 is the cluster itself
        members.append(similarity.topk(min(size, len(centroids)), dim=1).indices)
    return torch.cat(members).sort(dim=1).values


class SelectiveClusterFusion:
    """Looks up, for each cluster, which others look like it in other clothes; links only, labels stay."""

    def __init__(self, size: int, cloth_probability: float, memory_augmented: bool) -> None:
        self.size, self.memory_augmented = size, memory_augmented
        self.augment = ClothAugment(cloth_probability)

    @classmethod
    def of(cls, settings: Settings) -> SelectiveClusterFusion:
        scf, assumed = settings.methods.scf, settings.assumed
        size = scf.a + (assumed.support_size == "a+1")
        return cls(size, scf.cloth_probability, assumed.memory_init == "augmented")

    def __call__(self, round: Round, space: SimilaritySpace, tools: Tools) -> Round:
        changed = space(tools.extract(self.augment))
        labels = torch.from_numpy(round.labels).to(changed.device)
        clusters = count_clusters(round.labels)
        centroids = centroids_of(round.features, labels, clusters)
        augmented = centroids_of(changed, labels, clusters)
        own = (augmented * centroids).sum(dim=1)
        metrics = {"scf_own_similarity": float(own.mean()) if clusters else 0.0}
        return replace(
            round,
            links=support_sets(augmented, centroids, self.size),
            memory=changed if self.memory_augmented else round.memory,
            metrics={**round.metrics, **metrics},
        )
