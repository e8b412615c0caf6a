"""Stages side by side: order, failures, no SLURM. For real: tests/test_pipeline.py and tools/slurm_test.py."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from harness.cli import run
from harness.cli.processes import Children
from harness.cli.run import side_by_side
from harness.cli.stages import Place, check_methods, mend_locks, narrowed, outdated, run_stages, slurm
from harness.config import Compute
from harness.errors import UserError

GRAPH = {"data": set(), "a": {"data"}, "b": {"data"}, "c": {"a"}, "d": {"b", "c"}}


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Replaces commands by naps; the list tells what began and ended, in order. Stages named "broken" fail."""
    monkeypatch.chdir(tmp_path)
    told, lock = [], threading.Lock()

    def call(self: Children, command: list[str], log: Path) -> int:
        stage = command[-1]
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"words of {stage}\n")
        with lock:
            told.append(("began", stage))
        time.sleep(0.05)
        with lock:
            told.append(("ended", stage))
        return int(stage.startswith("broken"))

    monkeypatch.setattr(Children, "call", call)
    return told


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_a_stage_waits_for_what_it_needs(jobs: int, done: list[tuple[str, str]]):
    assert run_stages(GRAPH, jobs, Place()) == []
    for stage, needs in GRAPH.items():
        assert all(done.index(("ended", other)) < done.index(("began", stage)) for other in needs)
    at_once = [sum(1 if what == "began" else -1 for what, _ in done[: i + 1]) for i in range(len(done))]
    assert max(at_once) == min(jobs, 2) and len(done) == 10


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (150, r"a  epoch 3/8, step 43/60, loss 0.5, 42 sequences/s, of \[/data/x\] \s*\S+ 2/8 \d:\d\d:\d\d "),
        (70, r"a  epoch 3/8, step[ \w/,]*…\s*\S+ 2/8 \d:\d\d:\d\d "),
    ],
)
def test_a_terminal_shows_the_last_line_of_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, width: int, line: str
):
    """Whatever stands in it, and with the numbers however narrow the terminal is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm")
    screen = Console(file=io.StringIO(), force_terminal=True, width=width)
    monkeypatch.setattr("harness.cli.stages.console", screen)

    def shown() -> str:
        text = screen.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)

    def call(self: Children, command: list[str], log: Path) -> int:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("begun\n  epoch 3/8, step 43/60, loss 0.5, 42 sequences/s, of [/data/x]\n\n")
        until = time.monotonic() + 20
        while not re.search(line, shown()) and time.monotonic() < until:
            time.sleep(0.1)
        return 0

    monkeypatch.setattr(Children, "call", call)
    assert run_stages({"a": set()}, 1, Place()) == []
    assert re.search(line, shown()) and re.search(r"stages\s+\S+ 1/1 ", shown())


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
    for no_method in ("0", "target", "cd"):
        with pytest.raises(UserError, match=f"--only {no_method}: no such method"):
            check_methods(["sf", no_method])


def test_only_what_is_out_of_date_and_what_descends_from_it():
    graph: dict[str, set[str]] = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}, "e": {"d"}, "f": set()}
    assert outdated(graph, set()) == {}
    assert outdated(graph, {"b", "of another suite"}) == {"b": set(), "d": {"b"}, "e": {"d"}}
    assert outdated(graph, {"a", "e"}) == {name: needs for name, needs in graph.items() if name != "f"}


def test_a_method_brings_its_variants():
    graph = {
        "cc@s-g-target-0": set(), "cc-variants@s-g-target-0-n-10": set(), "cc_long@s-g-target-0": set(),
        "evaluate@s-g-target-0-cc": {"cc@s-g-target-0"}, "evaluate@s-g-target-0-cc_long": {"cc_long@s-g-target-0"},
        "evaluate-cc-variants@s-g-target-0-n-10": {"cc-variants@s-g-target-0-n-10"},
    }  # fmt: skip
    assert set(narrowed(graph, ["cc"])) == {name for name in graph if "cc_long" not in name}
    assert set(narrowed(graph, ["cc_long"])) == {name for name in graph if "cc_long" in name}


def test_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    plain = Place().command("a@smoke")
    assert plain[0] == sys.executable and plain[3:] == ["--wait-for-lock", "repro", "--single-item", "a@smoke"]
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_to_one_process_stops_all(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each child is asked and waited for; nothing else begins."""
    monkeypatch.chdir(tmp_path)

    class Training(Place):
        def command(self, stage: str) -> list[str]:
            code = (
                "import signal, sys, time\n"
                "def end(number, frame):\n    time.sleep(0.2); print('state', number); sys.exit(130)\n"
                "signal.signal(signal.SIGINT, end)\n"
                "print('began', flush=True)\n"
                "time.sleep(60)"
            )
            return [sys.executable, "-c", code]

    def when_both_run() -> None:
        logs = [tmp_path / f"work/logs/{name}.log" for name in "ab"]
        while not all(log.is_file() and "began" in log.read_text() for log in logs):
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    thread = threading.Thread(target=when_both_run)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_stages({"a": set(), "b": set(), "c": {"a"}, "d": set()}, 2, Training())
    thread.join()
    for name in "ab":
        assert (tmp_path / f"work/logs/{name}.log").read_text() == f"began\nstate {int(signal.SIGINT)}\n"
    assert not (tmp_path / "work/logs/c.log").exists() and not (tmp_path / "work/logs/d.log").exists()
    assert signal.getsignal(number) is before


def dvc_project(folder: Path, command: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=folder, check=True)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"a": {"cmd": command, "outs": ["out"]}}}))


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_dvc_itself_is_not_interrupted_and_its_command_is(tmp_path: Path, shell: str):
    """What reaches the command while it loads is not lost, whatever the shell between the two does with signals."""
    (tmp_path / "command.py").write_text(
        "import os, sys, time\n"
        "from harness.cli import start\n"
        "class Slow:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'harness.cli.app':\n"
        "            open('began', 'w').close()\n"
        "            while not os.path.exists('go'): time.sleep(0.02)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "sys.argv = ['harness', '--version']\n"
        "start.main()\n"
    )
    dvc_project(tmp_path, f"{sys.executable} command.py")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "SHELL": shell}
    child = subprocess.Popen(
        Place().command("a"), cwd=tmp_path, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    while not (tmp_path / "began").exists():
        assert child.poll() is None
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)
    (tmp_path / "go").touch()
    said, _ = child.communicate(timeout=60)
    assert child.returncode not in (0, -signal.SIGINT, 130), said  # DVC lives and tells
    assert "stopped; the same command goes on from here" in said and "Traceback" not in said
    # A shell that does not hand its place over to us is interrupted too, and its own end is what DVC sees.
    assert "exited with 130" in said or (shell == "/bin/sh" and "exited with -2" in said)


def test_books_that_a_killed_dvc_left_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    mend_locks()  # nothing there
    dvc_project(tmp_path, "echo fine > out")
    books = tmp_path / ".dvc" / "tmp" / "rwlock"
    books.parent.mkdir(parents=True, exist_ok=True)
    books.write_text('{"read": {"a')
    assert subprocess.run(Place().command("a"), capture_output=True).returncode != 0
    mend_locks()
    assert subprocess.run(Place().command("a"), capture_output=True).returncode == 0
    whole = books.read_text()
    mend_locks()
    assert books.read_text() == whole


def test_a_stage_that_is_killed_counts_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As when the system runs out of memory; the others go on."""
    monkeypatch.chdir(tmp_path)

    class Killed(Place):
        def command(self, stage: str) -> list[str]:
            act = "os.kill(os.getpid(), 9)" if stage == "a" else "print('fine')"
            return [sys.executable, "-c", f"import os; {act}"]

    assert run_stages({"a": set(), "b": {"a"}, "c": set()}, 2, Killed()) == ["a"]
    assert (tmp_path / "work/logs/c.log").read_text() == "fine\n"


@pytest.mark.parametrize(
    ("compute", "cards", "wanted"),
    [
        ({}, 0, 16), ({"threads": 4}, 0, 4), ({"threads": 3, "ranks": 2}, 0, 2), ({"threads": 99}, 0, 1),
        ({}, 1, 4), ({}, 8, 4), ({"threads": 8}, 1, 2), ({"ranks": 8}, 8, 2), ({"device": "cpu"}, 1, 16),
    ],
)  # fmt: skip
def test_how_many_stages_a_machine_runs_at_a_time(compute, cards, wanted, settings_tree, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "cores", lambda: 16)
    for number in range(cards):
        (tmp_path / f"nvidia{number}").touch()
    (tmp_path / "nvidiactl").touch()
    assert side_by_side(Compute.model_validate({**settings_tree["compute"], **compute}), tmp_path) == wanted
