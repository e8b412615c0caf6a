"""Stages side by side: order, failures, no SLURM. For real: tests/test_pipeline.py and tools/slurm_test.py."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from harness.cli import stages
from harness.cli.stages import Place, narrowed, run_stages, slurm
from harness.errors import UserError

GRAPH = {"data": set(), "a": {"data"}, "b": {"data"}, "c": {"a"}, "d": {"b", "c"}}


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Replaces commands by naps; the list tells what began and ended, in order. Stages named "broken" fail."""
    monkeypatch.chdir(tmp_path)
    told, lock = [], threading.Lock()

    def call(command: list[str], log: Path) -> int:
        stage = command[-1]
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"words of {stage}\n")
        with lock:
            told.append(("began", stage))
        time.sleep(0.05)
        with lock:
            told.append(("ended", stage))
        return int(stage.startswith("broken"))

    monkeypatch.setattr(stages, "call", call)
    return told


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_a_stage_waits_for_what_it_needs(jobs: int, done: list[tuple[str, str]]):
    assert run_stages(GRAPH, jobs, Place()) == []
    for stage, needs in GRAPH.items():
        assert all(done.index(("ended", other)) < done.index(("began", stage)) for other in needs)
    at_once = [sum(1 if what == "began" else -1 for what, _ in done[: i + 1]) for i in range(len(done))]
    assert max(at_once) == min(jobs, 2) and len(done) == 10


def test_a_failure_stops_only_what_needs_it(done: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]):
    graph = {**GRAPH, "broken": {"data"}, "e": {"broken"}, "f": {"e"}}
    assert run_stages(graph, 2, Place()) == ["broken"]
    assert {stage for what, stage in done if what == "ended"} == {*GRAPH, "broken"}
    said = capsys.readouterr().err
    assert "words of broken" in said and "need a stage that failed: e, f" in said


def test_only_what_a_method_needs():
    graph = {
        "data@s-target": set(), "pretrain@s-g-0": set(), "cc@s-g-target-0": {"pretrain@s-g-0", "data@s-target"},
        "ssf@s-g-target-0": {"cc@s-g-target-0"}, "sf@s-g-target-0": {"cc@s-g-target-0"},
        "evaluate@s-g-target-0-sf": {"sf@s-g-target-0"}, "evaluate@s-g-target-0-ssf": {"ssf@s-g-target-0"},
        "evaluate-pretrain@s-g-target-0": {"pretrain@s-g-0", "data@s-target"}, "tables@s": {"evaluate@s-g-target-0-sf"},
    }  # fmt: skip
    wanted = {"data@s-target", "pretrain@s-g-0", "cc@s-g-target-0", "sf@s-g-target-0", "evaluate@s-g-target-0-sf"}
    assert set(narrowed(graph, ["sf"])) == wanted
    assert set(narrowed(graph, ["sf", "pretrain"])) == wanted | {"evaluate-pretrain@s-g-target-0"}
    with pytest.raises(UserError, match="upper: no stage of this suite scores it"):
        narrowed(graph, ["upper"])


def test_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    plain = Place().command("a@smoke")
    assert plain == [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", "a@smoke"]
    for name, says in (("srun", ""), ("sinfo", "1")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {says}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    place = slurm(3, ["--partition=gpu"])
    assert place.before[0] == "srun" and "--cpus-per-task=3" in place.before and place.before[-1] == "--partition=gpu"
    assert place.command("a@smoke")[-7:] == plain
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho no controller >&2\nexit 1\n")
    with pytest.raises(UserError, match=r"does not answer \(no controller\)"):
        slurm(1, [])
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="no srun here"):
        slurm(1, [])


def test_a_stage_that_is_killed_counts_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As when the system runs out of memory; the others go on."""
    monkeypatch.chdir(tmp_path)

    class Killed(Place):
        def command(self, stage: str) -> list[str]:
            act = "os.kill(os.getpid(), 9)" if stage == "a" else "print('fine')"
            return [sys.executable, "-c", f"import os; {act}"]

    assert run_stages({"a": set(), "b": {"a"}, "c": set()}, 2, Killed()) == ["a"]
    assert (tmp_path / "work/logs/c.log").read_text() == "fine\n"
