"""Where a probe's mates stand in the gallery, sorted by distance. Axes: Q probes, G gallery."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

NO_MATE = np.iinfo(np.int64).max
"""The place of a mate that is not there."""


def places(table: Tensor, mate: Tensor) -> npt.NDArray[np.int64]:
    """How many gallery sequences stand before each probe's first mate, i64[Q]; ``NO_MATE`` where there is none.

    table f32[Q,G] distances, mate bool[Q,G]. Of equal distances the one that stands first in the gallery is nearer.
    """
    nearest = table.masked_fill(~mate, float("inf")).min(dim=1, keepdim=True).values
    first = ((table == nearest) & mate).to(torch.uint8).argmax(dim=1, keepdim=True)
    before = torch.arange(table.shape[1], device=table.device) < first
    place = ((table < nearest) | ((table == nearest) & before)).sum(dim=1)
    return torch.where(mate.any(dim=1), place, NO_MATE).cpu().numpy()


def precisions(table: Tensor, mate: Tensor) -> npt.NDArray[np.float64]:
    """Average precision and inverse negative penalty f64[Q,2] in [0,1] of each probe; 0 without a mate.

    INP is the number of mates over the place, counted from one, of the last of them (Ye et al., TPAMI 2021).
    """
    order = torch.sort(table, dim=1, stable=True).indices
    # Counted in whole numbers: a GPU has no deterministic sum of running floats.
    hit = mate.gather(1, order).long()
    found, place = hit.cumsum(dim=1), torch.arange(1, table.shape[1] + 1, device=table.device)
    mates = hit.sum(dim=1)
    precision = (hit * found / place.double()).sum(dim=1) / mates.clamp(min=1)
    last = (hit * place).amax(dim=1)
    return torch.stack([precision, mates.double() / last.clamp(min=1)], dim=1).cpu().numpy()
