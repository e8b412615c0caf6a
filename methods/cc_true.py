"""Control: CC with the true identities for clusters: the ceiling of any clustering."""

from __future__ import annotations

from harness.config import Settings
from methods.parts.truth import Relabelled, WithTruth, identities


class TrueContrast(WithTruth):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (Relabelled(self, identities),)


METHOD = TrueContrast
