"""Control: SF from random weights, with SF's own schedule."""

from __future__ import annotations

from methods.sf import SF


class ScratchSF(SF):
    def parent(self) -> str | None:
        return None


METHOD = ScratchSF
