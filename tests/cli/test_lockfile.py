"""dvc.lock belongs to the suite in use; going to another suite and back changes no byte."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.cli import lockfile
from harness.cli.lockfile import DVC_LOCK, keep_own, refuse_damaged
from harness.errors import UserError
from harness.files import parse_yaml
from harness.layout import stages

HEAD = "schema: '2.0'\nstages:\n"


def block(stage: str, suite: str, size: int = 1) -> str:
    deps = "    - path: data/elsewhere/x\n      size: 3\n"
    outs = f"    - path: \n        runs/{suite}/x/checkpoint.pt\n      size: {size}\n"
    return f"  {stage}:\n    cmd: harness\n    deps:\n{deps}    outs:\n{outs}"


WALKERS = block("cc@walkers-gaitset-target-0", "walkers") + block("tables@walkers", "walkers")
FP32 = block("data@walkers-fp32-source", "walkers-fp32")
SMOKE = block("data@smoke-source", "smoke") + block("tables@smoke", "smoke")
DAMAGED = HEAD + WALKERS + "<<<<<<< ours\n" + SMOKE + "=======\n" + SMOKE + ">>>>>>> theirs\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    DVC_LOCK.write_text(HEAD + WALKERS + SMOKE + FP32)
    return tmp_path


def read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def test_each_suite_finds_its_own_and_nothing_is_lost():
    keep_own("smoke")
    assert read(DVC_LOCK) == HEAD + SMOKE
    assert read(stages("walkers")) == HEAD + WALKERS and read(stages("walkers-fp32")) == HEAD + FP32
    keep_own("walkers")
    assert read(DVC_LOCK) == HEAD + WALKERS and read(stages("smoke")) == HEAD + SMOKE
    assert not stages("walkers").exists()
    keep_own("smoke")
    assert read(DVC_LOCK) == HEAD + SMOKE and read(stages("walkers")) == HEAD + WALKERS


def test_a_suite_that_was_never_computed_starts_with_none():
    keep_own("paper")
    assert not DVC_LOCK.exists()
    assert set(parse_yaml(read(stages("smoke")))["stages"]) == {"data@smoke-source", "tables@smoke"}
    keep_own("walkers")
    assert read(DVC_LOCK) == HEAD + WALKERS


def test_what_dvc_wrote_last_wins():
    keep_own("walkers")
    newer = block("tables@smoke", "smoke", size=2)
    DVC_LOCK.write_text(HEAD + WALKERS + newer)
    keep_own("walkers")
    assert read(stages("smoke")) == HEAD + block("data@smoke-source", "smoke") + newer


def test_a_data_set_with_a_dash_is_no_other_suite():
    text = HEAD + block("prepare@paper-grew", "paper") + block("data@walkers-mine-x", "walkers-mine")
    DVC_LOCK.write_text(text)
    keep_own("paper")
    assert read(DVC_LOCK) == HEAD + block("prepare@paper-grew", "paper")
    keep_own("walkers-mine")
    assert read(DVC_LOCK) == HEAD + block("data@walkers-mine-x", "walkers-mine")


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_kill_in_between_loses_nothing(left: int, monkeypatch: pytest.MonkeyPatch):
    keep_own("walkers")
    write, calls = lockfile._write, []

    def dies(path: Path, blocks: dict[str, str]) -> None:
        if len(calls) == left:
            raise KeyboardInterrupt
        calls.append(path)
        write(path, blocks)

    with monkeypatch.context() as patched:
        patched.setattr(lockfile, "_write", dies)
        patched.setattr(Path, "unlink", lambda *_, **__: dies(Path(), {}))
        with pytest.raises(KeyboardInterrupt):
            keep_own("smoke")
    keep_own("smoke")
    assert read(DVC_LOCK) == HEAD + SMOKE and read(stages("walkers")) == HEAD + WALKERS
    assert not stages("smoke").exists()


@pytest.mark.parametrize("text", ["stages: [" + SMOKE, HEAD + "nonsense\n" + SMOKE, HEAD + SMOKE + SMOKE, DAMAGED])
def test_a_file_that_dvc_did_not_write_is_left_for_dvc(text: str):
    DVC_LOCK.write_text(text)
    keep_own("paper")
    assert read(DVC_LOCK) == text and not list(Path().rglob("stages.lock"))


@pytest.mark.parametrize("text", [DAMAGED, "", "[]", None])
def test_a_suite_whose_stages_cannot_be_read_is_refused(text: str | None):
    """None: a folder. Else all of it would be computed again, over what is there."""
    refuse_damaged("smoke")
    stages("smoke").parent.mkdir(parents=True)
    if text is None:
        stages("smoke").mkdir()
    else:
        stages("smoke").write_text(text)
    with pytest.raises(UserError, match=r"results/smoke/stages\.lock: not what DVC wrote"):
        refuse_damaged("smoke")
    refuse_damaged("walkers")


@pytest.mark.parametrize("suite", ["smoke", "walkers"])
def test_a_damaged_place_for_another_suite_is_not_written_over(suite: str):
    """Of the suite that is wanted, or of one whose stages would be put there."""
    stages("smoke").parent.mkdir(parents=True)
    stages("smoke").write_text(DAMAGED)
    keep_own(suite)
    assert read(stages("smoke")) == DAMAGED and read(DVC_LOCK) == HEAD + WALKERS + SMOKE + FP32


def test_it_waits_for_dvc(monkeypatch: pytest.MonkeyPatch):
    """Which takes the same lock while it writes dvc.lock."""
    from dvc.lock import make_lock

    tmp = Path(".dvc/tmp")
    tmp.mkdir(parents=True)
    done: list[str] = []
    with make_lock(str(tmp / "lock"), tmp_dir=str(tmp), wait=True):
        thread = threading.Thread(target=lambda: (keep_own("smoke"), done.append("moved")))
        thread.start()
        thread.join(0.5)
        assert read(DVC_LOCK) == HEAD + WALKERS + SMOKE + FP32 and not done
        DVC_LOCK.write_text(HEAD + WALKERS + SMOKE)
    thread.join(30)
    assert done and read(DVC_LOCK) == HEAD + SMOKE and not stages("walkers-fp32").exists()


def test_without_a_lock_there_is_nothing_to_do():
    DVC_LOCK.unlink()
    keep_own("smoke")
    assert list(Path().rglob("*.lock")) == []


def test_the_committed_lock_is_the_suites_in_use(root: Path):
    name = parse_yaml((root / "params.yaml").read_text())["suite"]["name"]
    kept = {name: root / "dvc.lock", **{path.parent.name: path for path in (root / "results").glob("*/stages.lock")}}
    assert {"smoke", "walkers"} <= kept.keys()
    for suite, path in kept.items():
        found = lockfile._blocks(path)
        assert found and {lockfile._suite_of(block) for block in found.values()} == {suite}
        assert found.keys() == parse_yaml(path.read_text())["stages"].keys()
