"""GaitSet (Chao et al., AAAI 2019), with any channel sizes and three or four stages.

As published it has no BatchNorm; ``norm="batch"`` adds it after each convolution (decision ``backbone-norm``).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.parts.layers import STRIPS, SeparateLinear, convolutions, set_pool, strip_pool


class GaitSet(nn.Module):
    """A set of silhouettes to P = 62 part embeddings.

    channels: of each stage, e.g. (32, 64, 128) for CASIA-B or (32, 64, 128, 256) for GREW; embedding: D; head_init: see
    :class:`~models.parts.layers.SeparateLinear`.
    """

    parts = 2 * sum(STRIPS)
    ordered = False
    """Whether frames must be consecutive; a set has no order."""

    def __init__(self, channels: tuple[int, ...], embedding: int, norm: str, head_init: str) -> None:
        super().__init__()
        self.dims = embedding
        sizes = (1, *channels)
        self.frame_stages = nn.ModuleList(
            convolutions(a, b, 5 if i == 0 else 3, norm) for i, (a, b) in enumerate(pairwise(sizes))
        )
        # The set's own branch starts after the first stage, on what is pooled there.
        self.set_stages = nn.ModuleList(convolutions(a, b, 3, norm) for a, b in pairwise(channels))
        self.head = SeparateLinear(self.parts, channels[-1], embedding, head_init)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
        # As the reference has it, both branches start from the same weights.
        for whole, single in zip(self.set_stages, self.frame_stages[1:], strict=True):
            whole.load_state_dict(single.state_dict())

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """frames f32[B,T,64,44] in [0,1], lengths i64[B] on the CPU -> f32[B,P,D]."""
        maps = frames.reshape(-1, 1, *frames.shape[2:])
        pooled = whole = maps
        for stage, convolve in enumerate(self.frame_stages):
            maps = convolve(maps)
            # Rows 64 -> 32 -> 16, which sixteen strips divide: only the first two stages halve.
            if stage < 2:
                maps = F.max_pool2d(maps, 2)
            pooled = set_pool(maps, lengths)
            whole = pooled if stage == 0 else whole + pooled
            if stage < len(self.set_stages):
                whole = self.set_stages[stage](whole)
                whole = F.max_pool2d(whole, 2) if stage == 0 else whole
        strips = torch.cat([strip_pool(pooled), strip_pool(whole)], dim=1)
        return self.head(strips)

    def embed(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """What is compared at test time: the part embeddings themselves."""
        return self.forward(frames, lengths)


BACKBONE = GaitSet
