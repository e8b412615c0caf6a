"""Control: the pre-trained network after passes over the target that only refresh BatchNorm's statistics.

No weight changes: the loss has no gradient and weights do not decay. A backbone without BatchNorm stays as it was.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from harness.config import Settings
from harness.types import Batch, EpochPlan, Pool, Tools
from methods.parts.stateless import Stateless


class NormRefresh(Stateless):
    uses_labels = False
    params: tuple[str, ...] = ("methods.cc",)

    def __init__(self, settings: Settings) -> None:
        training = settings.methods.cc.training
        still = training.optimiser.model_copy(update={"weight_decay": 0.0})
        self.training = training.model_copy(update={"freeze_norm": False, "optimiser": still})

    def parent(self) -> str | None:
        return "pretrain"

    def plan_epoch(self, epoch: int, pool: Pool, tools: Tools) -> EpochPlan:
        """Sequences are drawn without regard to anything."""
        labels = np.zeros(len(pool), dtype=np.int64)
        return EpochPlan(labels, None, self.training.subjects * self.training.sequences)

    def loss(self, batch: Batch, output: Tensor) -> Tensor:
        return 0.0 * output.sum()


METHOD = NormRefresh
