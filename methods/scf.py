"""SCF alone: clusters are linked through their support sets, no label is changed (Table 6, "Base + SCF")."""

from __future__ import annotations

from harness.config import Settings
from methods.parts import scf
from methods.parts.fusion import FusionContrast


class SCF(FusionContrast):
    params = (*FusionContrast.params, *scf.PARAMS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (scf.SelectiveClusterFusion.of(settings),)


METHOD = SCF
