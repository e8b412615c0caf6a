"""Runs stages of the DVC graph side by side, on this machine or through SLURM."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from harness.cli.console import console, errors
from harness.cli.processes import Children
from harness.errors import UserError, nearest
from harness.registry import names

LOGS = Path("work") / "logs"
_EPOCH = re.compile(r"epoch (\d+)/(\d+)(, step)?")
"""In what a training run says (harness.cli.progress): of an epoch under way the step too."""
_RWLOCK = Path(".dvc") / "tmp" / "rwlock"
_DVC = """\
import runpy, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
runpy.run_module("dvc", run_name="__main__", alter_sys=True)"""
"""DVC that SIGINT does not interrupt while it writes its books; its command gets the signal (harness.cli.start)."""


@dataclass(frozen=True)
class Place:
    """Where a stage runs: ``before`` is put in front of its command (nothing: this machine)."""

    before: tuple[str, ...] = ()

    def command(self, stage: str) -> list[str]:
        return [*self.before, sys.executable, "-c", _DVC, "--wait-for-lock", "repro", "--single-item", stage]


def mend_locks() -> None:
    """Removes DVC's list of who reads and writes what, where a killed DVC left it in part; DVC makes it anew."""
    from dvc.lock import make_lock

    if not _RWLOCK.is_file():
        return
    with make_lock(f"{_RWLOCK}.lock", tmp_dir=str(_RWLOCK.parent), wait=True):
        try:
            json.loads(_RWLOCK.read_text())
        except ValueError:
            _RWLOCK.unlink()


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
    # Otherwise srun answers one SIGINT with its tasks' state, and passes nothing on.
    return Place(("srun", *shape, "--disable-status", *options))


def check_methods(methods: Sequence[str]) -> None:
    """Refuses what is no method's name."""
    known = names("method")
    for method in methods:
        if method not in known:
            raise UserError(f"--only {method}: no such method; {nearest(method, known)}")


def narrowed(graph: dict[str, set[str]], methods: Sequence[str]) -> dict[str, set[str]]:
    """The stages that score ``methods``, with their variants where the suite has some, and those that they need."""
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


def outdated(graph: dict[str, set[str]], stale: set[str]) -> dict[str, set[str]]:
    """Of the stages those that are ``stale`` or descend from such, each with those of them that it needs."""
    kept: set[str] = set()
    found = graph.keys() & stale
    while found:
        kept |= found
        found = {name for name, needs in graph.items() if needs & found} - kept
    return {name: needs & kept for name, needs in graph.items() if name in kept}


def _scores(stage: str, method: str) -> bool:
    head, _, rest = stage.partition("@")
    if head in ("evaluate", "evaluate-controls", "evaluate-extra"):
        return rest.endswith(f"-{method}")
    return head in (f"evaluate-{method}", f"evaluate-{method}-variants")


class _View:
    """On a terminal: how many stages are done, and of each under way the last line of its log, once a second."""

    def __init__(self, total: int) -> None:
        # A log's line may hold what looks like markup; on a narrow terminal it makes room for the numbers.
        what = TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True))
        numbers = (BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        shown = console.is_terminal
        self.every = 1.0 if shown else None
        self.progress = Progress(what, *numbers, console=console, disable=not shown, expand=True)
        self.all = self.progress.add_task("stages", total=total)
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _View:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, names: Sequence[str]) -> None:
        if self.every is None:
            return
        for name in names:
            if name not in self.tasks:
                self.tasks[name] = self.progress.add_task(name, total=None)
            said = _last_line(_log(name))
            if epoch := _EPOCH.search(said):
                done = int(epoch[1]) - bool(epoch[3])
                self.progress.update(self.tasks[name], completed=done, total=int(epoch[2]))
            self.progress.update(self.tasks[name], description=f"{name}  {said}")

    def ended(self, name: str) -> None:
        if name in self.tasks:
            self.progress.remove_task(self.tasks.pop(name))
        self.progress.advance(self.all)


def _last_line(log: Path) -> str:
    """The last line that is not blank of a log's end; "" before there is one."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(0, log.stat().st_size - 1000))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def run_stages(graph: dict[str, set[str]], jobs: int, place: Place) -> list[str]:
    """Runs every stage after those it needs, ``jobs`` at a time; returns those that failed.

    A failure stops only what depends on it. Ctrl-C or SIGTERM lets what is under way write its state, and is then a
    KeyboardInterrupt.
    """
    children = Children()
    waiting, done, failed = dict(graph), set(), []
    running: dict[Future[int], tuple[str, float]] = {}
    with (
        _View(len(graph)) as view,
        ThreadPoolExecutor(jobs) as pool,
        children.stoppable(),
    ):
        while waiting or running:
            ready = [name for name, needs in waiting.items() if needs <= done and not children.stopping]
            for name in ready[: jobs - len(running)]:
                del waiting[name]
                running[pool.submit(children.call, place.command(name), _log(name))] = (name, time.perf_counter())
            if not running:
                break
            finished, _ = wait(running, timeout=view.every, return_when=FIRST_COMPLETED)
            view.show([name for name, _ in running.values()])
            for future in finished:
                name, began = running.pop(future)
                if future.result() == 0:
                    done.add(name)
                    console.print(f"  {name}  {time.perf_counter() - began:.1f} s")
                elif not children.stopping:
                    failed.append(name)
                    _show_failure(name)
                view.ended(name)
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
