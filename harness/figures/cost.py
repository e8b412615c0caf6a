"""What training cost: minutes of each method, from provenance."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from harness.figures.look import METHODS, NAMES, canvas, say_nothing_yet


def draw(seconds: Mapping[str, Sequence[float]], where: str) -> Figure:
    """seconds: method -> training seconds of each run; where: their backbone, data set and machine."""
    figure, (axis,) = canvas(1, 1, 6.4, 3.2)
    shown = [m for m in (*reversed(METHODS), *sorted(set(seconds) - set(METHODS))) if m in seconds]
    if not shown:
        say_nothing_yet(axis, "no run has been recorded yet")
    middle = [statistics.median(seconds[m]) / 60 for m in shown]
    ranges = [[(statistics.median(seconds[m]) - min(seconds[m])) / 60 for m in shown]]
    ranges += [[(max(seconds[m]) - statistics.median(seconds[m])) / 60 for m in shown]]
    names = [NAMES.get(m, m.replace("_", " ")) for m in shown]
    axis.barh(names, middle, color="0.55", edgecolor="black", xerr=ranges, capsize=3)
    for place, (value, method) in enumerate(zip(middle, shown, strict=True)):  # in a column, clear of the ranges
        text = f"{value:.1f}  (n = {len(seconds[method])})"
        axis.text(1.02, place, text, transform=axis.get_yaxis_transform(), va="center")
    axis.set_xlabel(f"minutes of training, median and range over runs ({where})")
    return figure
