"""bf16 on a CPU: gradients are near those of fp32 and the same each time, whatever lay in memory before."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from harness.registry import find


def disturb() -> None:
    """Leaves not-a-number in freed memory of many sizes."""
    held = [torch.full((1 << power,), float("nan")) for power in range(10, 23) for _ in range(6)]
    del held


def gradients(network: Any, frames: torch.Tensor, bf16: bool) -> dict[str, torch.Tensor]:
    network.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        out = network(frames, torch.full((len(frames),), frames.shape[1]))
    out.float().square().mean().backward()
    return {name: weight.grad.clone() for name, weight in network.named_parameters()}


@pytest.mark.parametrize(
    ("kind", "more"), [("gaitset", ("batch", "stacked")), ("gaitgl", (False, 3, "necks", "stacked"))]
)
@pytest.mark.parametrize("count", [3, 6, 8, 9])
def test_gradients(kind: str, more: tuple[Any, ...], count: int):
    torch.manual_seed(0)
    network = find("backbone", kind)((8, 16, 16), 8, *more)
    frames = torch.rand(4, count, 64, 44)
    wanted, found = gradients(copy.deepcopy(network), frames, bf16=False), []
    for _ in range(4):
        disturb()
        found.append(gradients(network, frames, bf16=True))
    for name, value in wanted.items():
        assert all(torch.equal(again[name], found[0][name]) for again in found), name
        assert (found[0][name] - value).norm() <= 0.5 * value.norm() + 1e-6, name
