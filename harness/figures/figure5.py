"""Figure 5: the baseline with one of s_up, n, tau and m moved at a time."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from matplotlib.figure import Figure

from harness.figures.look import CONDITIONS, canvas, say_nothing_yet, style
from harness.types import ResultRecord

AXES = {"s_up": "similarity threshold s_up", "n": "neighbours n", "tau": "temperature τ", "m": "constant momentum m"}


def draw(records: Iterable[ResultRecord], dataset: str, backbone: str) -> Figure:
    """Mean rank-1 over seeds, with the range over seeds as bars; records of CC's variants on ``dataset``."""
    found: dict[str, dict[str, dict[float, list[float]]]] = {}
    for r in records:
        if (r.dataset, r.backbone, r.method, r.metric, r.view_deg) != (dataset, backbone, "cc", "rank1", None):
            continue
        name, _, value = r.variant.partition("=")
        if name in AXES:
            found.setdefault(name, {}).setdefault(r.condition, {}).setdefault(float(value), []).append(r.value)
    figure, axes = canvas(2, 2, 7.2, 5.2)
    for axis, (name, label) in zip(axes, AXES.items(), strict=True):
        axis.set_xlabel(label)
        axis.set_ylabel("rank-1 (%)")
        if name not in found:
            say_nothing_yet(axis, "no run of it in this suite")
            continue
        for number, condition in enumerate(c for c in CONDITIONS if c in found[name]):
            points = sorted(found[name][condition].items())
            means = [statistics.fmean(values) for _, values in points]
            spread = [[m - min(v), max(v) - m] for m, (_, v) in zip(means, points, strict=True)]
            low_high = [list(side) for side in zip(*spread, strict=True)]
            axis.errorbar([x for x, _ in points], means, yerr=low_high, label=condition, capsize=2, **style(number))
        values = sorted({x for by_value in found[name].values() for x in by_value})
        axis.set_xticks(values)
        if len(values) == 1:
            # Only the suite's own setting: no sweep yet.
            axis.set_title("the suite's own value alone", fontsize=8, color="0.35")
        axis.legend()
    figure.suptitle(f"CC with one parameter moved at a time ({backbone} on {dataset})")
    return figure
