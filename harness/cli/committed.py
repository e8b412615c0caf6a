"""Does a suite reproduce here? Its score files beside those of the last commit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.identity import git, same_kind
from harness.layout import provenance, scores

CHANGED = ("diff", "--name-only", "--relative", "--diff-filter=M", "HEAD", "--")
"""Names the files that the last commit has and that are other ones here; those that are new here it leaves out."""

_COMPUTED = frozenset({"store", "parent", "view_classifier"})
"""Inputs of a run that were computed before it, and come out otherwise on another kind of machine."""

_SCORING = ("distance", "protocol")
"""How a run was scored, which is no part of the run."""


@dataclass(frozen=True)
class Beside:
    """Score files here beside the commit's.

    same: those of the same bytes; other: those of another run or scored otherwise (parameters, data or code changed);
    alike: those that differ though the same run was made on the same kind of machine. apart: the largest difference, in
    points, of the same runs' metrics, and where; machine: what tells the machines of those apart; data: whether the
    data that were made there differ too.
    """

    commit: str
    files: int
    same: int
    other: int
    alike: int
    apart: float
    where: str
    machine: tuple[str, ...]
    data: bool

    @property
    def reproduces(self) -> bool:
        """False where the same runs on the same kind of machine gave other bytes."""
        return self.alike == 0

    def line(self) -> str:
        text = f"{self.same} of {self.files} score files are the same bytes as in commit {self.commit}"
        if differ := self.files - self.same - self.other:
            data = "; its data differ too" if self.data else ""
            kind = (
                f"another kind of machine ({', '.join(self.machine)}{data})"
                if self.machine
                else "the same kind of machine"
            )
            text += f"; {differ} differ by at most {self.apart:.2f} points ({self.where}), made on {kind}"
            if self.machine and self.alike:
                text += f", {self.alike} of them on the same kind"
        if self.other:
            text += f"; {self.other} are of other parameters, data or code"
        return text


def beside_commit(suite: str) -> Beside | None:
    """The suite's scores here beside those of the last commit; None without git or committed ones."""
    folder = scores(suite)
    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        committed = git("ls-tree", "-r", "--name-only", "HEAD", "--", str(folder)).splitlines()
        changed = git(*CHANGED, str(folder.parent)).splitlines()
        both = [path for path in committed if Path(path).is_file()]
        scored = pairs(set(both) & set(changed))
        runs = pairs(path for path in changed if Path(path).parent == provenance(suite, "x").parent)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    if not both:
        return None
    again = {then["run_id"]: repeated(then, now) for then, now in runs.values()}
    apart, where, machine, data, other, alike = 0.0, "", set(), False, 0, 0
    for path, (then, now) in scored.items():
        same = then["run_id"] == now["run_id"]
        found = again.get(then["run_id"], ((), False) if same else None)
        if found is None or any(then.get(key) != now.get(key) for key in _SCORING):
            other += 1
            continue
        alike += not found[0]
        machine, data = machine | set(found[0]), data or found[1]
        for name in sorted(then["metrics"].keys() & now["metrics"].keys()):
            distance = abs(then["metrics"][name] - now["metrics"][name])
            if not where or distance > apart:
                apart, where = distance, f"{name.removeprefix('rank1_')} of {Path(path).stem}"
    return Beside(commit, len(both), len(both) - len(scored), other, alike, apart, where, tuple(sorted(machine)), data)


def repeated(then: dict[str, Any], now: dict[str, Any]) -> tuple[tuple[str, ...], bool] | None:
    """What tells a run's machines apart, then and now, and whether their data differ; None if it is another run.

    Machines are those that the runs recorded: the process that asks may have other threads than they had.
    """
    machine = tuple(same_kind(then["environment"], now["environment"]))
    if then["run_id"] == now["run_id"]:
        return machine, False
    before, after = then["inputs"], now["inputs"]
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return (machine, "store" in changed) if machine and changed <= _COMPUTED else None


def pairs(paths: Iterable[str]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Files of runs as they were committed and as they are here."""
    here = [path for path in sorted(paths) if Path(path).is_file()]
    return {path: (json.loads(git("show", f"HEAD:./{path}")), json.loads(Path(path).read_text())) for path in here}
