"""How pseudo-labels change with training: clusters, outliers, their quality, front/back views, the curriculum bound."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.figures.look import METHODS, NAMES, canvas, say_nothing_yet, style

PANELS = {
    "clusters": "clusters",
    "outliers": "outliers (sequences)",
    "nmi": "NMI with identities",
    "purity": "purity",
    "front_back_mixed": "front/back sequences\nin mixed clusters",
    "clothes_joined": "clusters that join clothes\nof one person",
    "reassigned_right": "re-assigned sequences\nwith their own person",
    "support_same": "support-set partners\nof the same person",
    "ssf_bound": "curriculum bound s_c",
    "loss": "loss",
}

History = Sequence[Mapping[str, float]]


def draw(histories: Mapping[str, Sequence[History]], title: str) -> Figure:
    """histories: method -> one history for each seed; means over seeds. SSF, SCF and SF start where CC ends."""
    figure, axes = canvas(2, 5, 14, 5.4)
    start = max((len(history) for history in histories.get("cc", ())), default=0)
    last = 0
    for axis, (key, label) in zip(axes, PANELS.items(), strict=True):
        axis.set_title(label)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        drawn = False
        for method in (m for m in METHODS if m in histories):
            shift = start if method in ("ssf", "scf", "sf") else 0
            by_epoch: dict[int, list[float]] = {}
            for history in histories[method]:
                for metrics in history:
                    if key in metrics:
                        by_epoch.setdefault(int(metrics["epoch"]) + shift + 1, []).append(metrics[key])
            if by_epoch:
                values = [statistics.fmean(v) for v in by_epoch.values()]
                axis.plot(list(by_epoch), values, label=NAMES[method], **style(METHODS.index(method)))
                drawn, last = True, max(last, *by_epoch)
        if not drawn:
            say_nothing_yet(axis, "not recorded yet")
    handles = {}
    for axis in axes:
        axis.set_xlim(0.5, max(1, last) + 0.5)
        handles |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles))
    figure.suptitle(title)
    return figure
