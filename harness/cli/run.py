"""``harness run``: the whole suite with one command, through DVC."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.checks.machine import slow_bf16
from harness.cli import complete
from harness.cli.committed import beside_commit
from harness.cli.console import console, errors
from harness.cli.lockfile import keep_own
from harness.cli.plugins import write_stamps
from harness.cli.processes import call
from harness.cli.stages import LOGS, Place, check_methods, mend_locks, narrowed, outdated, run_stages, slurm
from harness.cli.suite import print_absent, use_suite
from harness.cli.tables import NAMES, Format, print_tables
from harness.config import Compute, Settings, load
from harness.errors import UserError
from harness.identity import cores
from harness.layout import PARAMS
from harness.plan import absent, refresh
from harness.tracking import mlflow

_PER_GPU = 4
"""Stages that share a GPU well; sixteen take five times as long each (docs/running.md)."""


def side_by_side(compute: Compute, devices: Path = Path("/dev")) -> int:
    """How many stages at a time: one for each core, or as many as their threads and processes leave of them; with a GPU
    no more than it serves well. Each takes the first card that it sees, or the first few."""
    by_cores = max(1, cores() // (compute.threads * compute.ranks))
    on_gpu = compute.device != "cpu" and any(devices.glob("nvidia[0-9]*"))
    return min(by_cores, _PER_GPU) if on_gpu else by_cores


def _dvc(*words: str, log: Path | None = None) -> int:
    return call([sys.executable, "-m", "dvc", *words], log)


def _prepare_dvc() -> None:
    """A tarball or a container has no git: DVC must be told."""
    if not Path("dvc.yaml").is_file():
        raise UserError("dvc.yaml: not here; run from the repository's root")
    if not Path(".git").exists():
        _dvc("config", "--local", "core.no_scm", "true")
    mend_locks()


def pull_results() -> None:
    """Fetches data and checkpoints that dvc.lock names; what the remote lacks is computed as usual."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            if not repo.config["core"].get("remote"):
                raise UserError(
                    "--pull: no DVC remote is set; `dvc remote add --default NAME ADDRESS` (docs/sharing.md)"
                )
    except DvcException as error:
        raise UserError(f"dvc.yaml: {' '.join(str(error).split())}") from None
    log = LOGS / "pull.log"
    if _dvc("pull", "--force", "--allow-missing", log=log) == 0:
        console.print("everything that the DVC remote has is here")
        return
    last = next((line for line in reversed(log.read_text(errors="replace").splitlines()) if line.strip()), "no reason")
    errors.print(f"[yellow]warning:[/] the DVC remote gave not everything ({escape(last)}); computing what is missing")


def stage_graph(suite: str) -> tuple[dict[str, set[str]], set[str]]:
    """The suite's stages, each with the stages that it needs; and those of them that are not up to date themselves."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)  # no bar for each file that it looks at
    try:
        with Repo(_wait_for_lock=True) as repo:
            graph = repo.index.graph
            names = {stage: stage.addressing for stage in graph}
            stages = {
                names[stage]: {names[other] for other in graph.successors(stage)}
                for stage in graph
                if f"@{suite}" in names[stage]
            }
            # Asked stage by stage, DVC would read its lock anew for each; dvc.yaml holds one suite at a time.
            return stages, stages.keys() & repo.status().keys()
    except LockError as error:
        raise UserError(
            "another `harness run` or dvc is at work here; wait for it or stop it, then give the command again "
            f"({' '.join(str(error).split()).partition(' If there are')[0]})"
        ) from None
    except DvcException as error:
        raise UserError(f"dvc.yaml: {' '.join(str(error).split())}") from None


def mirror(settings: Settings) -> None:
    """Sends finished runs to MLflow; trouble there is a warning."""
    uri, suite = mlflow.tracking_uri(), settings.suite.name
    shown = mlflow.without_secret(uri)
    try:
        if mlflow.is_mirrored(suite, uri):
            console.print(f"MLflow {shown}: nothing new to send; `harness track ui` compares the runs")
            return
        sent, there = mlflow.sync(suite, uri)
        console.print(f"MLflow {shown}: {sent} run(s) sent, {there} already there; `harness track ui` compares them")
    except UserError as error:
        errors.print(f"[yellow]warning:[/] {escape(str(error))}")
    except ImportError as error:
        errors.print(f"[yellow]warning:[/] nothing was sent to MLflow: {escape(str(error))}; `make setup` installs it")


def run(
    suite: Annotated[
        str | None,
        typer.Argument(
            help="a name that `harness suite list` shows; default: the one in use", autocompletion=complete.suites
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="stages at a time; default: as many as have cores or, with a GPU, four; with --slurm all that can",
        ),
    ] = None,
    pull: Annotated[bool, typer.Option("--pull", help="first fetch what others computed from the DVC remote")] = False,
    through_slurm: Annotated[bool, typer.Option("--slurm", help="run each stage as a SLURM job (srun)")] = False,
    slurm_options: Annotated[str, typer.Option(help="more words for srun, e.g. '--partition=gpu --gres=gpu:1'")] = "",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="go on with params.yaml as it stands, as without a name; refuses another suite's"
        ),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="score this method and its variants, compute what they need, nothing else; may be repeated",
            autocompletion=complete.methods,
        ),
    ] = None,
) -> None:
    """Compute whatever of the suite is missing or out of date, then print its tables.

    params.yaml is left as it is when it already holds the suite; otherwise the preset replaces it. A failed stage stops
    only what needs it. Whatever was stopped or killed goes on where it was when the command is given again.

    Example: harness run smoke --jobs 2
    """
    began = time.perf_counter()
    if slurm_options and not through_slurm:
        raise UserError("--slurm-options go with --slurm; add it, or leave them out")
    try:
        words = shlex.split(slurm_options)
    except ValueError as error:
        raise UserError(f"--slurm-options: {error} in {slurm_options}") from None
    if resume and not PARAMS.is_file():
        raise UserError(f"--resume: there is no {PARAMS} to go on with; name a suite instead")
    check_methods(only or ())
    if suite is not None and not (PARAMS.is_file() and load().suite.preset == suite):
        if resume:
            raise UserError(f"--resume goes on with {PARAMS}, which holds suite {load().suite.preset}; leave one out")
        use_suite(suite)
    refresh(PARAMS, load())
    settings = load()
    print_absent(settings)
    keep_own(settings.suite.name)
    _prepare_dvc()
    write_stamps(settings)
    if pull:
        pull_results()
    graph, stale = stage_graph(settings.suite.name)
    if not graph and not absent(settings):
        raise UserError(f"suite {settings.suite.name}: no stages; it needs at least one backbone, data set and seed")
    if only:
        graph = narrowed(graph, only)
    if todo := outdated(graph, stale):
        console.print(f"suite {settings.suite.name}: {len(todo)} of {len(graph)} stages to do; logs in {LOGS}")
        compute = settings.compute
        if not through_slurm and (why := slow_bf16(compute)):
            errors.print(f"[yellow]warning:[/] compute.precision is bf16, but {why}")
        place = slurm(compute.threads * compute.ranks, words) if through_slurm else Place()
        failed = run_stages(todo, jobs or (len(todo) if through_slurm else side_by_side(compute)), place)
    else:
        console.print(f"suite {settings.suite.name}: {len(graph)} stages, all up to date")
        failed = []
    mirror(settings)
    print_tables(settings, NAMES, Format.rich, brief=True)
    if beside := beside_commit(settings.suite.name):
        console.print(beside.line(), markup=False, style=None if beside.reproduces else "yellow")
    console.print(f"{time.perf_counter() - began:.0f} s in all")
    if failed:
        raise UserError(
            f"{len(failed)} stage(s) failed: {', '.join(failed)}; mend the cause, then `harness run --resume`"
        )
