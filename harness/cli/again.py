"""``harness again``: runs that were computed here once more, beside the committed ones."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.committed import CHANGED, pairs, repeated
from harness.cli.console import console, errors
from harness.config import load
from harness.errors import UserError
from harness.identity import git, processor
from harness.layout import epochs, provenance
from harness.report.again import row, said
from harness.tracking.again import Made, Repeat, compare, keep
from harness.tracking.check import checked_epochs, checked_provenance


def again(
    write: Annotated[
        bool, typer.Option("--write", help="keep what is found in results/<suite>/again.json, for reports")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print as JSON")] = False,
) -> None:
    """Compare runs that were computed here once more with the committed ones, epoch by epoch, bit for bit.

    Labels and weights are compared by their digests, and every metric. A run counts where its provenance is another
    here than in the last commit, and its inputs are the same. With --write the committed provenance of those that came
    out the same is put back. Exit code 1: the same kind of machine, but not the same bits.

    Example: harness again --write
    """
    suite = load().suite.name
    found = repeats(suite)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=1, ensure_ascii=False))
    else:
        for one in found:
            console.print("; ".join(row(one.model_dump())), markup=False)
        console.print(said([one.model_dump() for one in found]) or "no run was computed again since the last commit")
    if write and found:
        console.print(f"{keep(suite, found)}: written")
        if same := [str(provenance(suite, one.run)) for one in found if one.identical]:
            git("checkout", "HEAD", "--", *same)
    if any(not one.identical and not one.differs for one in found):
        raise typer.Exit(1)


def repeats(suite: str) -> list[Repeat]:
    """Each run of the suite that was computed again since the last commit, from the same inputs."""
    folder = provenance(suite, "x").parent
    try:
        changed = git(*CHANGED, str(folder)).splitlines()
        runs = pairs(changed)
        committed = pairs(str(epochs(suite) / Path(path).name) for path in runs)
    except (OSError, subprocess.CalledProcessError):
        raise UserError("the committed runs cannot be read; run in a clone of the repository, with git") from None
    found = []
    for path, (then, now) in runs.items():
        checked_provenance(Path(path))
        record = epochs(suite) / Path(path).name
        told = repeated(then, now)
        if told is None or str(record) not in committed:
            continue
        first, once_more = committed[str(record)][0], checked_epochs(record)
        try:
            found.append(compare(Path(path).stem, (made(then), made(now)), told[0], first, once_more))
        except ValueError as error:
            errors.print(f"{record}: {error}; left out", markup=False)
    return found


def made(run: dict[str, Any]) -> Made:
    environment = run["environment"]
    machine = environment["gpu"] or processor(environment)
    return Made(run_id=run["run_id"], commit=run["commit"], started=run.get("started", ""), machine=machine)
