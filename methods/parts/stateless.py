"""What methods without state between steps and epochs have in common."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from harness.types import Batch


class Stateless:
    """Random initial weights, nothing to do after a step, nothing to save."""

    on_source = False
    uses_view_classifier = False
    uses_clustering = False
    first_step = 0

    def parent(self) -> str | None:
        return None

    def build(self, backbone: nn.Module, subjects: int) -> nn.Module:
        return backbone

    def after_step(self, batch: Batch, output: Tensor, progress: float) -> None:
        return None

    def state(self, within_epoch: bool) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        return None
