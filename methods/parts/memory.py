"""The cluster-level memory bank (Cluster-contrast; section 3.2 and Eq. 2, 3, 6)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def centroids_of(features: Tensor, labels: Tensor, clusters: int) -> Tensor:
    """Unit mean features f32[K,F] of clusters 0..K-1; features f32[N,F], labels i64[N] (-1 is left out)."""
    member = labels >= 0
    sums = features.new_zeros(clusters, features.shape[1])
    sums.index_add_(0, labels[member], features[member])
    return F.normalize(sums, dim=1)


def momentum_at(progress: float, m_max: float, m_min: float) -> float:
    """Eq. 6: from ``m_max`` at the start of an epoch (progress 0) towards ``m_min`` at its end."""
    return m_min + 0.5 * (m_max - m_min) * (1 + math.cos(math.pi * progress))


class MemoryBank:
    """centroids f32[K,F]; links bool[K,K]: row k marks the clusters of support set S_k (the identity for Eq. 2)."""

    def __init__(self, centroids: Tensor, links: Tensor | None, renormalise: bool) -> None:
        self.centroids = centroids
        count = len(centroids)
        self.links = torch.eye(count, dtype=torch.bool, device=centroids.device) if links is None else links
        self.renormalise = renormalise

    @torch.no_grad()
    def update(self, queries: Tensor, labels: Tensor, m: float) -> None:
        """Eq. 2 and 3, a query after the other: C <- m C + (1 - m) q for every C in S_k of the query's cluster k."""
        for query, label in zip(queries.detach(), labels.tolist(), strict=True):
            members = self.links[label].nonzero().flatten()
            moved = m * self.centroids[members] + (1 - m) * query
            self.centroids[members] = F.normalize(moved, dim=1) if self.renormalise else moved
