"""Embeddings of whole pools in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from harness.counters import numpy_rng
from harness.training.device import Device
from harness.types import Augment, Pool


@torch.no_grad()
def extract(
    network: nn.Module,
    frames: Tensor,
    pool: Pool,
    device: Device,
    augment: Augment | None = None,
    key: tuple[int | str, ...] = (),
    on_batch: Callable[[int], None] | None = None,
) -> Tensor:
    """Embeddings f32[N,P,D] on the device of every sequence, from all its frames.

    Sequences go through in batches of equal length, so that nothing is padded; the result does not depend on how they
    are batched. ``augment`` draws once for each sequence, keyed by ``key``.
    """
    was_training = network.training
    network.eval()
    draws = augment.draw(numpy_rng(*key), len(pool)) if augment else None
    order = np.argsort(pool.length, kind="stable")
    out: Tensor | None = None
    for length in np.unique(pool.length):
        same = order[pool.length[order] == length]
        size = max(1, device.extract_frames // int(length))
        for start in range(0, len(same), size):
            rows = same[start : start + size]
            numbers = pool.start[rows][:, None] + np.arange(length)
            flat = frames[torch.from_numpy(numbers.ravel()).to(frames.device)].to(device.torch)
            pixels = flat.view(*numbers.shape, *flat.shape[1:]).float().div_(255)
            if augment is not None and draws is not None:
                pixels = augment(pixels, draws[rows])
            with device.autocast():
                embeddings = network.embed(pixels, torch.from_numpy(pool.length[rows]))  # pyright: ignore[reportCallIssue]
            if out is None:
                out = torch.empty(len(pool), *embeddings.shape[1:], device=device.torch)
            out[torch.from_numpy(rows).to(device.torch)] = embeddings.float()
            if on_batch:
                on_batch(len(rows))
    network.train(was_training)
    assert out is not None
    return out
