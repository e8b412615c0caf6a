"""SSF alone: front/back clusters are dissolved, nothing is linked (Table 6, "Base + SSF")."""

from __future__ import annotations

from harness.config import Settings
from methods.parts.fusion import SSF_PARAMS, FusionContrast, sample_fusion


class SSF(FusionContrast):
    uses_view_classifier = True
    params = (*FusionContrast.params, *SSF_PARAMS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (sample_fusion(settings),)


METHOD = SSF
