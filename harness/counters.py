"""Random numbers from counters.

Every draw of the project comes from a generator keyed by what it is for, for example
``numpy_rng(seed, "batch", epoch, step)``. Nothing reads or advances a global state, so a run that
is stopped and started again, or whose work is shared out differently, draws the same numbers.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Key = int | str


def _digest(key: tuple[Key, ...]) -> bytes:
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def numpy_rng(*key: Key) -> np.random.Generator:
    """A NumPy generator (Philox) that depends on ``key`` alone."""
    return np.random.Generator(np.random.Philox(key=np.frombuffer(_digest(key), dtype=np.uint64)))


def torch_rng(*key: Key) -> torch.Generator:
    """A CPU torch generator that depends on ``key`` alone; draws move to the device afterwards,
    so that a GPU run draws what a CPU run draws."""
    # Imported here: much that draws needs no torch, which takes seconds to load.
    import torch

    seed = int.from_bytes(_digest(key)[:8], "little") >> 1
    return torch.Generator().manual_seed(seed)
