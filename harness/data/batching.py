"""Which sequences and frames a batch holds, and their pixels.

All draws are keyed by (seed, epoch, step): batches do not depend on what ran before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.counters import numpy_rng
from harness.types import Augment, Batch, EpochPlan, Pool

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
    """Makes the batches of a run from packed frames uint8[F,64,44]; only what a batch needs moves to the device."""

    def __init__(self, frames: Tensor, pool: Pool, size: int, ordered: bool, seed: int, device: torch.device) -> None:
        self.frames, self.pool, self.size, self.ordered, self.seed, self.device = (
            frames, pool, size, ordered, seed, device,
        )  # fmt: skip

    def batch(self, plan: EpochPlan, epoch: int, step: int) -> Batch:
        """Batch number ``step`` of an epoch."""
        rows = draw_rows(plan, numpy_rng(self.seed, "rows", epoch, step))
        length = self.pool.length[rows]
        views = []
        for view, augment in enumerate(plan.views):
            picked = draw_frames(length, self.size, self.ordered, numpy_rng(self.seed, "frames", epoch, step, view))
            pixels = self.pixels(self.pool.start[rows][:, None] + picked)
            views.append(self.change(pixels, augment, numpy_rng(self.seed, "augment", epoch, step, view)))
        lengths = torch.full((len(rows) * len(views),), self.size, dtype=torch.int64)
        labels = torch.from_numpy(plan.labels[rows]).to(self.device)
        return Batch(torch.cat(views), lengths, labels, rows)

    def pixels(self, numbers: Ints) -> Tensor:
        """Frames f32[B,T,64,44] in [0,1] at positions i64[B,T] of the store."""
        flat = self.frames[torch.from_numpy(numbers.ravel()).to(self.frames.device)].to(self.device)
        return flat.view(*numbers.shape, *flat.shape[1:]).float().div_(255)

    @staticmethod
    def change(frames: Tensor, augment: Augment | None, rng: np.random.Generator) -> Tensor:
        return frames if augment is None else augment(frames, augment.draw(rng, len(frames)))
