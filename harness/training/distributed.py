"""One training run in several processes (``torchrun``): gloo on CPUs, NCCL on GPUs.

Every process draws the same global batch and computes its own share of it. What the network gives is gathered before
the loss, so that losses over the whole batch (triplets, two views) and state that moves with it (the memory bank) are
the same in every process, and methods need not know.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from harness.errors import UserError
from harness.types import Batch

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process among those that share a run; on its own, every method gives back what it was given."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that clusters, writes and talks."""
        return self.rank == 0

    def connect(self, device: torch.device) -> None:
        """Meets the other processes."""
        if self.size > 1 and not dist.is_initialized():
            gpu = device if device.type == "cuda" else None
            # The others wait for the first one's clustering, which is no reason to give up.
            wait = timedelta(hours=2)
            backend = "nccl" if gpu else "gloo"
            dist.init_process_group(backend, timeout=wait, rank=self.rank, world_size=self.size, device_id=gpu)

    def disconnect(self) -> None:
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network whose gradients are averaged over processes; its weights are those of ``network``."""
        if self.size == 1:
            return network
        share_statistics(network)
        return nn.parallel.DistributedDataParallel(network)

    def gather(self, batch: Batch, output: Any) -> tuple[Batch, Any]:
        """The whole batch's labels and rows, and the network's whole output; ``frames`` stay this process's own.

        output: a tensor [V*b,...] or a tuple of them, views one after the other. Gradients reach this process's share
        alone: the others see to theirs.
        """
        if self.size == 1:
            return batch, output
        labels = self._rows(batch.labels)
        rows = self._rows(torch.from_numpy(batch.rows).to(labels.device)).cpu().numpy()
        views = len(batch.lengths) // len(batch.rows)
        lengths = batch.lengths[:1].expand(views * len(rows))

        def whole(tensor: Tensor) -> Tensor:
            return torch.cat([self._rows(view) for view in tensor.chunk(views)])

        gathered = tuple(whole(part) for part in output) if isinstance(output, tuple) else whole(output)
        return replace(batch, labels=labels, rows=rows, lengths=lengths), gathered

    def _rows(self, own: Tensor) -> Tensor:
        """The rows of every process, in order; those of this process keep their gradient."""
        sizes = [torch.zeros(1, dtype=torch.int64, device=own.device) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(own)], device=own.device))
        counts = [int(size) for size in sizes]
        padded = own.detach().new_zeros(max(counts), *own.shape[1:])
        padded[: len(own)] = own.detach()
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded)
        whole = [part[:count] for part, count in zip(parts, counts, strict=True)]
        whole[self.rank] = own
        return torch.cat(whole)

    def share(self, out: Tensor, owner: np.ndarray) -> None:
        """Fills rows of ``out`` that other processes computed: row i comes from process ``owner[i]``."""
        if self.size == 1:
            return
        for rank in range(self.size):
            rows = torch.from_numpy(np.flatnonzero(owner == rank)).to(out.device)
            block = out[rows]
            dist.broadcast(block, src=rank)
            out[rows] = block

    def agree(self, wanted: bool, device: torch.device) -> bool:
        """What the first process wants, in every process."""
        if self.size == 1:
            return wanted
        flag = torch.tensor([wanted], dtype=torch.uint8, device=device)
        dist.broadcast(flag, src=0)
        return bool(flag)

    def once(self, work: Callable[[], T]) -> T:
        """What ``work`` gives the first process, in every process; its mistakes too."""
        if self.size == 1:
            return work()
        box: list[Any] = [None, None]
        if self.first:
            try:
                box[0] = work()
            except UserError as error:
                box[1] = str(error)
        dist.broadcast_object_list(box, src=0)
        if box[1] is not None:
            raise UserError(box[1])
        return box[0]


def ranks_of_environment() -> tuple[Ranks, int]:
    """This process as ``torchrun`` started it, and its number on this machine."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    return Ranks(int(os.environ.get("RANK", "0")), size), int(os.environ.get("LOCAL_RANK", "0"))


class _Sum(torch.autograd.Function):
    """The sum over processes, whose gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SharedStatistics(nn.modules.batchnorm._BatchNorm):
    """BatchNorm whose batch is that of all processes together; torch's own works on GPUs only."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        values = input.float()
        count = _Sum.apply(values.new_full((1,), values.numel() // values.shape[1]))
        mean = _Sum.apply(values.sum(axes)) / count
        centred = values - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(axes)) / count
        self._follow(mean.detach(), variance.detach() * (count / (count - 1)))
        scaled = centred * torch.rsqrt(variance + self.eps).view(shape)
        return (scaled * self.weight.view(shape) + self.bias.view(shape)).to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            assert self.momentum is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance, self.momentum)


def share_statistics(network: nn.Module) -> None:
    """Has every BatchNorm of a network take its statistics over all processes; names and weights stay."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.__class__ = SharedStatistics
