"""Control: CC with the clusters' labels dealt out at random; sizes stay, meaning goes."""

from __future__ import annotations

from harness.config import Settings
from methods.parts.truth import Relabelled, WithTruth, shuffled


class RandomContrast(WithTruth):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (Relabelled(self, shuffled),)


METHOD = RandomContrast
