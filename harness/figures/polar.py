"""Rank-1 by probe view as a polar plot for each condition."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

from matplotlib.figure import Figure

from harness.figures.look import CONDITIONS, METHODS, NAMES, canvas, say_nothing_yet, style
from harness.types import ResultRecord


def draw(records: Iterable[ResultRecord], dataset: str, backbone: str) -> Figure:
    """Means over seeds on a half circle: 0 degrees (front) to 180 (back)."""
    found: dict[tuple[str, str], dict[int, list[float]]] = {}
    for r in records:
        if (r.dataset, r.backbone, r.metric, r.variant) == (dataset, backbone, "rank1", "") and r.view_deg is not None:
            found.setdefault((r.condition, r.method), {}).setdefault(r.view_deg, []).append(r.value)
    best = max((statistics.fmean(v) for by_view in found.values() for v in by_view.values()), default=100.0)
    figure, axes = canvas(1, 3, 11, 3.3, subplot_kw={"projection": "polar"})
    for axis, condition in zip(axes, CONDITIONS, strict=True):
        axis.set_title(condition)
        axis.set_thetamin(0)
        axis.set_thetamax(180)
        shown = [m for m in METHODS if (condition, m) in found]
        if not shown:
            say_nothing_yet(axis, "no score by view yet")
        for method in shown:
            points = sorted(found[condition, method].items())
            angles = [math.radians(view) for view, _ in points]
            values = [statistics.fmean(v) for _, v in points]
            axis.plot(angles, values, label=NAMES[method], **style(METHODS.index(method)))
        axis.set_rlim(0, min(100, 20 * max(1, math.ceil(best / 20))))
        axis.set_xticks([math.radians(view) for view in range(0, 181, 36)])
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))
    figure.suptitle(f"Rank-1 (%) by probe view ({backbone} on {dataset})")
    return figure
