"""dvc.lock belongs to the suite in use; going to another suite and back changes no byte."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.cli import lockfile
from harness.cli.lockfile import DVC_LOCK, keep_own
from harness.layout import stages

HEAD = "schema: '2.0'\nstages:\n"


def block(stage: str, size: int = 1) -> str:
    return f"  {stage}:\n    cmd: harness\n    outs:\n    - path: x\n      size: {size}\n"


WALKERS, FP32 = block("cc@walkers-gaitset-target-0") + block("tables@walkers"), block("data@walkers-fp32-source")
SMOKE = block("data@smoke-source") + block("tables@smoke")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("conf/suite").mkdir(parents=True)
    for name in ("smoke", "walkers-fp32"):
        Path(f"conf/suite/{name}-all.yaml").write_text(f"suite: {{name: {name}}}\n")
    Path("results/walkers").mkdir(parents=True)
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
    assert set(yaml.safe_load(read(stages("smoke")))["stages"]) == {"data@smoke-source", "tables@smoke"}
    keep_own("walkers")
    assert read(DVC_LOCK) == HEAD + WALKERS


def test_what_dvc_wrote_last_wins():
    keep_own("walkers")
    newer = block("tables@smoke", size=2)
    DVC_LOCK.write_text(HEAD + WALKERS + newer)
    keep_own("walkers")
    assert read(stages("smoke")) == HEAD + block("data@smoke-source") + newer


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


@pytest.mark.parametrize("text", ["", "stages: [", HEAD + "nonsense\n", "<<<<<<< ours\n" + HEAD])
def test_a_file_that_dvc_did_not_write_is_left_for_dvc(text: str):
    DVC_LOCK.write_text(text)
    keep_own("smoke")
    assert read(DVC_LOCK) == text and not stages("walkers").exists()


def test_without_a_lock_there_is_nothing_to_do():
    DVC_LOCK.unlink()
    keep_own("smoke")
    assert list(Path().rglob("*.lock")) == []


def test_the_committed_lock_is_the_suites_in_use(root: Path):
    name = yaml.safe_load((root / "params.yaml").read_text())["suite"]["name"]
    kept = {name: root / "dvc.lock", **{path.parent.name: path for path in (root / "results").glob("*/stages.lock")}}
    assert {"smoke", "walkers"} <= kept.keys()
    for suite, path in kept.items():
        for line in path.read_text().splitlines():
            if line.startswith("  ") and line[2] != " ":
                assert f"{line.partition('@')[2]}-".startswith((f"{suite}-", f"{suite}:")), line
