"""Which sequences and frames a batch holds, and their pixels.

All draws are keyed by (seed, epoch, step): batches do not depend on what ran before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.counters import numpy_rng
from harness.data.frames import take
from harness.errors import UserError
from harness.types import Batch, EpochPlan, Pool

Ints = npt.NDArray[np.int64]


def draw_rows(plan: EpochPlan, rng: np.random.Generator) -> Ints:
    """Rows i64[B] of one batch.

    P x K: ``plan.classes`` classes without repetition, ``plan.sequences`` sequences of each (with repetition
    only where a class has fewer). Without classes: ``plan.sequences`` rows without repetition.
    """
    if plan.classes is None:
        usable = np.flatnonzero(plan.labels >= 0)
        return rng.choice(usable, size=plan.sequences, replace=bool(usable.size < plan.sequences))
    order = np.argsort(plan.labels, kind="stable")
    order = order[np.searchsorted(plan.labels[order], 0) :]
    classes, first, count = np.unique(plan.labels[order], return_index=True, return_counts=True)
    chosen = rng.choice(classes.size, size=plan.classes, replace=False)
    picks = [
        order[first[c] + rng.choice(count[c], size=plan.sequences, replace=bool(count[c] < plan.sequences))]
        for c in chosen
    ]
    return np.concatenate(picks)


def draw_frames(length: Ints, frames: int, ordered: bool, rng: np.random.Generator) -> Ints:
    """Frame numbers i64[B,frames] within sequences of ``length`` i64[B].

    Unordered: without repetition where the sequence is long enough. Ordered: consecutive, repeated from the
    beginning where it is shorter.
    """
    if ordered:
        start = (rng.random(length.size) * np.maximum(length - frames + 1, 1)).astype(np.int64)
        return (start[:, None] + np.arange(frames)) % length[:, None]
    keys = rng.random((length.size, max(int(length.max()), frames)))
    place = np.arange(keys.shape[1])
    # Frames beyond the end come last; a short sequence then starts again from its own shuffled beginning.
    keys[place[None] >= length[:, None]] = 2.0
    shuffled = np.argsort(keys, axis=1, kind="stable")
    return np.take_along_axis(shuffled, np.arange(frames)[None] % length[:, None], axis=1)


class BatchSource:
    """Makes the batches of a run from packed frames uint8[F,64,44]; only what a batch needs moves to the device.

    ``rank`` of ``ranks`` processes draws the whole batch and makes its own share of it, sequences in one piece.
    """

    def __init__(
        self,
        frames: Tensor,
        pool: Pool,
        size: int,
        ordered: bool,
        seed: int,
        device: torch.device,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.frames, self.pool, self.size, self.ordered, self.seed, self.device = (
            frames, pool, size, ordered, seed, device,
        )  # fmt: skip
        self.rank, self.ranks = rank, ranks

    @property
    def from_host(self) -> bool:
        """Whether frames travel to the device with each batch."""
        return self.frames.device.type != self.device.type

    def batch(self, plan: EpochPlan, epoch: int, step: int) -> Batch:
        """Batch number ``step`` of an epoch, or this process's share of it."""
        rows = draw_rows(plan, numpy_rng(self.seed, "rows", epoch, step))
        if len(rows) < self.ranks:
            raise UserError(f"a batch of {len(rows)} sequences cannot be shared by {self.ranks} processes; use fewer")
        share = slice(*(len(rows) * (self.rank + end) // self.ranks for end in (0, 1)))
        length, start = self.pool.length[rows], self.pool.start[rows]
        views = []
        for view, augment in enumerate(plan.views):
            picked = draw_frames(length, self.size, self.ordered, numpy_rng(self.seed, "frames", epoch, step, view))
            pixels = take(self.frames, (start[:, None] + picked)[share], self.device)
            if augment is not None:
                draws = augment.draw(numpy_rng(self.seed, "augment", epoch, step, view), len(rows))
                pixels = augment(pixels, draws[share])
            views.append(pixels)
        own = rows[share]
        lengths = torch.full((len(own) * len(views),), self.size, dtype=torch.int64)
        labels = torch.from_numpy(plan.labels[own]).to(self.device)
        return Batch(views[0] if len(views) == 1 else torch.cat(views), lengths, labels, own)
