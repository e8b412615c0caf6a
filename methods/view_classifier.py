"""The view classifier that SSF needs: front/back (0 and 180 degrees) or not, learnt on the source (section 3.3.3)."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from harness.config import SetNetwork, Settings
from harness.data.augment import ClothAugment
from harness.types import Batch, EpochPlan, Pool, Tools
from methods.parts.losses import part_cross_entropy
from methods.parts.stateless import Stateless

FRONT_BACK = (0, 180)
"""Degrees that get label 1 (decision ``view-classifier``)."""


class ViewClassification(Stateless):
    uses_labels = True
    on_source = True
    params = ("methods.view_classifier",)

    def __init__(self, settings: Settings) -> None:
        own = settings.methods.view_classifier
        self.training = own.training
        self.backbone: SetNetwork = own.backbone
        self.augment = ClothAugment(own.cloth_probability)

    def plan_epoch(self, epoch: int, pool: Pool, tools: Tools) -> EpochPlan:
        assert pool.labels is not None
        labels = np.isin(pool.labels.view_deg, FRONT_BACK).astype(np.int64)
        return EpochPlan(
            labels, classes=self.training.subjects, sequences=self.training.sequences, views=(self.augment,)
        )

    def loss(self, batch: Batch, output: Tensor) -> Tensor:
        """Cross-entropy of each part's logits [B,P,2], mean over parts; no label smoothing."""
        return part_cross_entropy(output, batch.labels, smoothing=0.0)


METHOD = ViewClassification
