"""GaitGL (Lin et al., ICCV 2021): 3D convolutions over whole frames and over horizontal strips of them, side by side.

Two forms are published: CASIA-B's (single blocks, ``halving`` 3) and OU-MVLP's and GREW's (doubled blocks, 1).
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from models.parts.layers import BatchStatistics, GeM, Necks, SeparateLinear
from models.parts.video import GlobalLocal, TemporalConv, max_over_time, repeat_short


class GaitGL(nn.Module):
    """Consecutive silhouettes to P = 64 part embeddings.

    channels: of the stages, e.g. (32, 64, 128), or (32, 64, 128, 256) where ``doubled``; embedding: D; halving: each
    local convolution sees 2^halving strips of the rows; head: "norm" ends in one BatchNorm over all parts and compares
    what comes after it, "necks" has a BatchNorm for each part and compares what comes before; head_init: see
    :class:`~models.parts.layers.SeparateLinear`.
    """

    parts = 64
    ordered = True
    """Whether frames must be consecutive: the convolutions run over time."""

    def __init__(
        self,
        channels: tuple[int, ...],
        embedding: int,
        doubled: bool,
        halving: int,
        head: Literal["norm", "necks"],
        head_init: str,
    ) -> None:
        super().__init__()
        self.dims, self.head_init = embedding, head_init
        first = channels[0]
        self.stem = nn.ModuleList(TemporalConv(1 if i == 0 else first, first) for i in range(2 if doubled else 1))
        self.aggregate = nn.Conv3d(first, first, (3, 1, 1), stride=(3, 1, 1), bias=False)
        if doubled:
            a, b, c, d = channels
            sizes = [[(a, b), (b, b)], [(b, c), (c, c)], [(c, d), (d, d)]]
        else:
            a, b, c = channels
            sizes = [[(a, b)], [(b, c)], [(c, c)]]
        # Only the very last block keeps the whole and the strips apart: 32 rows of each are the 64 parts.
        self.stages = nn.ModuleList(
            nn.ModuleList(GlobalLocal(*pair, halving, stacked=pair is sizes[2][-1]) for pair in stage)
            for stage in sizes
        )
        self.pool = GeM()
        self.head = SeparateLinear(self.parts, channels[-1], embedding, head_init)
        self.norm = BatchStatistics(embedding) if head == "norm" else None
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.xavier_uniform_(module.weight)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """frames f32[B,T,64,44] in [0,1], lengths i64[B] on the CPU -> f32[B,P,D]."""
        frames, lengths = repeat_short(frames, lengths)
        maps = frames.unsqueeze(1)
        for convolve in self.stem:
            maps = F.leaky_relu(convolve(maps, lengths), inplace=True)
        maps = F.leaky_relu(self.aggregate(maps), inplace=True)
        lengths = lengths // 3
        for number, stage in enumerate(self.stages):
            for block in stage:  # pyright: ignore[reportGeneralTypeIssues]
                maps = block(maps, lengths)
            if number == 0:
                # Rows over frames make one tall image: this halving has a deterministic gradient on a GPU.
                pooled = F.max_pool2d(maps.flatten(2, 3), 2)
                maps = pooled.unflatten(2, (maps.shape[2], -1))
        features = self.head(self.pool(max_over_time(maps, lengths)))
        return features if self.norm is None else self.norm(features)

    def embed(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """What is compared at test time."""
        return self.forward(frames, lengths)

    def classifier(self, subjects: int) -> nn.Module:
        """From embeddings f32[B,P,D] to logits f32[B,P,subjects], for cross-entropy in supervised training."""
        if self.norm is None:
            return Necks(self.parts, self.dims, subjects)
        return SeparateLinear(self.parts, self.dims, subjects, self.head_init)


BACKBONE = GaitGL
