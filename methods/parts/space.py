"""The space in which sequences are compared for clustering (decisions ``similarity-space`` and ``embedding``)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


class SimilaritySpace:
    """From part embeddings f32[N,P,D] to unit features f32[N,P*D].

    kind: "raw" concatenates and normalises; "centred" first subtracts the mean of the training set;
    "standardised" also divides by its standard deviation. The mean is taken anew each epoch and follows the
    batches in between by ``keep`` (1 leaves it as it was). ``per_part`` normalises each part beforehand.
    """

    def __init__(self, kind: str, per_part: bool, keep: float) -> None:
        self.kind, self.per_part, self.keep = kind, per_part, keep
        self.mean: Tensor | None = None
        self.scale: Tensor | None = None

    def _flat(self, embeddings: Tensor) -> Tensor:
        embeddings = embeddings.float()
        return (F.normalize(embeddings, dim=2) if self.per_part else embeddings).flatten(1)

    def fit(self, embeddings: Tensor) -> None:
        """Takes mean and deviation from the whole training set."""
        flat = self._flat(embeddings)
        self.mean = flat.mean(dim=0)
        self.scale = flat.std(dim=0).clamp(min=1e-6)

    def __call__(self, embeddings: Tensor) -> Tensor:
        flat = self._flat(embeddings)
        if self.kind != "raw":
            assert self.mean is not None and self.scale is not None
            flat = flat - self.mean
            if self.kind == "standardised":
                flat = flat / self.scale
        return F.normalize(flat, dim=1)

    @torch.no_grad()
    def follow(self, embeddings: Tensor) -> None:
        """Moves the mean towards a batch's."""
        if self.mean is not None:
            self.mean = self.keep * self.mean + (1 - self.keep) * self._flat(embeddings).mean(dim=0)
