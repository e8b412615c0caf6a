"""Slow float64 forwards of the backbones, one sequence at a time, written from their descriptions.

``weight`` gives a weight by what it is for, so that the same forward serves our names and OpenGait's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Weight = Callable[[str], Tensor]


def leaky(maps: Tensor) -> Tensor:
    return torch.where(maps > 0, maps, 0.01 * maps)


def halve(maps: Tensor) -> Tensor:
    """The largest of every 2 x 2 cells of [...,h,w]."""
    corners = [maps[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return torch.maximum(torch.maximum(corners[0], corners[1]), torch.maximum(corners[2], corners[3]))


def top_of(maps: list[Tensor]) -> Tensor:
    top = maps[0]
    for other in maps[1:]:
        top = torch.maximum(top, other)
    return top


def pyramid(maps: Tensor) -> list[Tensor]:
    """The 31 strips of [C,16,w], each as its mean plus its maximum."""
    out = []
    for strips in (16, 8, 4, 2, 1):
        rows = maps.shape[1] // strips
        for strip in range(strips):
            cell = maps[:, strip * rows : (strip + 1) * rows].flatten(1)
            out.append(cell.mean(dim=1) + cell.amax(dim=1))
    return out


def slow_gaitset(weight: Weight, sequence: Tensor, stages: int) -> Tensor:
    """f64[62,D] of f64[T,64,44]. Weights: "frames S L", "set S L" (stage S from 0, layer L of 0 and 1), "head"."""

    def convolve(maps: Tensor, branch: str, stage: int) -> Tensor:
        for layer in (0, 1):
            kernel = weight(f"{branch} {stage} {layer}")
            maps = leaky(F.conv2d(maps[None], kernel, padding=kernel.shape[2] // 2)[0])
        return halve(maps) if stage < 2 else maps

    frames = [convolve(frame[None], "frames", 0) for frame in sequence]
    whole = convolve(top_of(frames), "set", 1)
    for stage in range(1, stages):
        frames = [convolve(frame, "frames", stage) for frame in frames]
        whole = whole + top_of(frames)
        if stage + 1 < stages:
            whole = convolve(whole, "set", stage + 1)
    strips = [*pyramid(top_of(frames)), *pyramid(whole)]
    return torch.stack([strip @ matrix for strip, matrix in zip(strips, weight("head"), strict=True)])


def slow_gaitgl(weight: Weight, sequence: Tensor, doubled: bool, halving: int) -> Tensor:
    """f64[64,D], before any BatchNorm, of f64[T,64,44].

    Weights: "stem L", "aggregate", "stage S block B whole" and "... local", "power", "head".
    """
    if len(sequence) < 3:
        sequence = torch.cat([sequence] * (3 if len(sequence) == 1 else 2))
    maps, blocks = sequence[None], 2 if doubled else 1
    for layer in range(blocks):
        maps = leaky(_convolve(maps, weight(f"stem {layer}")))
    maps = leaky(_aggregate(maps, weight("aggregate")))
    for stage in range(3):
        for block in range(blocks):
            whole = _convolve(maps, weight(f"stage {stage} block {block} whole"))
            rows = maps.shape[2] // 2**halving
            strips = [maps[:, :, i * rows : (i + 1) * rows] for i in range(2**halving)]
            local = [_convolve(strip, weight(f"stage {stage} block {block} local")) for strip in strips]
            both = leaky(whole), leaky(torch.cat(local, dim=2))
            last = stage == 2 and block == blocks - 1
            maps = torch.cat(both, dim=2) if last else both[0] + both[1]
        maps = halve(maps) if stage == 0 else maps
    top, power = top_of(list(maps.unbind(dim=1))), weight("power")
    parts = []
    for part, matrix in enumerate(weight("head")):
        mean = (torch.clamp(top[:, part], min=1e-6) ** power).sum(dim=1) / 22
        parts.append(mean ** (1 / power) @ matrix)
    return torch.stack(parts)


def _convolve(maps: Tensor, kernel: Tensor) -> Tensor:
    """[C,T,h,w] by 3 x 3 x 3 weights, with zeros around it."""
    return F.conv3d(maps[None], kernel, padding=1)[0]


def _aggregate(maps: Tensor, kernel: Tensor) -> Tensor:
    """Three frames at a time become one; what is left over at the end is dropped."""
    windows = []
    for first in range(0, maps.shape[1] - 2, 3):
        frames = [torch.einsum("oc,chw->ohw", kernel[:, :, k, 0, 0], maps[:, first + k]) for k in range(3)]
        windows.append(frames[0] + frames[1] + frames[2])
    return torch.stack(windows, dim=1)


def near(got: Tensor, wanted: Tensor, share: float = 1e-5) -> None:
    """Equal to ``share`` of the largest value."""
    assert got.shape == wanted.shape
    largest = float(wanted.detach().abs().max())
    assert float((got.detach().double() - wanted.detach().double()).abs().max()) <= share * max(largest, 1e-12)
