"""Control: CC with identity x clothes for clusters: clothes are never joined. Does CL rise all the same?"""

from __future__ import annotations

from harness.config import Settings
from methods.parts.truth import Relabelled, WithTruth, identities_in_clothes


class ClothesContrast(WithTruth):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (Relabelled(self, identities_in_clothes),)


METHOD = ClothesContrast
