"""Packed frames on their way to the device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def take(frames: Tensor, numbers: npt.NDArray[np.int64], device: torch.device) -> Tensor:
    """Frames f32[...,64,44] in [0,1] on ``device`` at positions ``numbers`` i64[...] of packed uint8[F,64,44] (or of
    floats that are in [0,1] already).

    From frames on a GPU it is one gather there. From frames on the host (memory-mapped, say) only what is asked for is
    read, into pinned memory, and travels as bytes while the GPU works on something else.
    """
    index = torch.from_numpy(numbers.ravel())
    if frames.device.type == device.type:
        flat = frames[index.to(frames.device)]
    else:
        staged = torch.empty(len(index), *frames.shape[1:], dtype=frames.dtype, pin_memory=True)
        flat = torch.index_select(frames, 0, index, out=staged).to(device, non_blocking=True)
    pixels = flat.view(*numbers.shape, *flat.shape[1:]).float()
    return pixels.div_(255) if frames.dtype == torch.uint8 else pixels
