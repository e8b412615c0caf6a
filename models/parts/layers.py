"""Layers that backbones share. Axes: B batch, T frames, C channels, P parts, D dims of a part."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIPS = (16, 8, 4, 2, 1)
"""Horizontal pyramid of GaitSet: 31 strips of a feature map whose rows divide by 16."""


def convolutions(before: int, after: int, first_kernel: int, norm: str) -> nn.Sequential:
    """Two convolutions (the first of ``first_kernel``, the second 3 x 3) with leaky ReLU, and BatchNorm on request."""
    layers: list[nn.Module] = []
    for channels, kernel in ((before, first_kernel), (after, 3)):
        layers.append(nn.Conv2d(channels, after, kernel, padding=kernel // 2, bias=False))
        if norm == "batch":
            layers.append(nn.BatchNorm2d(after))
        layers.append(nn.LeakyReLU(inplace=True))
    return nn.Sequential(*layers)


def set_pool(maps: Tensor, lengths: Tensor) -> Tensor:
    """Maximum over the frames of each set: maps [B*T,C,h,w], lengths i64[B] on the CPU -> [B,C,h,w].

    Frames beyond a sequence's length are left out, so that padding never changes an embedding.
    """
    batch = lengths.numel()
    sets = maps.view(batch, -1, *maps.shape[1:])
    frames = sets.shape[1]
    if bool((lengths < frames).any()):
        outside = torch.arange(frames).unsqueeze(0) >= lengths.unsqueeze(1)
        sets = sets.masked_fill(outside.to(sets.device)[:, :, None, None, None], float("-inf"))
    if torch.is_grad_enabled() or sets.is_cuda:
        return sets.max(dim=1).values
    # Where nobody asks which frame won, a CPU finds the same values in a tenth of the time.
    return reduce(torch.maximum, sets.unbind(dim=1))


def strip_pool(maps: Tensor) -> Tensor:
    """Horizontal pyramid: mean plus maximum of each strip, maps [B,C,h,w] -> [B,31,C]."""
    parts = []
    for strips in STRIPS:
        cells = maps.reshape(*maps.shape[:2], strips, -1)
        parts.append(cells.mean(dim=-1) + cells.max(dim=-1).values)
    return torch.cat(parts, dim=2).transpose(1, 2)


class SeparateLinear(nn.Module):
    """One linear map for each part: [B,P,before] -> [B,P,after], without bias.

    init (decision ``head-init``): "stacked" takes Xavier's fans from the whole [P,before,after] tensor, as GaitSet and
    OpenGait do; "per-part" from each part's own matrix, which starts an order of magnitude larger.
    """

    def __init__(self, parts: int, before: int, after: int, init: str = "stacked") -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parts, before, after))
        if init == "stacked":
            nn.init.xavier_uniform_(self.weight)
        else:
            bound = (6 / (before + after)) ** 0.5
            nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, features: Tensor) -> Tensor:
        return torch.einsum("bpc,pcd->bpd", features, self.weight)


class PartNorm(nn.Module):
    """BatchNorm of every (part, dim) on its own: [B,P,D] -> [B,P,D]."""

    def __init__(self, parts: int, dims: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(parts * dims)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(features.flatten(1)).view_as(features)


class BatchStatistics(nn.Module):
    """BatchNorm of every dim over batch and parts together, as GaitGL's head has it: [B,P,D] -> [B,P,D]."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dims)
        nn.init.normal_(self.norm.weight, 1.0, 0.02)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(features.flatten(0, 1)).view_as(features)


class Necks(nn.Module):
    """BNNecks: BatchNorm of each part, then cosines with each subject's weight: [B,P,D] -> [B,P,subjects]."""

    def __init__(self, parts: int, dims: int, subjects: int) -> None:
        super().__init__()
        self.norm = PartNorm(parts, dims)
        nn.init.normal_(self.norm.norm.weight, 1.0, 0.02)
        self.linear = SeparateLinear(parts, dims, subjects)

    def forward(self, features: Tensor) -> Tensor:
        unit = F.normalize(self.norm(features), dim=2)
        return torch.einsum("bpd,pds->bps", unit, F.normalize(self.linear.weight, dim=1))


class GeM(nn.Module):
    """Generalised mean over the columns of each row: maps [B,C,P,w] -> [B,P,C]; the power is learnt, 6.5 at first."""

    def __init__(self, power: float = 6.5, least: float = 1e-6) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.full((1,), power))
        self.least = least

    def forward(self, maps: Tensor) -> Tensor:
        # Powers of small numbers need fp32 under autocast.
        raised = maps.float().clamp(min=self.least).pow(self.power).mean(dim=3)
        return raised.pow(1 / self.power).transpose(1, 2)
