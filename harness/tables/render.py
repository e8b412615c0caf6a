"""Grids as rich tables, Markdown and CSV. Only here is anything rounded."""

from __future__ import annotations

import csv
import io

from rich.table import Table

from harness.tables.grid import Cell, Grid

ABSENT = "—"


def ours(cell: Cell, spread: bool = True) -> str:
    """Mean and, on request and with more than one seed, standard deviation over seeds."""
    if cell.mean is None:
        return ABSENT
    return f"{cell.mean:.1f}" if cell.spread is None or not spread else f"{cell.mean:.1f} ±{cell.spread:.1f}"


def _lines(grid: Grid) -> list[tuple[tuple[str, ...], list[str]]]:
    """Each row of the grid as two: ours, then the paper's."""
    out = []
    for row in grid.rows:
        mine = [ours(cell, grid.shows_spread(c)) for c, cell in zip(grid.columns, row.cells, strict=True)]
        out.append(((*row.head, "ours"), mine))
        out.append(((*(" " for _ in row.head), "paper"), [cell.paper or ABSENT for cell in row.cells]))
    return out


def to_rich(grid: Grid) -> Table:
    table = Table(title=_title(grid), title_justify="left", pad_edge=False, collapse_padding=True)
    for name in (*grid.heads, "Source"):
        table.add_column(name, no_wrap=True)
    for name in grid.columns:
        table.add_column(name, justify="right", no_wrap=True)
    for head, cells in _lines(grid):
        style = "dim" if head[-1] == "paper" else ""
        table.add_row(*head, *cells, style=style, end_section=head[-1] == "paper")
    return table


def to_markdown(grid: Grid) -> str:
    names = (*grid.heads, "Source", *grid.columns)
    align = ["---"] * (len(grid.heads) + 1) + ["---:"] * len(grid.columns)
    lines = [f"**{_title(grid)}**", "", _bar(names), _bar(align)]
    lines += [_bar([*head, *cells]) for head, cells in _lines(grid)]
    return "\n".join(lines) + "\n"


def to_csv(grid: Grid) -> str:
    """One line a cell: heads, column, mean and spread with six digits, seeds, the paper's value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(h.lower() for h in grid.heads), "column", "mean", "spread", "seeds", "paper"])
    for row in grid.rows:
        for column, cell in zip(grid.columns, row.cells, strict=True):
            numbers = ["" if x is None else f"{x:.6f}" for x in (cell.mean, cell.spread)]
            writer.writerow([*row.head, column, *numbers, len(cell.ours), cell.paper or ""])
    return text.getvalue()


def _title(grid: Grid) -> str:
    return grid.title if grid.number == "summary" else f"Table {grid.number}. {grid.title}"


def _bar(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
