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
    """centroids f32[K,F]; links i64[K,S]: the clusters of support set S_k, ascending, then -1 (for Eq. 2 k alone)."""

    def __init__(self, centroids: Tensor, links: Tensor | None, renormalise: bool) -> None:
        self.centroids = centroids
        alone = torch.arange(len(centroids), device=centroids.device).unsqueeze(1)
        self.links = alone if links is None else links
        self.renormalise = renormalise

    @torch.no_grad()
    def update(self, queries: Tensor, labels: Tensor, m: float) -> None:
        """Eq. 2 and 3, as if a query came after the other: C <- m C + (1 - m) q for every C in S_k of its cluster k.

        A cluster only meets the queries that reach it, and those of different clusters do not touch: step t takes, for
        all clusters at once, the t-th query that reaches each, which is the same arithmetic in the same order.
        """
        # Pairs of a query and a cluster that it moves; turn: how many queries have moved that cluster before.
        reached = self.links[labels]
        query, place = (reached >= 0).nonzero(as_tuple=True)
        cluster = reached[query, place]
        together, order = torch.sort(cluster, stable=True)
        turn = torch.empty_like(order)
        turn[order] = torch.arange(len(order), device=order.device) - torch.searchsorted(together, together)
        order = torch.argsort(turn, stable=True)
        for chosen in order.split(torch.bincount(turn).tolist()) if len(order) else ():
            moved = m * self.centroids[cluster[chosen]] + (1 - m) * queries[query[chosen]]
            self.centroids[cluster[chosen]] = F.normalize(moved, dim=1) if self.renormalise else moved
