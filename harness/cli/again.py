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
from harness.tracking.shapes import hold


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
            console.print("; ".join(row(one)), markup=False)
        console.print(said(found) or "no run was computed again since the last commit")
    if write and found:
        errors.print(f"{keep(suite, found)}: written", markup=False)
        _put_back(suite, [one.run for one in found if one.identical and one.first.run_id == one.again.run_id])
    if any(not one.identical and not one.differs for one in found):
        raise typer.Exit(1)


def _put_back(suite: str, runs: list[str]) -> None:
    """The committed provenance of runs, over that of their repetition."""
    try:
        if runs:
            git("checkout", "HEAD", "--", *(str(provenance(suite, run)) for run in runs))
    except (OSError, subprocess.CalledProcessError):
        folder = provenance(suite, "x").parent
        raise UserError(
            f"{folder}: git could not put the committed provenance back; do it by `git checkout HEAD -- {folder}`"
        ) from None


def repeats(suite: str) -> list[Repeat]:
    """Each run of the suite that was computed again since the last commit, from the same inputs."""
    folder = provenance(suite, "x").parent
    try:
        changed = [Path(path) for path in git(*CHANGED, str(folder)).splitlines()]
        for path in changed:
            checked_provenance(path)
            if (record := epochs(suite) / path.name).is_file():
                checked_epochs(record)
        runs = pairs(map(str, changed))
        committed = pairs(str(epochs(suite) / path.name) for path in changed)
    except (OSError, subprocess.CalledProcessError):
        raise UserError("the committed runs cannot be read; run in a clone of the repository, with git") from None
    found = []
    for path, (then, now) in runs.items():
        record = epochs(suite) / Path(path).name
        told = repeated(then, now)
        if told is None or str(record) not in committed:
            continue
        first, once_more = committed[str(record)]
        try:
            hold(once_more["run_id"] == now["run_id"], f"of run {once_more['run_id']}, not {now['run_id']}")
            found.append(compare(Path(path).stem, (made(then), made(now)), told[0], first, once_more))
        except ValueError as error:
            errors.print(f"{record}: {error}; left out", markup=False)
    return found


def made(run: dict[str, Any]) -> Made:
    environment = run["environment"]
    machine = environment["gpu"] or processor(environment)
    return Made(run_id=run["run_id"], commit=run["commit"], started=run.get("started", ""), machine=machine)
