"""Figure 3: what cloth augmentation makes of a silhouette, six types."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from harness.figures.look import canvas


def draw(rows: Mapping[str, Mapping[str, npt.NDArray[np.uint8]]]) -> Figure:
    """rows: condition -> type ("original" first) -> one silhouette uint8[64,44]."""
    columns = list(next(iter(rows.values())))
    figure, axes = canvas(len(rows), len(columns), 1.15 * len(columns), 1.75 * len(rows) + 0.3)
    for number, (condition, types) in enumerate(rows.items()):
        for column, (name, frame) in enumerate(types.items()):
            axis = axes[number * len(columns) + column]
            axis.imshow(frame, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            axis.grid(False)
            if number == 0:
                axis.set_title(name, fontsize=8)
            if column == 0:
                axis.set_ylabel(condition)
    return figure
