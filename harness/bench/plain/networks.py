"""GaitSet and GaitGL (CASIA-B's form) written plainly: five axes throughout, a call for each strip and part, fp32."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class OnFrames(nn.Module):
    """Applies a layer for images to every frame of [B,C,T,h,w]."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, maps: Tensor) -> Tensor:
        batch, channels, frames, rows, columns = maps.shape
        flat = maps.transpose(1, 2).reshape(-1, channels, rows, columns)
        done = self.layer(flat)
        return done.reshape(batch, frames, *done.shape[1:]).transpose(1, 2).contiguous()


def _block(before: int, after: int, kernel: int, pool: bool) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False),
        nn.LeakyReLU(),
        nn.Conv2d(after, after, 3, padding=1, bias=False),
        nn.LeakyReLU(),
    ]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []))


def _pyramid(maps: Tensor) -> Tensor:
    """[B,C,h,w] -> [B,C,31]."""
    strips = []
    for count in (16, 8, 4, 2, 1):
        cells = maps.view(*maps.shape[:2], count, -1)
        strips.append(cells.mean(-1) + cells.max(-1)[0])
    return torch.cat(strips, -1)


class PlainGaitSet(nn.Module):
    def __init__(self, channels: tuple[int, ...], embedding: int) -> None:
        super().__init__()
        a, b, c = channels
        self.first, self.second = OnFrames(_block(1, a, 5, True)), OnFrames(_block(a, b, 3, True))
        self.third = OnFrames(_block(b, c, 3, False))
        self.set_second, self.set_third = _block(a, b, 3, True), _block(b, c, 3, False)
        self.head = nn.Parameter(nn.init.xavier_uniform_(torch.empty(62, c, embedding)))

    def forward(self, frames: Tensor) -> Tensor:
        """frames f32[B,T,64,44] -> f32[B,62,D]."""
        maps = self.first(frames.unsqueeze(1))
        whole = self.set_second(maps.max(dim=2)[0])
        maps = self.second(maps)
        whole = self.set_third(whole + maps.max(dim=2)[0])
        pooled = self.third(maps).max(dim=2)[0]
        strips = torch.cat([_pyramid(pooled), _pyramid(whole + pooled)], -1)
        return strips.permute(2, 0, 1).contiguous().matmul(self.head).permute(1, 0, 2).contiguous()


class _TwoSided(nn.Module):
    """GaitGL's convolution of the whole and, strip after strip, of the parts."""

    def __init__(self, before: int, after: int, strips: int, stacked: bool) -> None:
        super().__init__()
        self.whole = nn.Conv3d(before, after, 3, padding=1, bias=False)
        self.part = nn.Conv3d(before, after, 3, padding=1, bias=False)
        self.strips, self.stacked = strips, stacked

    def forward(self, maps: Tensor) -> Tensor:
        whole = self.whole(maps)
        parts = torch.cat([self.part(strip) for strip in maps.chunk(self.strips, 3)], 3)
        if self.stacked:
            return torch.cat([F.leaky_relu(whole), F.leaky_relu(parts)], 3)
        return F.leaky_relu(whole) + F.leaky_relu(parts)


class PlainGaitGL(nn.Module):
    def __init__(self, channels: tuple[int, ...], embedding: int) -> None:
        super().__init__()
        a, b, c = channels
        self.stem = nn.Sequential(nn.Conv3d(1, a, 3, padding=1, bias=False), nn.LeakyReLU())
        self.aggregate = nn.Sequential(nn.Conv3d(a, a, (3, 1, 1), stride=(3, 1, 1), bias=False), nn.LeakyReLU())
        self.first, self.second = _TwoSided(a, b, 8, False), _TwoSided(b, c, 8, False)
        self.halve, self.third = nn.MaxPool3d((1, 2, 2)), _TwoSided(c, c, 8, True)
        self.power = nn.Parameter(torch.tensor(6.5))
        self.head = nn.Parameter(nn.init.xavier_uniform_(torch.empty(64, c, embedding)))
        self.norm = nn.BatchNorm1d(embedding)

    def forward(self, frames: Tensor) -> Tensor:
        """frames f32[B,T,64,44] -> f32[B,64,D]."""
        maps = self.aggregate(self.stem(frames.unsqueeze(1)))
        maps = self.third(self.second(self.halve(self.first(maps))))
        rows = maps.max(dim=2)[0].clamp(min=1e-6).pow(self.power).mean(-1).pow(1.0 / self.power)
        features = rows.permute(2, 0, 1).contiguous().matmul(self.head)
        return self.norm(features.permute(1, 2, 0).contiguous()).permute(0, 2, 1)


PLAIN: dict[str, Callable[[tuple[int, ...], int], nn.Module]] = {"gaitset": PlainGaitSet, "gaitgl": PlainGaitGL}
