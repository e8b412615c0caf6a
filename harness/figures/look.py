"""One look for every figure: readable in grey (dashes and markers differ too), and the same bytes each time."""

from __future__ import annotations

import io
from typing import Any

from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "selective-fusion",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.85",
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
}
COLOURS = ("#000000", "#332288", "#882255", "#117733", "#CC6677", "#999933", "#88CCEE")
"""Dark to light, so that grey print keeps them apart (after Paul Tol's muted scheme)."""
MARKS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
METHODS = ("upper", "sf", "scf", "ssf", "cc", "pretrain", "gaitssb")
NAMES = {
    "upper": "Upper", "sf": "SF", "scf": "SCF", "ssf": "SSF", "cc": "CC", "pretrain": "Pretrain", "gaitssb": "GaitSSB*",
}  # fmt: skip
CONDITIONS = ("NM", "BG", "CL")


def canvas(rows: int, columns: int, width: float, height: float, **options: Any) -> tuple[Figure, list]:
    """A figure of inches ``width`` x ``height`` and its axes, row by row."""
    rcParams.update(SETTINGS)  # for good, as text and legends look them up when they are made
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def style(number: int) -> dict:
    """Colour, marker and dash of the line with this number."""
    return {"color": COLOURS[number % 7], "marker": MARKS[number % 7], "linestyle": DASHES[number % 7]}


def say_nothing_yet(axis, text: str) -> None:
    """Writes in an empty panel why it is empty."""
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", color="0.35", wrap=True)
    axis.set_xticks([])
    axis.set_yticks([])


def rendered(figure: Figure, kind: str) -> bytes:
    """A figure as "png" or "svg" without dates; those drawn alike give equal bytes, whichever kind was asked for first.

    The first call lays it out for all: each kind's own layout would depend on the one before in its last bits.
    """
    rcParams.update(SETTINGS)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine("none")
    figure.dpi = SETTINGS["savefig.dpi"]
    stream = io.BytesIO()
    # Not savefig, which draws everything twice: once more to lay out what is laid out already.
    if kind == "png":
        FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    else:
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    return stream.getvalue()
