"""``harness tables``: the paper's tables for the suite in use, from result files alone."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from harness.cli.console import console
from harness.config import Settings, load
from harness.errors import UserError
from harness.files import atomic_path
from harness.layout import provenance, scores, tables
from harness.tables.grid import Grid, Numbers
from harness.tables.render import to_csv, to_markdown, to_rich
from harness.tables.summary import summary
from harness.tracking.records import read_provenance, read_records
from harness.types import ResultRecord

PRINTED = (3, 6, 7, 10)
_STANDS_FOR = {"casia-b": "casia-bn", "outdoor-gait": "outdoor-gait", "grew": "grew"}
_OPEN, _CLOSE = "<!-- harness tables -->", "<!-- /harness tables -->"


class Format(StrEnum):
    rich = "rich"
    md = "md"
    csv = "csv"


def suite_records(settings: Settings) -> list[ResultRecord]:
    """The records of the suite's own runs; leftovers of other seeds or backbones are not read.

    Their backbone is the kind that the paper's tables name ("gaitset"), whatever its key in params.yaml.
    """
    suite = settings.suite
    kept = read_records(scores(suite.name))
    own = [r for r in kept if r.seed in suite.seeds and r.backbone in suite.backbones and r.dataset in suite.datasets]
    return [replace(r, backbone=settings.backbones[r.backbone].kind) for r in own]


def build_grids(settings: Settings, numbers: Iterable[int]) -> list[Grid]:
    records = suite_records(settings)
    layouts = {d: settings.walkers[d].layout for d in settings.suite.datasets}
    stands_for = {_STANDS_FOR[layout]: d for d, layout in layouts.items() if layout in _STANDS_FOR}
    kinds = dict.fromkeys(settings.backbones[name].kind for name in settings.suite.backbones)
    grids = [summary(records, stands_for, kinds)]
    for number in numbers:
        build = importlib.import_module(f"harness.tables.table{number}").build
        grids.append(build(Numbers(records, stands_for, number)))
    return grids


def headline(settings: Settings) -> str:
    """What the numbers are made from, in one sentence that is never left out."""
    people = "; ".join(
        f"{d}: {settings.walkers[d].subjects.train} training and {settings.walkers[d].subjects.test} test subjects"
        for d in settings.suite.datasets
    )
    return (
        f"Suite {settings.suite.name} ({settings.suite.about}). Ours are walkers, rendered people in CASIA-B's "
        f"structure ({people}), not CASIA-BN: compare the order of the methods, not the values. Mean ± standard "
        f"deviation over {len(settings.suite.seeds)} seed(s). {_architecture(settings)}"
    )


def _architecture(settings: Settings) -> str:
    """The size of the networks and the length of training, beside the paper's."""
    parts = []
    for name in settings.suite.backbones:
        b = settings.backbones[name]
        norm = "no BatchNorm, as published" if b.norm == "none" else "with BatchNorm, which the published GaitSet lacks"
        parts.append(f"{b.kind} {b.channels}, D = {b.embedding}, {norm}")
    steps = ", ".join(
        f"{name} {t.epochs * t.iterations}"
        for name, t in (
            ("Pretrain", settings.methods.pretrain.training),
            ("Upper", settings.methods.upper.training),
            ("CC", settings.methods.cc.training),
            ("SSF, SCF and SF", settings.methods.fusion.training),
            ("GaitSSB*", settings.methods.gaitssb.training),
        )
    )
    return f"Backbone: {'; '.join(parts)}. Optimiser steps: {steps}."


def write_tables(settings: Settings) -> Path:
    """Writes every table as Markdown and CSV; the files depend on the records alone."""
    folder = tables(settings.suite.name)
    with atomic_path(folder) as scratch:
        scratch.mkdir()
        for grid in build_grids(settings, PRINTED):
            stem = grid.number if grid.number == "summary" else f"table{grid.number}"
            (scratch / f"{stem}.md").write_text(f"{to_markdown(grid)}\n{headline(settings)}\n")
            (scratch / f"{stem}.csv").write_text(to_csv(grid))
    return folder


def cost(settings: Settings) -> str:
    """Commit, hardware and time of the suite's runs, from their provenance."""
    files = sorted(provenance(settings.suite.name, "x").parent.glob("*.json"))
    runs = [read_provenance(path) for path in files]
    if not runs:
        return "No run has been recorded yet."
    commits = sorted({run["commit"] for run in runs})
    machines = sorted({run["environment"]["gpu"] or run["environment"]["cpu"] for run in runs})
    minutes = sum(run["seconds"] for run in runs) / 60
    return (
        f"Commit {', '.join(commits)}; {', '.join(machines)}, one thread a run; {len(runs)} training runs, "
        f"{minutes:.1f} minutes of training in all."
    )


def update_block(path: Path, settings: Settings) -> None:
    """Replaces the marked block of a document by the summary table."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); name a text file") from None
    if text.count(_OPEN) != 1 or text.count(_CLOSE) != 1:
        raise UserError(f"{path}: needs one '{_OPEN}' and one '{_CLOSE}' around the table")
    before, rest = text.split(_OPEN)
    after = rest.split(_CLOSE)[1]
    block = f"{to_markdown(build_grids(settings, ())[0])}\n{headline(settings)} {cost(settings)}\n"
    with atomic_path(path) as scratch:
        scratch.write_text(f"{before}{_OPEN}\n{block}{_CLOSE}{after}")


def show_grid(grid: Grid) -> None:
    """Prints a table; on a terminal too narrow for it, a few columns at a time."""

    def width(table: Table) -> int:
        return Console(width=1000).measure(table).maximum

    at_once = len(grid.columns)
    while console.is_terminal and at_once > 1 and width(to_rich(grid.part(0, at_once))) > console.width:
        at_once -= 1
    for start in range(0, len(grid.columns), at_once):
        table = to_rich(grid.part(start, start + at_once))
        Console(width=width(table), highlight=False).print(table)


def print_tables(settings: Settings, numbers: Iterable[int], form: Format) -> None:
    grids = build_grids(settings, numbers)
    if form is Format.rich:
        for grid in grids:
            show_grid(grid)
        console.print(headline(settings))
        console.print(cost(settings))
        return
    for grid in grids:
        typer.echo(to_markdown(grid) if form is Format.md else to_csv(grid))
    if form is Format.md:
        typer.echo(headline(settings))


def tables_command(
    table: Annotated[list[int] | None, typer.Option(help="3, 6, 7 or 10; may be repeated; default: all")] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.rich,
    write: Annotated[bool, typer.Option("--write", help="write results/<suite>/tables/*.md and *.csv instead")] = False,
    update: Annotated[Path | None, typer.Option(help="renew the marked table of a document, such as README.md")] = None,
) -> None:
    """Print the paper's tables, ours beside the paper's.

    Example: harness tables --table 6 --format md
    """
    settings = load()
    wanted = table or list(PRINTED)
    for number in wanted:
        if number not in PRINTED:
            raise UserError(f"no table {number}; this version makes {', '.join(map(str, PRINTED))}")
    if update is not None:
        update_block(update, settings)
        console.print(f"{update}: table renewed")
    elif write:
        console.print(f"{write_tables(settings)}: written")
    else:
        print_tables(settings, wanted, form)
