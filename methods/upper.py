"""Upper: the backbone trained with the target's true identities (section 4.3; decision ``upper-loss``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from harness.config import Settings, Supervised
from harness.errors import UserError
from harness.types import Batch, EpochPlan, Pool, Tools
from methods.parts.classified import Classified
from methods.parts.losses import batch_all_triplet, part_cross_entropy
from methods.parts.stateless import Stateless


class Upper(Stateless):
    uses_labels = True
    params: tuple[str, ...] = ("methods.upper",)

    def __init__(self, settings: Settings) -> None:
        self.settings = self._own(settings)
        self.training = self.settings.training

    def _own(self, settings: Settings) -> Supervised:
        return settings.methods.upper

    def build(self, backbone: nn.Module, subjects: int) -> nn.Module:
        """A backbone that brings a classifier (GaitGL) is trained with it; nothing else needs it."""
        return Classified(backbone, subjects) if subjects and hasattr(backbone, "classifier") else backbone

    def plan_epoch(self, epoch: int, pool: Pool, tools: Tools) -> EpochPlan:
        assert pool.labels is not None
        names, labels = np.unique(pool.labels.subject, return_inverse=True)
        if names.size < self.training.subjects:
            raise UserError(
                f"{self.params[0]}.training.subjects: a batch needs {self.training.subjects} subjects, "
                f"the training split has {names.size}; lower it"
            )
        return EpochPlan(labels.astype(np.int64), self.training.subjects, self.training.sequences)

    def loss(self, batch: Batch, output: Any) -> Tensor:
        """Triplet loss, and cross-entropy where the backbone has a classifier."""
        embeddings, logits = output if isinstance(output, tuple) else (output, None)
        triplet = batch_all_triplet(embeddings, batch.labels, self.settings.margin)
        if logits is None:
            return triplet
        return triplet + part_cross_entropy(logits, batch.labels, self.settings.label_smoothing)


METHOD = Upper
