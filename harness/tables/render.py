"""Grids as rich tables, Markdown and CSV. Only in render.py and typeset.py is anything rounded."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from harness.tables.grid import BLUE, BOLD, RED, Cell, Grid

ABSENT = "—"
OUTSIDE = " †"
"""Behind a size of the paper's that lies outside our interval."""
_RICH = {RED: "italic red", BLUE: "underline blue", BOLD: "bold", "": ""}
LOOKS = {RED: "Red, italic", BLUE: "Blue, underlined", BOLD: "Bold"}
"""The paper's marks, each by colour and by something else."""
_SENSES = {RED: "upper bound", BLUE: "above {base} at a front or back view", BOLD: "above {base} in the mean"}
SOURCES = (
    "Ours: the mean over seeds; 95 % seeds: its interval over seeds (Student's t); 95 % people: over test subjects "
    "(bootstrap); paper: as printed; difference: ours minus the paper's, in points; —: not run, or not printed."
)
"""What the lines of a table are."""


INTERVALS = ("95 % seeds", "95 % people")


@dataclass(frozen=True)
class Line:
    """One printed line of a row. kind: "ours", one of :data:`INTERVALS`, "paper" or "difference"."""

    head: tuple[str, ...]
    kind: str
    texts: tuple[str, ...]
    marks: tuple[str, ...]
    keys: tuple[str, ...]


def ours(cell: Cell, spread: bool = True) -> str:
    """Mean and, on request and with more than one seed, standard deviation over seeds."""
    if cell.mean is None:
        return ABSENT
    return f"{cell.mean:.1f}" if cell.spread is None or not spread else f"{cell.mean:.1f} ±{cell.spread:.1f}"


def _range(interval: tuple[float, float] | None) -> str:
    """An interval of per cents as readers see it; none is empty."""
    return "" if interval is None else f"{interval[0]:.1f}–{interval[1]:.1f}"


def chance(p: float | None) -> str:
    """A p-value in [0,1] as readers see it, to three places; never as nought."""
    return ABSENT if p is None else "< 0.001" if p < 0.0005 else f"{p:.3f}"


def signed(value: float | None, digits: int = 1) -> str:
    """A difference with its sign; none stands before a zero."""
    if value is None:
        return ABSENT
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def lines(grid: Grid, brief: bool = False) -> list[Line]:
    """Each row of the grid as lines; ``brief``: only ours (with the deviation) and the paper's.

    A line is left out where no cell of the row has anything for it; that of ours always stands.
    """
    out = []
    for row in grid.rows:
        keys = tuple(grid.key(row, column) for column in grid.columns)
        blank = tuple(" " for _ in row.head)
        shown = [grid.shows_spread(column) for column in grid.columns]
        both = list(zip(row.cells, shown, strict=True))
        mine = tuple(ours(cell, spread and brief) for cell, spread in both)
        out.append(Line(row.head, "ours", mine, tuple(c.ours_mark if c.ours else "" for c in row.cells), keys))
        if not brief:
            none = ("",) * len(keys)
            seeds = tuple(_range(cell.seeds) if spread else "" for cell, spread in both)
            people = tuple(_range(cell.people) if spread else "" for cell, spread in both)
            for kind, texts in zip(INTERVALS, (seeds, people), strict=True):
                if any(texts):
                    out.append(Line(blank, kind, texts, none, keys))
        if any(cell.paper for cell in row.cells):
            paper = tuple(cell.paper or ABSENT for cell in row.cells)
            out.append(Line(blank, "paper", paper, tuple(c.paper_mark if c.paper else "" for c in row.cells), keys))
        differences = tuple(signed(cell.difference) for cell in row.cells)
        if not brief and set(differences) != {ABSENT}:
            out.append(Line(blank, "difference", differences, ("",) * len(keys), keys))
    return out


def senses(grid: Grid) -> dict[str, str]:
    """What the marks that are in a table say there."""
    used = {mark for row in grid.rows for cell in row.cells for mark in (cell.ours_mark, cell.paper_mark)}
    return {mark: said.format(base=grid.base) for mark, said in _SENSES.items() if mark in used}


def legend(grid: Grid, coloured: bool = True) -> str:
    """The marks of a table in words; not ``coloured``: all of them are bold."""
    said = senses(grid)
    if not coloured:
        return f"Bold: {'; '.join(said.values())}." if said else ""
    return " ".join(f"{LOOKS[mark]}: {meaning}." for mark, meaning in said.items())


def title(grid: Grid) -> str:
    return f"Table {grid.number}. {grid.title}" if grid.number.isdigit() else grid.title


def reasons(grid: Grid) -> list[str]:
    """A line for each reason why cells lack runs, with the cells that it is about."""
    found: dict[str, list[str]] = {}
    for key, cell in grid.cells():
        if cell.why:
            found.setdefault(cell.why, []).append(key)
    return [
        f"{why}: {', '.join(keys[:3])}{f' and {len(keys) - 3} more' * (len(keys) > 3)}" for why, keys in found.items()
    ]


def to_rich(grid: Grid, brief: bool = False) -> Table:
    table = Table(title=title(grid), title_justify="left", pad_edge=False, collapse_padding=True)
    for name in (*grid.heads, "Source"):
        table.add_column(name, no_wrap=True)
    for name in grid.columns:
        table.add_column(name, justify="right", no_wrap=True)
    printed = lines(grid, brief)
    for number, line in enumerate(printed):
        last = number + 1 == len(printed) or printed[number + 1].kind == "ours"
        cells = [Text(text, style=_RICH[mark]) for text, mark in zip(line.texts, line.marks, strict=True)]
        style = "" if line.kind == "ours" else "dim"
        table.add_row(*line.head, line.kind, *cells, style=style, end_section=last)
    return table


def to_markdown(grid: Grid, brief: bool = False) -> str:
    """Marks of all three sorts are bold: Markdown has no colours."""
    names = (*grid.heads, "Source", *grid.columns)
    align = ["---"] * (len(grid.heads) + 1) + ["---:"] * len(grid.columns)
    text = [f"**{title(grid)}**", "", _bar(names), _bar(align)]
    for line in lines(grid, brief):
        cells = [f"**{t}**" if mark else t for t, mark in zip(line.texts, line.marks, strict=True)]
        text.append(_bar([*line.head, line.kind, *cells]))
    return "\n".join([*text, *(["", grid.note] if grid.note else [])]) + "\n"


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Any rows of text under their heads as a Markdown table, without a newline at its end."""
    body = (_bar([cell.replace("|", "\\|") for cell in row]) for row in rows)
    return "\n".join([_bar(heads), _bar(["---"] * len(heads)), *body])


def to_csv(grid: Grid) -> str:
    """One line a cell: heads, column, key, numbers with six digits, seeds, the paper's value, runs, reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numbers = ["mean", "spread", "seeds_low", "seeds_high", "people_low", "people_high", "difference"]
    writer.writerow([*(h.lower() for h in grid.heads), "column", "key", *numbers, "seeds", "paper", "runs", "why"])
    for row in grid.rows:
        for column, cell in zip(grid.columns, row.cells, strict=True):
            (low, high), (few, many) = cell.seeds or (None, None), cell.people or (None, None)
            values = (cell.mean, cell.spread, low, high, few, many, cell.difference)
            shown = ["" if x is None else f"{x:.6f}" for x in values]
            rest = [len(cell.ours), cell.paper or "", " ".join(cell.runs), cell.why]
            writer.writerow([*row.head, column, grid.key(row, column), *shown, *rest])
    return text.getvalue()


def as_json(grids: Iterable[Grid]) -> str:
    """Every cell with its key, values of each seed, intervals, the paper's number, runs and reason."""
    return json.dumps([_tree(grid) for grid in grids], indent=1, ensure_ascii=False) + "\n"


def _tree(grid: Grid) -> dict[str, Any]:
    cells = [
        {
            "key": key,
            "ours": list(cell.ours),
            "mean": cell.mean,
            "seeds": cell.seeds,
            "people": cell.people,
            "paper": cell.paper,
            "difference": cell.difference,
            "runs": list(cell.runs),
            "why": cell.why,
            "place": asdict(cell.place) if cell.place else None,
        }
        for key, cell in grid.cells()
    ]
    return {"table": grid.number, "title": grid.title, "note": grid.note, "columns": list(grid.columns), "cells": cells}


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
