"""Distances f32[Q,G] between embeddings of probes f32[Q,P,D] and gallery f32[G,P,D] (decision ``test-distance``)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.errors import UserError, nearest


def _euclidean(left: Tensor, right: Tensor) -> Tensor:
    # Embeddings of one network have cosines near 1. What they share cancels in exact arithmetic; taken off first, it
    # does not eat the digits of the difference.
    shared = right.mean(0)
    left, right = left - shared, right - shared
    squared = left.square().sum(1)[:, None] + right.square().sum(1)[None] - 2 * left @ right.t()
    return squared.clamp_(min=0).sqrt_()


def part_euclidean(probes: Tensor, gallery: Tensor) -> Tensor:
    """Mean over parts of the Euclidean distance."""
    total = probes.new_zeros(len(probes), len(gallery))
    for part in range(probes.shape[1]):
        total += _euclidean(probes[:, part], gallery[:, part])
    return total.div_(probes.shape[1])


def flat_euclidean(probes: Tensor, gallery: Tensor) -> Tensor:
    """Euclidean distance of the concatenated parts."""
    return _euclidean(probes.flatten(1), gallery.flatten(1))


def cosine(probes: Tensor, gallery: Tensor) -> Tensor:
    """Mean over parts of one minus the cosine."""
    left, right = F.normalize(probes, dim=2).flatten(1), F.normalize(gallery, dim=2).flatten(1)
    return 1 - left @ right.t() / probes.shape[1]


_DISTANCES = {"part-euclidean": part_euclidean, "flat-euclidean": flat_euclidean, "cosine": cosine}


@torch.no_grad()
def distances(name: str, probes: Tensor, gallery: Tensor) -> Tensor:
    """The distance called ``name`` between every probe and every gallery embedding."""
    if name not in _DISTANCES:
        raise UserError(f"unknown distance '{name}'; {nearest(name, _DISTANCES)}")
    return _DISTANCES[name](probes.float(), gallery.float())
