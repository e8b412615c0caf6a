"""Figure 7: where the network looks (Grad-CAM) on pairs of one person that were clustered together, and apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from harness.figures.look import canvas, say_nothing_yet


@dataclass(frozen=True)
class Look:
    """One sequence of a pair: a silhouette uint8[64,44], its heat f32[64,44] in [0,1], and what it is."""

    frame: npt.NDArray[np.uint8]
    heat: npt.NDArray[np.float32]
    caption: str


@dataclass(frozen=True)
class Pair:
    """Two sequences of one person. together: whether they got one pseudo-label; similarity: their cosine."""

    backbone: str
    together: bool
    similarity: float
    left: Look
    right: Look


def draw(pairs: Sequence[Pair]) -> Figure:
    """A row for each pair: silhouette and heat of both sequences."""
    if not pairs:
        figure, (axis,) = canvas(1, 1, 6, 2)
        say_nothing_yet(axis, "no pair of one person in two conditions")
        return figure
    figure, axes = canvas(len(pairs), 4, 6.2, 2.3 * len(pairs))
    for number, pair in enumerate(pairs):
        row = axes[4 * number : 4 * number + 4]
        for (plain, warm), look in zip((row[:2], row[2:]), (pair.left, pair.right), strict=True):
            plain.imshow(look.frame, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            warm.imshow(look.frame, cmap="gray", vmin=0, vmax=510, interpolation="nearest")
            # One hue from clear to full: lighter is more, in grey too.
            warm.imshow(look.heat, cmap="inferno", vmin=0, vmax=1, alpha=0.75 * look.heat, interpolation="bilinear")
            plain.set_title(look.caption, fontsize=7)
            warm.set_title("Grad-CAM" if look.heat.any() else "Grad-CAM: nothing adds", fontsize=7)
        for axis in row:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.grid(False)
        verdict = "together" if pair.together else "apart"
        row[0].set_ylabel(f"{pair.backbone}\n{verdict}, cos {pair.similarity:.2f}", fontsize=8)
    return figure
