"""What passes from one stage of an epoch's plan to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from harness.types import Tools
from methods.parts.space import SimilaritySpace

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Round:
    """One epoch's pseudo-labels on their way to a memory bank.

    features f32[N,F] unit; labels i64[N] (-1 outlier); found, previous: clusters InfoMap found this epoch and the
    last (``previous`` None in the first); links i64[K,S]: the clusters of each support set, ascending, then -1, or
    None for each cluster alone; memory f32[N,F]: features whose centroids start the memory bank; moved i64[M]:
    sequences that SSF re-assigned.
    """

    epoch: int
    features: Tensor
    labels: Labels
    found: int
    previous: int | None
    memory: Tensor
    links: Tensor | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    moved: Labels = field(default_factory=lambda: np.empty(0, dtype=np.int64))


class Stage(Protocol):
    """A step of Algorithm 1 between clustering and the memory bank."""

    def __call__(self, round: Round, space: SimilaritySpace, tools: Tools) -> Round: ...


def count_clusters(labels: Labels) -> int:
    return int(labels.max(initial=-1)) + 1


def renumber(labels: Labels) -> Labels:
    """Labels with the gaps closed: clusters 0..K-1 in the order of their first member, -1 kept."""
    out = np.full_like(labels, -1)
    values, first = np.unique(labels, return_index=True)
    kept = [value for _, value in sorted(zip(first, values, strict=True)) if value >= 0]
    for number, value in enumerate(kept):
        out[labels == value] = number
    return out
