"""The console script ``harness``."""

from __future__ import annotations

import math
import os
import signal
import sys
import traceback
from contextlib import suppress

import typer
from rich.markup import escape
from typer.exceptions import TyperException

from harness import __version__
from harness.cli.commands import Commands
from harness.cli.console import errors
from harness.cli.launch import in_company, may_speak, spoken
from harness.cli.workspace import lay_out
from harness.clustering.knn import installed_faiss
from harness.errors import UserError

app = typer.Typer(
    name="harness",
    cls=Commands,
    help="Does 'Unsupervised Gait Recognition with Selective Fusion' reproduce? Trains every method of the paper, "
    "scores it by the official protocol and prints the paper's tables beside the paper's numbers. "
    "Example: harness run smoke",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


_CLUSTERING = ("train", "verify", "bench", "figures")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", help="print it and leave", callback=_version, is_eager=True),
) -> None:
    if ctx.invoked_subcommand != "doctor":  # which reports it among its findings
        installed_faiss()
    if ctx.invoked_subcommand in _CLUSTERING:
        # After infomap, faiss ends the process in native code; and torch.compile loads infomap, by way of networkx.
        with suppress(ImportError):
            import faiss  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
    every = os.environ.get("HARNESS_CHECKPOINT_SECONDS", "120")  # read again where a run starts
    try:
        seconds = float(every)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UserError(
            f"HARNESS_CHECKPOINT_SECONDS: '{every}' is no number of seconds between states; mend or unset it"
        )
    lay_out()


def main() -> None:
    """Runs the command line: a user's mistake is one line and exit code 2, Ctrl-C says how to go on."""
    try:
        code = _run()
    except Exception:
        if not in_company():
            raise
        traceback.print_exc()
        code = 1
    if code and in_company():
        # A plain end would close what connects the processes of a run, and on GPUs wait for the others with that.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _run() -> int:
    """The exit code, and why, said by one process of those that share a run."""
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # several processes warn of each name that is no address
    try:
        # Blocked by harness.cli.start, and by DVC, our parent in a pipeline, for itself.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        code = app(standalone_mode=False)
    except UserError as error:
        code = _mistake(str(error))
    except TyperException as error:
        # A group without a command has shown its help; anything else is a word that typer does not know.
        said = " ".join(error.format_message().split()).replace(": Value error, ", ": ")
        code = _mistake(said) if said else 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except RuntimeError:
        if not spoken():
            raise
        code = 2  # the connection to a process that has ended, and has named the mistake
    if code == 130 and may_speak():
        errors.print("stopped; the same command goes on from here")
    return code if isinstance(code, int) else 0


def _mistake(text: str) -> int:
    if may_speak():
        errors.print(f"[red]error:[/] {escape(text)}")
    return 2


if __name__ == "__main__":
    main()
