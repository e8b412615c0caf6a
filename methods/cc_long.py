"""Control: CC goes on for as many steps as SF takes after it, with nothing but CC's own settings (equal compute)."""

from __future__ import annotations

from harness.config import Settings
from methods.parts.fusion import FusionContrast


class LongContrast(FusionContrast):
    section = "methods.cc"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.s_up = settings.methods.cc.s_up


METHOD = LongContrast
