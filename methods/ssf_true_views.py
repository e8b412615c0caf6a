"""Control: SSF with the true view labels in the place of the view classifier's."""

from __future__ import annotations

from harness.config import Settings
from methods.parts import ssf
from methods.parts.fusion import FusionContrast
from methods.parts.truth import KnownViews, WithTruth


class TrueViewsSSF(WithTruth, FusionContrast):
    params = (*FusionContrast.params, *ssf.PARAMS)
    mix = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (KnownViews(self, ssf.SelectiveSampleFusion.of(settings), self.mix),)


METHOD = TrueViewsSSF
