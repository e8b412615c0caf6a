"""What a training run tells while it goes on."""

from __future__ import annotations

from typing import Any


class Listener:
    """Hears how a run goes; says nothing itself. Epochs and steps count from 0."""

    def note(self, text: str) -> None:
        """Something worth a line: a resumed state, a damaged one."""

    def planning(self, epoch: int) -> None:
        """The epoch's plan is being made: extraction, clustering."""

    def extracted(self, sequences: int, total: int) -> None:
        """So many more sequences of ``total`` have their embeddings."""

    def step(self, epoch: int, step: int, loss: float, sequences: int) -> None:
        """An optimiser step is done; ``sequences`` went into it."""

    def epoch(self, metrics: dict[str, Any]) -> None:
        """An epoch is done: epoch, loss, the plan's metrics, seconds and plan_seconds (of them for the plan)."""

    def stopping(self) -> bool:
        """Whether to stop after this step, with a state to go on from."""
        return False
