"""Control: SCF whose support sets hold the clusters of the same person: an upper bound of fusion."""

from __future__ import annotations

from harness.config import Settings
from methods.parts.fusion import FusionContrast
from methods.parts.truth import TrueLinks, WithTruth


class TrueSCF(WithTruth, FusionContrast):
    params = FusionContrast.params

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (TrueLinks(self),)


METHOD = TrueSCF
