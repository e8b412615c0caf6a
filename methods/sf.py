"""SF, the paper's method: SSF adjusts the labels, then SCF links the clusters (section 3.3, Algorithm 1)."""

from __future__ import annotations

from harness.config import Settings
from methods.parts.fusion import SCF_PARAMS, SSF_PARAMS, FusionContrast, cluster_fusion, sample_fusion


class SF(FusionContrast):
    uses_view_classifier = True
    params = (*FusionContrast.params, *SSF_PARAMS, *SCF_PARAMS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (sample_fusion(settings), cluster_fusion(settings))


METHOD = SF
