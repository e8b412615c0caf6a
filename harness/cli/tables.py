"""``harness tables``: the paper's tables for the suite in use, from result files alone."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.cli.blocks import replace_block
from harness.cli.console import console, errors
from harness.cli.edited import edited, warn_edited
from harness.cli.evidence import cost, evidence_of, fewer, headline, means_of
from harness.cli.judged import judged, row
from harness.cli.options import goes_alone
from harness.config import Settings, load
from harness.errors import UserError, nearest
from harness.files import atomic_path, write_json
from harness.layout import means, tables
from harness.plan import check_plan
from harness.published import TABLES
from harness.report.finding import findings
from harness.report.order import RANKED, columns
from harness.tables.grid import Evidence, Grid, Numbers
from harness.tables.render import SOURCES, as_json, legend, reasons, to_csv, to_markdown, to_rich
from harness.tables.typeset import tex_note, to_tex
from harness.tables.web import to_html

NAMES = ("summary", *map(str, TABLES), "controls")
_SINGLE = "With --intervals single views have theirs too."
_BRIEF = "summary"
"""Printed without intervals: the first thing that a reader sees."""


class Format(StrEnum):
    rich = "rich"
    md = "md"
    csv = "csv"
    tex = "tex"
    html = "html"
    json = "json"


def build_grids(settings: Settings, wanted: Iterable[str] = NAMES) -> list[Grid]:
    """The tables of these names from the records of the suite in use."""
    evidence = evidence_of(settings)
    return [_build(evidence, name) for name in wanted]


def _build(evidence: Evidence, name: str) -> Grid:
    if name not in NAMES:
        raise UserError(f"no table {name}; {nearest(name, NAMES)}")
    if not name.isdigit():
        return importlib.import_module(f"harness.tables.{name}").build(evidence)
    return importlib.import_module(f"harness.tables.table{name}").build(Numbers(evidence, int(name)))


def write_tables(settings: Settings) -> Path:
    """Writes every table as Markdown and CSV, and the means for DVC; the files depend on the records alone."""
    folder = tables(settings.suite.name)
    grids, said = build_grids(settings), headline(settings)
    with atomic_path(folder) as scratch:
        scratch.mkdir()
        for grid in grids:
            brief = grid.stem == _BRIEF
            below = filter(None, (legend(grid, coloured=False), "" if brief else SOURCES, said))
            text = "\n\n".join((to_markdown(grid, brief).rstrip(), *below))
            (scratch / f"{grid.stem}.md").write_text(f"{text}\n")
            (scratch / f"{grid.stem}.csv").write_text(to_csv(grid))
    write_json(means(settings.suite.name), means_of(settings))
    return folder


def update_block(path: Path, settings: Settings) -> None:
    """Replaces the marked block of a document by what was found and the summary table, without its empty rows."""
    grids = build_grids(settings, RANKED)
    first, *more = findings([row(one) for one in judged(settings)], columns(grids), fewer(settings), brief=True)
    table = to_markdown(grids[0].filled(), brief=True).rstrip()
    below = (headline(settings), cost(settings), edited(settings))
    parts = (f"**{first}**", table, " ".join(more), " ".join(filter(None, below)))
    replace_block(path, "harness tables", "\n\n".join(filter(None, parts)) + "\n")


def show_grid(grid: Grid, brief: bool) -> None:
    """Prints a table; on a terminal too narrow for it, a few columns at a time."""

    def width(table: Table) -> int:
        return Console(width=1000).measure(table).maximum

    at_once = len(grid.columns)
    while console.is_terminal and at_once > 1 and width(to_rich(grid.part(0, at_once), brief)) > console.width:
        at_once -= 1
    for start in range(0, len(grid.columns), at_once):
        table = to_rich(grid.part(start, start + at_once), brief)
        Console(width=width(table), highlight=False).print(table)
    for text in filter(None, ("" if brief else grid.note, legend(grid))):
        console.print(text, markup=False)


def print_tables(
    settings: Settings, wanted: Sequence[str], form: Format, brief: bool = False, intervals: bool = False
) -> None:
    grids = build_grids(settings, wanted)
    if intervals:
        grids = [grid.with_intervals() for grid in grids]
    said = edited(settings)
    if said and form in (Format.rich, Format.csv, Format.json):
        errors.print(f"[yellow]warning:[/] {escape(said)}")
    text = " ".join(filter(None, (headline(settings), said)))
    if form is Format.rich:
        for grid in grids:
            show_grid(grid, brief or grid.stem == _BRIEF)
        if not brief:
            console.print(f"{SOURCES} {_SINGLE}", markup=False)
        console.print(text, markup=False)
        console.print(cost(settings), markup=False)
    elif form is Format.html:
        typer.echo(to_html(grids, f"Tables of suite {settings.suite.preset}", text, brief), nl=False)
    elif form is Format.json:
        typer.echo(as_json(grids), nl=False)
    elif form is Format.csv:
        typer.echo("\n".join(map(to_csv, grids)))
    elif form is Format.tex:
        typer.echo("\n".join(to_tex(grid, brief) for grid in grids))
        typer.echo(tex_note(text if brief else f"{SOURCES} {_SINGLE} {text}"), nl=False)
    else:
        for grid in grids:
            said = legend(grid, coloured=False)
            typer.echo(to_markdown(grid, brief) + f"\n{said}\n" * bool(said))
        typer.echo(text if brief else f"{SOURCES} {_SINGLE}\n\n{text}")


def tables_command(
    table: Annotated[
        list[str] | None, typer.Option(help="summary, 3 to 10 or controls; may be repeated; default: all")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.rich,
    brief: Annotated[bool, typer.Option("--brief", help="ours and the paper's only, without intervals")] = False,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="intervals in every cell, so also of the single views of Tables 3 and 7")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="say why cells are empty or lack seeds, instead")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="write results/<suite>/tables/*.md and *.csv, and means.json, instead")
    ] = False,
    update: Annotated[Path | None, typer.Option(help="renew the marked block of a document, such as README.md")] = None,
) -> None:
    """Print the paper's tables, ours beside the paper's, with 95 % intervals over seeds and over people.

    Example: harness tables --table 6 --format md
    """
    if brief and intervals:
        raise UserError("--brief leaves out what --intervals asks for; name one of them")
    looks = {"--format": form is not Format.rich, "--brief": brief, "--intervals": intervals}
    if update is not None:
        goes_alone("--update", {"--table": table, **looks, "--why": why, "--write": write})
    elif write:
        goes_alone("--write", {"--table": table, **looks, "--why": why})
    elif why:
        goes_alone("--why", looks)
    settings = load()
    wanted = tuple(table) if table else NAMES
    if update is not None:
        update_block(update, settings)
        console.print(f"{update}: table renewed")
    elif write:
        check_plan(settings)
        warn_edited(settings)
        console.print(f"{write_tables(settings)}: written")
    elif why:
        warn_edited(settings)
        found = dict.fromkeys(line for grid in build_grids(settings, wanted) for line in reasons(grid))
        for line in found or ("no cell of ours is empty or lacks a seed",):
            console.print(line, markup=False)
    else:
        print_tables(settings, wanted, form, brief, intervals)
