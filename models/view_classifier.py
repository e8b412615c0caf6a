"""GaitSet with a BNNeck and a two-way classifier for each part (section 3.3.3)."""

from __future__ import annotations

from torch import Tensor, nn

from models.gaitset import GaitSet
from models.parts.layers import PartNorm, SeparateLinear


class ViewClassifier(nn.Module):
    """Silhouettes to logits f32[B,P,2] of (other view, front or back)."""

    parts = GaitSet.parts
    ordered = GaitSet.ordered
    dims = 2

    def __init__(self, channels: tuple[int, ...], embedding: int, norm: str, head_init: str) -> None:
        super().__init__()
        self.backbone = GaitSet(channels, embedding, norm, head_init)
        self.neck = PartNorm(self.parts, embedding)
        self.classifier = SeparateLinear(self.parts, embedding, 2)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return self.classifier(self.neck(self.backbone(frames, lengths)))

    def embed(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return self.forward(frames, lengths)


BACKBONE = ViewClassifier
