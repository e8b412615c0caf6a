"""The console script ``harness``."""

from __future__ import annotations

import os
import sys

import typer

from harness import __version__
from harness.cli import data, suite, track
from harness.cli.console import errors
from harness.cli.run import run
from harness.cli.tables import tables_command
from harness.cli.train import evaluate, train
from harness.clustering.knn import installed_faiss
from harness.errors import UserError

app = typer.Typer(
    name="harness",
    help="Does 'Unsupervised Gait Recognition with Selective Fusion' reproduce? Trains every method of the paper, "
    "scores it by the official protocol and prints the paper's tables beside the paper's numbers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(data.app, name="data")
app.add_typer(suite.app, name="suite")
app.add_typer(track.app, name="track")
app.command()(run)
app.command("tables")(tables_command)
app.command()(train)
app.command()(evaluate)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def _start(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    installed_faiss()


def main() -> None:
    """Runs the command line: a user's mistake is one line and exit code 2, Ctrl-C says how to go on."""
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        app()
    except UserError as error:
        errors.print(f"[red]error:[/] {error}", markup=True)
        sys.exit(2)
    except KeyboardInterrupt:
        errors.print("stopped; the same command goes on from here")
        sys.exit(130)


if __name__ == "__main__":
    main()
