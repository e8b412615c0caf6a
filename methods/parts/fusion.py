"""The second stage of section 3.4, which SSF, SCF and SF share: CC with a wider s_up and stages in between."""

from __future__ import annotations

from harness.config import Settings
from methods.cc import ClusterContrast
from methods.parts.round import Stage
from methods.parts.scf import SelectiveClusterFusion
from methods.parts.ssf import SelectiveSampleFusion


class FusionContrast(ClusterContrast):
    """Goes on from CC with the schedule and s_up of ``methods.fusion``."""

    params = (*ClusterContrast.params, "methods.fusion", "assumed.milestones", "assumed.three-stages")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.training = settings.methods.fusion.training
        self.s_up = settings.methods.fusion.s_up
        if settings.assumed.milestones == "cumulative":
            before = settings.methods.cc.training
            self.first_step = before.epochs * before.iterations

    def parent(self) -> str | None:
        return self.assumed.three_stages


SSF_PARAMS = ("methods.ssf", "assumed.curriculum-rate")
SCF_PARAMS = ("methods.scf", "assumed.support-size", "assumed.memory-init")


def sample_fusion(settings: Settings) -> Stage:
    return SelectiveSampleFusion(settings.methods.ssf, settings.assumed.curriculum_rate == "adaptive")


def cluster_fusion(settings: Settings) -> Stage:
    scf, assumed = settings.methods.scf, settings.assumed
    size = scf.a + (assumed.support_size == "a+1")
    return SelectiveClusterFusion(size, scf.cloth_probability, assumed.memory_init == "augmented")
