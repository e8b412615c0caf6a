"""One comparison in several suites: differences with their intervals, a line for each suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from harness.figures.look import canvas


@dataclass(frozen=True)
class Point:
    """A difference in points with its 95 % interval; decided: whether the suite's verdict is anything but undecided."""

    difference: float
    interval: tuple[float, float]
    decided: bool


@dataclass(frozen=True)
class Panel:
    """A comparison. title: what is compared; unit: of its axis; bound: what differences are held against, in points;
    paper: the paper's size, None where it gives none; points: one for each suite, or why it has none."""

    title: str
    unit: str
    bound: float
    paper: float | None
    points: Sequence[Point | str]


def draw(suites: Sequence[str], panels: Sequence[Panel]) -> Figure:
    """suites: their names, from the top; the panels stand side by side on one scale."""
    figure, axes = canvas(1, len(panels), 2.2 + 2.9 * len(panels), 1.6 + 0.33 * len(suites), sharex=True, sharey=True)
    for axis, panel in zip(axes, panels, strict=True):
        axis.axvline(panel.bound, color="black", linewidth=0.8)
        if panel.paper is not None:
            axis.axvline(panel.paper, color="#CC6677", linestyle="--", linewidth=1.2)
        axis.set_title(panel.title, fontsize=8)
        for place, point in enumerate(panel.points):
            if isinstance(point, str):
                axis.text(panel.bound, place, f" {point}", va="center", fontsize=8, color="0.35")
                continue
            face = "#332288" if point.decided else "white"
            axis.plot(point.interval, [place, place], color="#332288", zorder=3)
            axis.plot([point.difference], [place], "o", color="#332288", markerfacecolor=face, zorder=4)
        axis.set_xlabel(panel.unit)
        axis.grid(axis="y", visible=False)
    for face, name in (("#332288", "supported or refuted"), ("white", "undecided")):
        axes[0].plot([], [], "o-", color="#332288", markerfacecolor=face, label=name)
    figure.legend(loc="outside lower center", ncols=2)
    axes[0].set_yticks(range(len(suites)), suites)
    axes[0].set_ylim(len(suites) - 0.5, -0.5)
    return figure
