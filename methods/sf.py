"""SF, the paper's method: SSF adjusts the labels, then SCF links the clusters (section 3.3, Algorithm 1)."""

from __future__ import annotations

from harness.config import Settings
from methods.parts import scf, ssf
from methods.parts.fusion import FusionContrast


class SF(FusionContrast):
    uses_view_classifier = True
    params = (*FusionContrast.params, *ssf.PARAMS, *scf.PARAMS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (ssf.SelectiveSampleFusion.of(settings), scf.SelectiveClusterFusion.of(settings))


METHOD = SF
