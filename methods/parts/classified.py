"""A backbone with a classifier beside its embedding, for supervised training."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Classified(nn.Module):
    """Gives embeddings f32[B,P,D] and, from its backbone's own classifier, logits f32[B,P,subjects]."""

    def __init__(self, backbone: Any, subjects: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier: nn.Module = backbone.classifier(subjects)
        self.ordered = bool(backbone.ordered)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = self.backbone(frames, lengths)
        return embeddings, self.classifier(embeddings)

    def embed(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return self.backbone.embed(frames, lengths)
