"""Embeddings of whole pools in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.counters import numpy_rng
from harness.data.frames import take
from harness.errors import UserError
from harness.training.device import Device
from harness.training.distributed import Ranks
from harness.training.feed import ahead
from harness.types import Augment, Pool

Ints = npt.NDArray[np.int64]


def batches_by_length(length: Ints, frames: int) -> Iterator[Ints]:
    """Rows of sequences of equal length, at most ``frames`` frames (or one sequence) at a time: nothing is padded."""
    order = np.argsort(length, kind="stable")
    for value in np.unique(length):
        same = order[length[order] == value]
        size = max(1, frames // int(value))
        for start in range(0, len(same), size):
            yield same[start : start + size]


@torch.no_grad()
def extract(
    network: nn.Module,
    frames: Tensor,
    pool: Pool,
    device: Device,
    augment: Augment | None = None,
    key: tuple[int | str, ...] = (),
    on_batch: Callable[[int], None] | None = None,
    ranks: Ranks | None = None,
) -> Tensor:
    """Embeddings f32[N,P,D] on the device of every sequence, from all its frames (uint8, or float in [0,1]).

    Sequences go through in batches of equal length; which ones share a batch changes a result by no more than
    rounding. ``augment`` draws once for each sequence, keyed by ``key``. ``ranks`` share the batches out; every process
    gets them all, bit for bit as one process would compute them.
    """
    ranks = ranks or Ranks()
    was_training = network.training
    network.eval()
    draws = augment.draw(numpy_rng(*key), len(pool)) if augment else None
    batches = list(batches_by_length(pool.length, device.extract_frames))
    if len(batches) < ranks.size:
        raise UserError(f"{ranks.size} processes have only {len(batches)} batches to share; use fewer (compute.ranks)")
    owner = np.empty(len(pool), dtype=np.int64)
    for number, rows in enumerate(batches):
        owner[rows] = number % ranks.size
    out: Tensor | None = None

    def pixels(rows: Ints) -> tuple[Ints, Tensor]:
        numbers = pool.start[rows][:, None] + np.arange(int(pool.length[rows[0]]))
        return rows, take(frames, numbers, device.torch)

    own = [rows for rows in batches if owner[rows[0]] == ranks.rank]
    places = torch.from_numpy(np.concatenate(own)).to(device.torch).split([len(rows) for rows in own])
    beside = device.torch if frames.device.type != device.torch.type else None
    for place, (rows, batch) in zip(places, ahead(pixels, own, beside), strict=True):
        if augment is not None and draws is not None:
            batch = augment(batch, draws[rows])
        with device.autocast():
            embeddings = network.embed(batch, torch.from_numpy(pool.length[rows]))  # pyright: ignore[reportCallIssue]
        if out is None:
            out = torch.empty(len(pool), *embeddings.shape[1:], device=device.torch)
        out[place] = embeddings.float()
        if on_batch:
            on_batch(len(rows))
    network.train(was_training)
    assert out is not None, "every process has a batch"
    ranks.share(out, owner)
    return out
