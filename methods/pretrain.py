"""Pretrain: the backbone trained on the source data set, applied to the target as it is (section 4.3)."""

from __future__ import annotations

from harness.config import Settings, Supervised
from methods.upper import Upper


class Pretrain(Upper):
    on_source = True
    params = ("methods.pretrain",)

    def _own(self, settings: Settings) -> Supervised:
        return settings.methods.pretrain


METHOD = Pretrain
