"""What training cost: minutes of each method, from provenance."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from harness.figures.look import METHODS, NAMES, canvas, say_nothing_yet


def draw(seconds: Mapping[str, Sequence[float]], place: str) -> Figure:
    """seconds: method -> training seconds of each run; place: their backbone, data set and machine."""
    figure, (axis,) = canvas(1, 1, 6.4, 3.2)
    shown = [m for m in (*reversed(METHODS), *sorted(set(seconds) - set(METHODS))) if m in seconds]
    if not shown:
        say_nothing_yet(axis, "no run has been recorded yet")
    middle = [statistics.median(seconds[m]) / 60 for m in shown]
    ranges = [[(statistics.median(seconds[m]) - min(seconds[m])) / 60 for m in shown]]
    ranges += [[(max(seconds[m]) - statistics.median(seconds[m])) / 60 for m in shown]]
    names = [NAMES.get(m, m.replace("_", " ")) for m in shown]
    bars = axis.barh(names, middle, color="0.55", edgecolor="black", xerr=ranges, capsize=3)
    axis.bar_label(bars, labels=[f"{value:.1f}  (n = {len(seconds[m])})" for value, m in zip(middle, shown)], padding=3)
    axis.margins(x=0.2)
    axis.set_xlabel(f"minutes of training, median and range over runs ({place})")
    return figure
