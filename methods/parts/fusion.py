"""The second stage of section 3.4, which SSF, SCF and SF share: CC with a wider s_up and stages in between."""

from __future__ import annotations

from harness.config import Settings
from methods.cc import ClusterContrast


class FusionContrast(ClusterContrast):
    """Goes on from CC with the schedule and s_up of ``methods.fusion``."""

    section = "methods.fusion"
    params = (*ClusterContrast.params, "methods.fusion", "assumed.milestones", "assumed.three-stages")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.training = settings.methods.fusion.training
        self.s_up = settings.methods.fusion.s_up
        if settings.assumed.milestones == "cumulative" and self.parent() == "cc":
            before = settings.methods.cc.training
            self.first_step = before.epochs * before.iterations

    def parent(self) -> str | None:
        return self.assumed.three_stages
