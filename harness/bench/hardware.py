"""What this machine can do at best: the rate of a matrix product and the bandwidth of a copy, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

_SIDE = 1536
_COPY = 1 << 26
_ENOUGH = 3.0
"""Seconds after which a rate is no longer measured again: bf16 without units for it takes that long for a product."""


@dataclass(frozen=True)
class Work:
    """What a piece of work cannot do without: floating-point operations, bytes read and written, and their type."""

    operations: float
    bytes: float
    precision: str = "fp32"


@dataclass(frozen=True)
class Hardware:
    """Operations a second of products in fp32 and bf16, bytes a second of a copy (read and written)."""

    fp32: float
    bf16: float
    copy: float

    def rate(self, precision: str) -> float:
        """Operations a second of a product in "fp32" or "bf16"."""
        return self.bf16 if precision == "bf16" else self.fp32

    def seconds(self, work: Work) -> float:
        """The least time for ``work`` on as many threads as were measured."""
        return max(work.operations / self.rate(work.precision), work.bytes / self.copy)


def measure(device: torch.device, threads: int, repeats: int = 15) -> Hardware:
    """Measures with ``threads`` threads on ``device``; the best of ``repeats``, because a bound is what could be.

    A CPU's seconds are those that its threads worked: whoever else works there does not lower the bound.
    """
    torch.set_num_threads(threads)
    side = _SIDE if device.type == "cpu" else 8192
    rates = []
    for kind in (torch.float32, torch.bfloat16):
        left, right = (torch.rand(side, side, device=device).to(kind) for _ in range(2))
        out = torch.empty(side, side, device=device, dtype=kind)
        rates.append(2 * side**3 / _least(lambda: torch.mm(left, right, out=out), device, threads, repeats))  # noqa: B023
    source = torch.zeros(_COPY, dtype=torch.float32, device=device)
    target = torch.zeros_like(source)
    seconds = _least(lambda: target.copy_(source), device, threads, repeats)
    return Hardware(*rates, copy=2 * source.nbytes / seconds)


def finish(device: torch.device) -> None:
    """Waits until the device has done what it was given; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _least(work: Callable[[], object], device: torch.device, threads: int, repeats: int) -> float:
    taken: list[float] = []
    for turn in range(repeats + 1):
        if sum(taken) > _ENOUGH:
            break
        began, worked = time.perf_counter(), time.process_time()
        work()
        finish(device)
        seconds = time.perf_counter() - began
        if device.type == "cpu":
            seconds = min(seconds, (time.process_time() - worked) / threads)
        if turn or seconds > _ENOUGH:  # the first warms up, which is nothing beside seconds
            taken.append(seconds)
    return min(taken)
