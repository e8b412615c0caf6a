"""GaitSSB*: GaitSSB's self-supervised learning with another backbone (section 4.5.5; Fan et al., TPAMI 2023)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.config import Settings
from harness.data.augment import SelfSupervisedAugment
from harness.types import Batch, EpochPlan, Pool, Tools
from methods.parts.losses import two_view
from methods.parts.stateless import Stateless
from models.parts.layers import PartNorm, SeparateLinear


class TwoViewNetwork(nn.Module):
    """A backbone with GaitSSB's projector and predictor for each part."""

    def __init__(self, backbone: nn.Module, parts: int, dims: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.ordered = bool(getattr(backbone, "ordered", False))

        def linear() -> SeparateLinear:
            return SeparateLinear(parts, dims, dims)

        self.projector = nn.Sequential(linear(), PartNorm(parts, dims), nn.ReLU(), linear(), PartNorm(parts, dims))
        self.predictor = nn.Sequential(linear(), PartNorm(parts, dims), nn.ReLU(), linear())

    def _branch(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        projected = self.projector(self.backbone(frames, lengths))
        return self.predictor(projected), projected

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions and projections f32[2*B,P,D] of both views, each with batch statistics of its own."""
        views = [self._branch(f, n) for f, n in zip(frames.chunk(2), lengths.chunk(2), strict=True)]
        return torch.cat([v[0] for v in views]), torch.cat([v[1] for v in views])

    def embed(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """The normalised prediction, which is what GaitSSB compares before any fine-tuning."""
        return F.normalize(self._branch(frames, lengths)[0].float(), dim=2)


class GaitSSB(Stateless):
    uses_labels = False
    params = ("methods.gaitssb", "assumed.gaitssb")

    def __init__(self, settings: Settings) -> None:
        own = settings.methods.gaitssb
        self.settings, self.training = own, own.training
        self.initial = settings.assumed.gaitssb
        self.augment = SelfSupervisedAugment(own.affine, own.perspective, own.flip, own.dilate, own.blur)

    def parent(self) -> str | None:
        return "pretrain" if self.initial == "pretrained" else None

    def build(self, backbone: Any, subjects: int) -> nn.Module:
        return TwoViewNetwork(backbone, backbone.parts, backbone.dims)

    def plan_epoch(self, epoch: int, pool: Pool, tools: Tools) -> EpochPlan:
        size = self.training.subjects * self.training.sequences
        everybody = np.zeros(len(pool), dtype=np.int64)
        return EpochPlan(everybody, classes=None, sequences=size, views=(self.augment, self.augment))

    def loss(self, batch: Batch, output: tuple[Tensor, Tensor]) -> Tensor:
        """Each view predicts the other's projection."""
        (first, second), (z_first, z_second) = (tensor.chunk(2) for tensor in output)
        scale = self.settings.scale
        return two_view(first, z_second, scale) + two_view(second, z_first, scale)


METHOD = GaitSSB
