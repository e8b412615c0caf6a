"""Sequences as the field keeps them: a pickle each, read one at a time when a batch asks for it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def write(folder: Path, walks: list[npt.NDArray[np.uint8]]) -> list[Path]:
    """One file for each sequence."""
    paths = []
    for number, walk in enumerate(walks):
        path = folder / f"{number:06d}.pkl"
        path.write_bytes(pickle.dumps(walk))
        paths.append(path)
    return paths


def read(path: Path) -> npt.NDArray[np.float32]:
    """Frames f32[T,64,44] in [0,1] of a file that this benchmark wrote."""
    with open(path, "rb") as stream:
        return pickle.load(stream).astype(np.float32) / 255.0


def batch(paths: list[Path], frames: int, ordered: bool, rng: np.random.Generator) -> Tensor:
    """Each sequence read, ``frames`` of its frames chosen, all put together: f32[B,T,64,44]."""
    chosen = []
    for path in paths:
        walk = read(path)
        if ordered:
            start = rng.integers(0, max(len(walk) - frames, 0) + 1)
            picked = [(start + t) % len(walk) for t in range(frames)]
        else:
            picked = sorted(rng.choice(len(walk), size=frames, replace=len(walk) < frames))
        chosen.append(np.stack([walk[t] for t in picked]))
    return torch.from_numpy(np.stack(chosen))
