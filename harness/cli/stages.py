"""Runs stages of the DVC graph side by side, on this machine or through SLURM."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.cli.console import console, errors
from harness.errors import UserError

LOGS = Path("work") / "logs"


@dataclass(frozen=True)
class Place:
    """Where a stage runs: ``before`` is put in front of its command (nothing: this machine)."""

    before: tuple[str, ...] = ()

    def command(self, stage: str) -> list[str]:
        return [*self.before, sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage]


def slurm(processors: int, options: Sequence[str]) -> Place:
    """A SLURM job for each stage, with ``processors`` of its own; ``options`` go to srun.

    Nodes share the folder: stages write where others read.
    """
    if shutil.which("srun") is None:
        raise UserError("--slurm: there is no srun here; run on a machine that submits to SLURM, or leave --slurm out")
    answer = subprocess.run(["sinfo", "--noheader", "--format=%D"], capture_output=True, text=True)
    if answer.returncode or not answer.stdout.strip():
        reason = " ".join(answer.stderr.split()) or "no nodes"
        raise UserError(f"--slurm: SLURM does not answer ({reason}); ask whoever runs it")
    shape = ("--nodes=1", "--ntasks=1", f"--cpus-per-task={processors}", f"--chdir={Path.cwd()}", "--quiet")
    return Place(("srun", *shape, *options))


def environment() -> dict[str, str]:
    """Children find this installation's commands first and share the cores instead of fighting for them."""
    here = str(Path(sys.executable).parent)
    quiet = {"DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, **quiet, "PATH": here + os.pathsep + os.environ.get("PATH", "")}


def call(command: Sequence[str], log: Path | None = None) -> int:
    """Runs a command, its words into a file; returns its exit code."""
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    with open(log or os.devnull, "wb") as stream:
        return subprocess.run(command, env=environment(), stdout=stream, stderr=subprocess.STDOUT).returncode


def narrowed(graph: dict[str, set[str]], methods: Sequence[str]) -> dict[str, set[str]]:
    """The stages that score ``methods``, and those that they need."""
    kept: dict[str, set[str]] = {}
    for method in methods:
        scoring = [name for name in graph if _scores(name, method)]
        if not scoring:
            raise UserError(f"--only {method}: no stage of this suite scores it")
        while scoring:
            name = scoring.pop()
            kept[name] = graph[name]
            scoring += graph[name] - kept.keys()
    return {name: needs for name, needs in graph.items() if name in kept}


def _scores(stage: str, method: str) -> bool:
    head, _, rest = stage.partition("@")
    return head == f"evaluate-{method}" or (head.startswith("evaluate") and rest.endswith(f"-{method}"))


def run_stages(graph: dict[str, set[str]], jobs: int, place: Place) -> list[str]:
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
                running[pool.submit(call, place.command(name), _log(name))] = (name, time.perf_counter())
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
            progress.update(task, description=", ".join(name for name, _ in running.values())[:60] or "stages")
    if waiting:
        errors.print(f"not run, because they need a stage that failed: {', '.join(waiting)}", markup=False)
    return failed


def _log(stage: str) -> Path:
    return LOGS / f"{stage.replace('/', '_')}.log"


def _show_failure(name: str) -> None:
    log = _log(name)
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors.print(f"[red]failed:[/] {name}; the end of {log}:")
    for line in lines[-8:]:
        errors.print(f"    {line}", markup=False)
