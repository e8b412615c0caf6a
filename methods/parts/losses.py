"""Losses: pure functions of embeddings and labels, in fp32."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def pairwise_distance(features: Tensor) -> Tensor:
    """Euclidean distances f32[P,B,B] of embeddings f32[B,P,D]; the gradient at distance 0 is 0, not NaN."""
    parts = features.float().transpose(0, 1)
    # What all rows share cancels in exact arithmetic; taken off first, it does not eat the digits of the difference.
    parts = parts - parts.mean(dim=1, keepdim=True).detach()
    square = parts.square().sum(dim=2)
    squared = square[:, :, None] + square[:, None, :] - 2 * parts @ parts.transpose(1, 2)
    # Below the rounding error of the three terms two rows count as the same row.
    floor = 1e-6 * (square[:, :, None] + square[:, None, :]) + 1e-12
    apart = squared > floor
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)


def batch_all_triplet(features: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Batch-all triplet loss of each part, averaged over its non-zero triplets, then over parts (GaitSet).

    features f32[B,P,D], labels i64[B] with any number of sequences a class. 0 when no triplet violates.
    """
    distance = pairwise_distance(features)
    same = labels[:, None] == labels[None, :]
    anchor, positive = (same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)).nonzero(as_tuple=True)
    if anchor.numel() == 0:
        return distance.sum() * 0.0
    hinge = F.relu(margin + distance[:, anchor, positive].unsqueeze(2) - distance[:, anchor])
    hinge = hinge * ~same[anchor]
    active = (hinge > 0).sum(dim=(1, 2))
    return (hinge.sum(dim=(1, 2)) / active.clamp(min=1)).mean()


def part_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of each part's logits f32[B,P,K] with labels i64[B], mean over batch and parts."""
    parts = logits.shape[1]
    return F.cross_entropy(logits.float().flatten(0, 1), labels.repeat_interleave(parts), label_smoothing=smoothing)


def cluster_nce(queries: Tensor, labels: Tensor, centroids: Tensor, tau: float) -> Tensor:
    """ClusterNCE, Eq. 1: unit queries f32[B,F] against unit centroids f32[K,F], labels i64[B] in 0..K-1."""
    return F.cross_entropy(queries @ centroids.t() / tau, labels)


def two_view(predicted: Tensor, projected: Tensor, scale: float) -> Tensor:
    """One direction of GaitSSB's loss: each part of a sequence must find its other view within the batch.

    predicted, projected f32[B,P,D]; cosines times ``scale`` are logits over the batch; the target is detached.
    """
    left, right = F.normalize(predicted.float(), dim=2), F.normalize(projected.float().detach(), dim=2)
    logits = torch.einsum("bpd,mpd->bpm", left, right) * scale
    target = torch.arange(len(left), device=left.device).repeat_interleave(left.shape[1])
    # In rows: cross-entropy of more than two axes has no deterministic kernel on a GPU.
    return F.cross_entropy(logits.flatten(0, 1), target)
