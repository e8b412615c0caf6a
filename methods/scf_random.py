"""Control: SCF with random candidates in the support sets."""

from __future__ import annotations

from harness.config import Settings
from methods.parts import scf
from methods.parts.fusion import FusionContrast
from methods.parts.truth import RandomLinks


class RandomSCF(FusionContrast):
    params = (*FusionContrast.params, *scf.PARAMS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (RandomLinks(scf.SelectiveClusterFusion.of(settings).size),)


METHOD = RandomSCF
