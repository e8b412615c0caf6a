"""SCF alone: clusters are linked through their support sets, no label is changed (Table 6, "Base + SCF")."""

from __future__ import annotations

from harness.config import Settings
from methods.parts.fusion import SCF_PARAMS, FusionContrast, cluster_fusion


class SCF(FusionContrast):
    params = (*FusionContrast.params, *SCF_PARAMS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (cluster_fusion(settings),)


METHOD = SCF
