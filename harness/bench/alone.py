"""What is measured without a reference, because a reference of that size would take hours."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from harness.bench.hardware import finish

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One line: what was done, how often and in how many seconds each time; remark says what follows from it."""

    what: str
    seconds: list[float]
    remark: str = ""

    def cells(self) -> list[str]:
        if not self.seconds:
            return [self.what, "", "", self.remark]
        middle, least, most = statistics.median(self.seconds), min(self.seconds), max(self.seconds)
        spread = f" ({least:.3g}-{most:.3g})" if len(self.seconds) > 1 else ""
        return [self.what, str(len(self.seconds)), f"{middle:.3g}{spread}", self.remark]


def timed(device: torch.device, work: Callable[[], T]) -> tuple[float, T]:
    """Seconds of ``work`` by the clock, the device's share of it included, and what it gave."""
    finish(device)
    began = time.perf_counter()
    made = work()
    finish(device)
    return time.perf_counter() - began, made
