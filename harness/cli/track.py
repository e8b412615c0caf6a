"""``harness track``: mirror runs into MLflow and look at them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer

from harness.cli.console import console
from harness.config import load
from harness.tracking import mlflow

app = typer.Typer(
    help="Mirror runs into MLflow and compare them there. Example: harness track ui", no_args_is_help=True
)

Uri = Annotated[str | None, typer.Option(help="an MLflow store; default: MLFLOW_TRACKING_URI or sqlite:///mlflow.db")]

_SERVER = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Without the dozen processes that wait for MLflow's evaluation jobs, which nobody here asks for."""


@app.command()
def sync(uri: Uri = None) -> None:
    """Send every recorded run of the suite in use that the store lacks.

    Example: harness track sync --uri http://127.0.0.1:5000
    """
    target = uri or mlflow.tracking_uri()
    sent, there = mlflow.sync(load().suite.name, target)
    console.print(f"{mlflow.without_secret(target)}: {sent} run(s) sent, {there} already there")


@app.command()
def ui(uri: Uri = None, port: Annotated[int, typer.Option(min=1, max=65535, help="where it listens")] = 5000) -> None:
    """Open MLflow's comparison of runs on this machine's loopback address.

    Example: harness track ui --port 5001
    """
    target = uri or mlflow.tracking_uri()
    address = mlflow.runs_page(target, f"http://127.0.0.1:{port}")
    console.print(f"{address}: select runs, then Compare (Ctrl-C ends it)", soft_wrap=True)
    place = ("--host", "127.0.0.1", "--port", str(port))
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", target, *place]
    raise typer.Exit(subprocess.run(command, env={**os.environ, **_SERVER}).returncode)
