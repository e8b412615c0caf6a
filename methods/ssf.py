"""SSF alone: front/back clusters are dissolved, nothing is linked (Table 6, "Base + SSF")."""

from __future__ import annotations

from harness.config import Settings
from methods.parts import ssf
from methods.parts.fusion import FusionContrast


class SSF(FusionContrast):
    uses_view_classifier = True
    params = (*FusionContrast.params, *ssf.PARAMS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (ssf.SelectiveSampleFusion.of(settings),)


METHOD = SSF
