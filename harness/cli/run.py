"""``harness run``: the whole suite with one command, through DVC."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.cli.console import console, errors
from harness.cli.suite import use_suite
from harness.cli.tables import PRINTED, Format, print_tables
from harness.config import Settings, load
from harness.errors import UserError
from harness.identity import cores
from harness.layout import PARAMS
from harness.tracking import mlflow

_LOGS = Path("work") / "logs"


def _environment() -> dict[str, str]:
    """Children find this installation's commands first and share the cores instead of fighting for them."""
    here = str(Path(sys.executable).parent)
    quiet = {"DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, **quiet, "PATH": here + os.pathsep + os.environ.get("PATH", "")}


def _dvc(*words: str, log: Path | None = None) -> int:
    command = [sys.executable, "-m", "dvc", *words]
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    with open(log or os.devnull, "wb") as stream:
        return subprocess.run(command, env=_environment(), stdout=stream, stderr=subprocess.STDOUT).returncode


def _prepare_dvc() -> None:
    """A tarball or a container has no git: DVC must be told."""
    if not Path("dvc.yaml").is_file():
        raise UserError("dvc.yaml: not here; run from the repository's root")
    if not Path(".git").exists():
        _dvc("config", "--local", "core.no_scm", "true")


def stage_graph(suite: str) -> tuple[dict[str, set[str]], bool]:
    """The suite's stages, each with the stages that it needs; and whether all of them are up to date."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            graph = repo.index.graph
            names = {stage: stage.addressing for stage in graph}
            stages = {
                names[stage]: {names[other] for other in graph.successors(stage)}
                for stage in graph
                if f"@{suite}" in names[stage]
            }
            # Asked stage by stage, DVC would read its lock anew for each; dvc.yaml holds one suite at a time.
            return stages, not repo.status()
    except DvcException as error:
        raise UserError(f"dvc.yaml: {' '.join(str(error).split())}") from None


def run_stages(graph: dict[str, set[str]], jobs: int) -> list[str]:
    """Runs every stage after those it needs, ``jobs`` at a time; returns those that failed.

    A failure stops only what depends on it.
    """
    waiting, done, failed = dict(graph), set(), []
    running: dict[Future[int], tuple[str, float]] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        ThreadPoolExecutor(jobs) as pool,
    ):
        task = progress.add_task("stages", total=len(graph))
        while waiting or running:
            ready = [name for name, needs in waiting.items() if needs <= done]
            for name in ready[: jobs - len(running)]:
                del waiting[name]
                log = _LOGS / f"{name.replace('/', '_')}.log"
                future = pool.submit(_dvc, "--wait-for-lock", "repro", "--single-item", name, log=log)
                running[future] = (name, time.perf_counter())
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name, began = running.pop(future)
                if future.result() == 0:
                    done.add(name)
                    console.print(f"  {name}  {time.perf_counter() - began:.1f} s")
                else:
                    failed.append(name)
                    _show_failure(name)
                progress.advance(task)
    return failed


def _show_failure(name: str) -> None:
    log = _LOGS / f"{name.replace('/', '_')}.log"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors.print(f"[red]failed:[/] {name}; the end of {log}:")
    for line in lines[-8:]:
        errors.print(f"    {line}", markup=False)


def mirror(settings: Settings) -> None:
    """Sends finished runs to MLflow; trouble there is a warning."""
    uri, suite = mlflow.tracking_uri(), settings.suite.name
    try:
        if mlflow.is_mirrored(suite, uri):
            console.print(f"MLflow {uri}: nothing new to send; `harness track ui` compares the runs")
            return
        sent, there = mlflow.sync(suite, uri)
        console.print(f"MLflow {uri}: {sent} run(s) sent, {there} already there; `harness track ui` compares them")
    except UserError as error:
        errors.print(f"[yellow]warning:[/] {escape(str(error))}")


def run(
    suite: Annotated[str | None, typer.Argument(help="smoke, walkers or paper; default: the one in use")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="stages at a time; default: one for each core")] = None,
) -> None:
    """Compute whatever of the suite is missing or out of date, then print its tables.

    params.yaml is left as it is when it already holds the suite; otherwise the preset replaces it.

    Example: harness run smoke --jobs 2
    """
    began = time.perf_counter()
    if suite is not None and not (PARAMS.is_file() and load().suite.name == suite):
        use_suite(suite)
    settings = load()
    _prepare_dvc()
    graph, fresh = stage_graph(settings.suite.name)
    if not graph:
        raise UserError(f"suite {settings.suite.name}: no stages; it needs at least one backbone, data set and seed")
    if fresh:
        console.print(f"suite {settings.suite.name}: {len(graph)} stages, all up to date")
        failed = []
    else:
        console.print(f"suite {settings.suite.name}: {len(graph)} stages; logs in {_LOGS}")
        failed = run_stages(graph, jobs or cores())
    mirror(settings)
    print_tables(settings, PRINTED, Format.rich)
    console.print(f"{time.perf_counter() - began:.0f} s in all")
    if failed:
        raise UserError(f"{len(failed)} stage(s) failed: {', '.join(failed)}; mend the cause and run again")
