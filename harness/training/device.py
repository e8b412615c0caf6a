"""Where arithmetic runs: device, precision, memory layout, threads; deterministic kernels throughout."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import nn

from harness.config import Compute
from harness.errors import UserError


@dataclass(frozen=True)
class Device:
    """A torch device and how it is used."""

    torch: torch.device
    precision: str
    channels_last: bool
    extract_frames: int

    def autocast(self) -> torch.autocast:
        """bf16 where asked for; a no-op in fp32."""
        return torch.autocast(self.torch.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def place(self, network: nn.Module) -> nn.Module:
        """The network on the device, convolutions in the chosen memory layout."""
        network = network.to(self.torch)
        if self.channels_last:
            network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return network


def set_up(compute: Compute) -> Device:
    """Pins threads, switches non-deterministic kernels off and picks the device."""
    if compute.device == "cuda" and not torch.cuda.is_available():
        raise UserError("compute.device is cuda, but torch sees no GPU here; set it to cpu or auto")
    kind = "cuda" if compute.device == "cuda" or (compute.device == "auto" and torch.cuda.is_available()) else "cpu"
    torch.set_num_threads(compute.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return Device(torch.device(kind), compute.precision, compute.channels_last, compute.extract_frames)
