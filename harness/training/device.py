"""Where arithmetic runs: device, precision, memory layout, threads; deterministic kernels throughout."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.config import Compute
from harness.errors import UserError


@dataclass(frozen=True)
class Device:
    """A torch device and how it is used. Fields as in :class:`harness.config.Compute`."""

    torch: torch.device
    precision: str
    channels_last: bool
    extract_frames: int
    store: str = "auto"
    compile: str = "none"

    def autocast(self) -> torch.autocast:
        """bf16 where asked for; a no-op in fp32."""
        return torch.autocast(self.torch.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def place(self, network: nn.Module) -> nn.Module:
        """The network on the device, convolutions in the chosen memory layout."""
        network = network.to(self.torch)
        layouts = {4: torch.channels_last, 5: torch.channels_last_3d} if self.channels_last else {}
        for weight in network.parameters():
            if weight.dim() in layouts:
                weight.data = weight.data.contiguous(memory_format=layouts[weight.dim()])
        return network

    def compiled(self, network: nn.Module) -> nn.Module:
        """The network for training steps: compiled, or recorded as CUDA graphs, where asked for; weights are shared."""
        if self.compile != "none":
            network.compile(mode="reduce-overhead" if self.compile == "cuda-graphs" else "default")
        return network

    def hold(self, frames: Tensor) -> Tensor:
        """Packed frames uint8[F,64,44] where batches are taken from: on the device if they fit, else where they are.

        "Fit" leaves half of the free memory to the network and to features.
        """
        if self.torch.type == "cpu" or self.store == "host":
            return frames
        if self.store == "auto" and frames.nbytes > torch.cuda.mem_get_info(self.torch)[0] // 2:
            return frames
        return frames.to(self.torch)


def set_up(compute: Compute, local_rank: int = 0) -> Device:
    """Pins threads, switches non-deterministic kernels off and picks the device."""
    if compute.device == "cuda" and not torch.cuda.is_available():
        raise UserError("compute.device is cuda, but torch sees no GPU here; set it to cpu or auto")
    kind = "cuda" if compute.device == "cuda" or (compute.device == "auto" and torch.cuda.is_available()) else "cpu"
    if compute.compile == "cuda-graphs" and kind != "cuda":
        raise UserError("compute.compile is cuda-graphs, which needs a GPU; set it to none or default")
    if kind == "cuda":
        if local_rank >= torch.cuda.device_count():
            raise UserError(
                f"compute.ranks: process {local_rank + 1} finds {torch.cuda.device_count()} GPU(s); lower it"
            )
        torch.cuda.set_device(local_rank)
    torch.set_num_threads(compute.threads)
    keep_memory()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if compute.compile == "none":
        # What use_deterministic_algorithms sets, but that has the compiler imported too: seconds in each process.
        torch.set_deterministic_debug_mode("error")
    else:
        torch.use_deterministic_algorithms(True)
    # Filling every new tensor with NaN is no part of equal results, and costs a CPU 4 % of its time in extraction.
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    where = torch.device(kind, local_rank) if kind == "cuda" else torch.device(kind)
    return Device(
        where, compute.precision, compute.channels_last, compute.extract_frames, compute.store, compute.compile
    )


def keep_memory() -> None:
    """Has glibc keep freed memory instead of giving each large tensor back to the system.

    Otherwise every activation of every step is mapped anew and zeroed page by page, which costs a CPU step between a
    fifth and a third of its time (docs/performance.md). Numbers do not change.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            trim_threshold, mmap_threshold = -1, -3
            mallopt(mmap_threshold, 1 << 30)
            mallopt(trim_threshold, (1 << 31) - 1)
