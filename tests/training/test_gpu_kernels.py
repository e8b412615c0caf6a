"""What a GPU refuses under deterministic algorithms, found on a CPU: torch names the operations that have no kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from harness import config
from harness.registry import find

REFUSED = (
    "nll_loss2d", "adaptive_max_pool", "adaptive_avg_pool", "_adaptive_avg_pool", "avg_pool3d_backward",
    "fractional_max_pool", "max_unpool", "upsample_linear", "upsample_bilinear", "upsample_bicubic",
    "upsample_trilinear", "reflection_pad1d_backward", "reflection_pad2d_backward", "reflection_pad3d_backward",
    "grid_sampler_2d_backward", "grid_sampler_3d_backward", "_ctc_loss_backward", "histc", "median", "nanmedian",
    "kthvalue", "put_",
)  # fmt: skip
"""From the documentation of ``torch.use_deterministic_algorithms``."""


class Refusals(TorchDispatchMode):
    """Remembers which operations a GPU would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        self.seen.add(name)
        running = name == "cumsum" and args[0].is_floating_point()
        weighted = name == "bincount" and ((len(args) > 1 and args[1] is not None) or (kwargs or {}).get("weights"))
        if name.startswith(REFUSED) or running or weighted:
            self.found.add(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["upper", "cc", "ssf", "scf", "sf", "gaitssb", "norm_refresh"])
def test_no_method_asks_for_what_a_gpu_refuses(name: str, settings: config.Settings, tiny: Any, tmp_path: Path):
    with Refusals() as refusals:
        tiny.fit(find("method", name)(settings), tmp_path)
    assert refusals.found == set()
    assert {"convolution", "convolution_backward", "max_pool2d_with_indices_backward"} <= refusals.seen


def test_no_backbone_asks_for_what_a_gpu_refuses():
    network = find("backbone", "gaitgl")((4, 8, 8), 8, False, 3, "norm", "stacked")
    with Refusals() as refusals:
        network(torch.rand(2, 4, 64, 44), torch.tensor([4, 3])).sum().backward()
    assert refusals.found == set() and "convolution_backward" in refusals.seen


def test_what_is_refused_is_noticed():
    with Refusals() as refusals:
        torch.nn.functional.cross_entropy(torch.zeros(2, 3, 4), torch.zeros(2, 4, dtype=torch.int64))
        torch.ones(3).cumsum(0)
        torch.ones(3, dtype=torch.bool).cumsum(0)
    assert refusals.found == {"nll_loss2d_forward", "cumsum"}
