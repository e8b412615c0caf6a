"""3D convolutions that never look beyond a sequence's end. Axes: B batch, C channels, T frames, h rows, w columns."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHORTEST = 3
"""The temporal aggregation takes three frames at a time; shorter sequences are repeated."""


def repeat_short(frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Repeats sequences of one frame three times and of two frames twice, as the reference does.

    frames [B,T,h,w], lengths i64[B] on the CPU -> the same with every length at least 3.
    """
    if bool((lengths >= SHORTEST).all()):
        return frames, lengths
    repeated = torch.where(lengths == 1, 3, torch.where(lengths == 2, 4, lengths))
    numbers = torch.arange(max(int(repeated.max()), frames.shape[1])).unsqueeze(0) % lengths.unsqueeze(1)
    rows = torch.arange(len(frames)).unsqueeze(1)
    # Long sequences keep their padding: it is masked later.
    return frames[rows.to(frames.device), numbers.to(frames.device)], repeated


def outside(lengths: Tensor, frames: int) -> Tensor | None:
    """bool[B,frames] of what lies beyond a sequence's end, or None when nothing does."""
    if bool((lengths >= frames).all()):
        return None
    return torch.arange(frames).unsqueeze(0) >= lengths.unsqueeze(1)


def ended(maps: Tensor, lengths: Tensor) -> Tensor:
    """Maps [B,C,T,h,w] with zeros beyond each sequence's end, which is what a convolution pads with."""
    beyond = outside(lengths, maps.shape[2])
    return maps if beyond is None else maps.masked_fill(beyond.to(maps.device)[:, None, :, None, None], 0)


def max_over_time(maps: Tensor, lengths: Tensor) -> Tensor:
    """Maximum over the frames of each sequence: [B,C,T,h,w] -> [B,C,h,w]."""
    beyond = outside(lengths, maps.shape[2])
    if beyond is not None:
        maps = maps.masked_fill(beyond.to(maps.device)[:, None, :, None, None], float("-inf"))
    return maps.max(dim=2).values


class TemporalConv(nn.Conv3d):
    """A 3 x 3 x 3 convolution without bias, of sequences with their lengths."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 3, padding=1, bias=False)

    def forward(self, maps: Tensor, lengths: Tensor) -> Tensor:
        return super().forward(ended(maps, lengths))


def convolved(convolution: nn.Module, maps: Tensor) -> Tensor:
    """A 3 x 3 x 3 convolution, with a frame of padding, of maps [B,C,T,h,w].

    Two frames get a third of zeros, which is what they are padded with anyhow: for exactly two, oneDNN's gradient of
    bf16 weights is made of memory that nobody wrote (torch 2.13, AVX-512).
    """
    if maps.shape[2] != 2:
        return convolution(maps)
    return convolution(F.pad(maps, (0, 0, 0, 0, 0, 1)))[:, :, :2]


class GlobalLocal(nn.Module):
    """One convolution of whole maps and one, shared by all strips, of 2^halving horizontal strips.

    Their activations are added, or, where ``stacked``, put on top of each other (rows double).
    """

    def __init__(self, before: int, after: int, halving: int, stacked: bool) -> None:
        super().__init__()
        self.whole = nn.Conv3d(before, after, 3, padding=1, bias=False)
        self.local = nn.Conv3d(before, after, 3, padding=1, bias=False)
        self.strips, self.stacked = 2**halving, stacked

    def forward(self, maps: Tensor, lengths: Tensor) -> Tensor:
        maps = ended(maps, lengths)
        whole, local = (F.leaky_relu(found, inplace=True) for found in (convolved(self.whole, maps), self._local(maps)))
        return torch.cat([whole, local], dim=3) if self.stacked else whole + local

    def _local(self, maps: Tensor) -> Tensor:
        # Strips go through as sequences of their own: one call, with zeros above and below each.
        batch, channels, frames, rows, columns = maps.shape
        cut = maps.view(batch, channels, frames, self.strips, rows // self.strips, columns)
        cut = cut.permute(0, 3, 1, 2, 4, 5).flatten(0, 1)
        done = convolved(self.local, cut).unflatten(0, (batch, self.strips))
        return done.permute(0, 2, 3, 1, 4, 5).flatten(3, 4)
