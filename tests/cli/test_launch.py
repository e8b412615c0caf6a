"""``compute.ranks``: one command, several processes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from harness.cli.launch import SPOKEN, launch, may_speak, spoken
from harness.data.store import Sequence, write_store
from harness.errors import UserError
from harness.training import checkpoint

CHECKPOINT = "runs/smoke/upper-gaitset-target-s0/checkpoint.pt"


def start(folder: Path, tree: dict, ranks: int, root: Path, *what: str) -> subprocess.Popen[str]:
    tree["compute"]["ranks"] = ranks
    (folder / "params.yaml").write_text(yaml.safe_dump(tree))
    command = [sys.executable, "-u", "-m", "harness.cli.app", "train", *(what or ("upper",))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def train(folder: Path, tree: dict, ranks: int, root: Path, *what: str) -> tuple[int, str, str]:
    process = start(folder, tree, ranks, root, *what)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def few_people(folder: Path, tree: dict) -> dict:
    """A store of three people and a small network in ``folder``; returns the training of the method ``upper``."""
    tree["backbones"]["gaitset"] |= {"channels": [4, 4, 8], "embedding": 8}
    training = tree["methods"]["upper"]["training"]
    training |= {"epochs": 2, "iterations": 2, "subjects": 2, "sequences": 3, "frames": 2}
    rng = np.random.default_rng(0)
    shapes = rng.random((3, 16, 11)).repeat(4, axis=1).repeat(4, axis=2)
    walks = [
        Sequence(f"{s}", f"nm-0{n}", "090", "train", (255 * (shapes[s] + rng.random((3, 64, 44))) / 2).astype(np.uint8))
        for s in range(3) for n in range(4)
    ]  # fmt: skip
    write_store(folder / "data/smoke/target", walks, {})
    return training


def pretrained(folder: Path, tree: dict, root: Path) -> None:
    """The same people as source, and weights that CC can start from; a step of each method."""
    few_people(folder, tree)
    tree["methods"]["cc"] |= {"n": 4, "s_up": 0.0}
    for method in ("pretrain", "cc"):
        few = {"epochs": 1, "iterations": 1, "subjects": 2, "sequences": 2, "frames": 2}
        tree["methods"][method]["training"] |= few
    shutil.copytree(folder / "data/smoke/target", folder / "data/smoke/source")
    code, out, err = train(folder, tree, 1, root, "pretrain")
    assert code == 0, out + err


@pytest.mark.slow
def test_two_processes_from_one_command(settings_tree, tmp_path, root):
    training = few_people(tmp_path, settings_tree)
    weights, ids = [], set()
    for ranks in (1, 2):
        code, out, err = train(tmp_path, settings_tree, ranks, root)
        assert code == 0, out + err
        assert out.count("epoch 2/2") == 1  # one process speaks
        content = checkpoint.load(tmp_path / CHECKPOINT)
        weights.append(content["network"])
        ids.add(content["run_id"])
    assert len(ids) == 2  # rounding differs, so it is another run
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-2, atol=5e-4)
    training["subjects"] = 7
    code, out, err = train(tmp_path, settings_tree, 2, root)
    assert code == 2, out + err
    (line,) = [line for line in err.splitlines() if "error:" in line]
    assert "a batch needs 7 subjects" in line and "Traceback" not in err


def test_the_first_that_knows_says_why_and_the_others_know_that(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.delenv(SPOKEN, raising=False)
    assert not may_speak() and not spoken(0.0)
    monkeypatch.setenv(SPOKEN, str(tmp_path / "spoken"))
    assert not spoken(0.0) and may_speak() and spoken() and not may_speak()


def test_a_killed_process_is_said_by_the_command_that_started_it(tmp_path, monkeypatch):
    """Nobody else can: the place where processes say that they have spoken is gone by then."""
    failure = ProcessFailure(local_rank=1, pid=1, exitcode=-9, error_file="none")

    def start(config: object, command: str):
        def run(*words: str) -> None:
            assert not spoken(0.0)
            raise ChildFailedError("harness", {1: failure})

        return run

    monkeypatch.setattr("torch.distributed.launcher.api.elastic_launch", start)
    monkeypatch.setenv(SPOKEN, "set by launch, and taken back")
    with pytest.raises(UserError, match="process 1 of 2 was killed by signal 9"):
        launch(2)
    assert may_speak()


@pytest.mark.slow
@pytest.mark.long
def test_a_mistake_that_only_the_second_process_makes_is_said(settings_tree, tmp_path, root):
    """One batch of sequences is too few for two processes to share, and only the one without any finds that out."""
    settings_tree["compute"]["extract_frames"] = 4096
    pretrained(tmp_path, settings_tree, root)
    code, out, err = train(tmp_path, settings_tree, 2, root, "cc")
    assert code == 2 and "2 processes have only 1 batches to share" in err and "Traceback" not in err, out + err


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="no faiss")
@pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler")
def test_compiled_steps_and_clusters_share_a_process(settings_tree, tmp_path, root):
    """torch.compile loads networkx, and that infomap, which faiss must come before."""
    pretrained(tmp_path, settings_tree, root)
    settings_tree["compute"]["compile"] = "default"
    for method in ("pretrain", "cc"):
        code, out, err = train(tmp_path, settings_tree, 1, root, method)
        assert code == 0 and "epoch 1/1" in out, out + err


@pytest.mark.slow
@pytest.mark.long
def test_two_processes_stop_together_and_go_on(settings_tree, tmp_path, root):
    few_people(tmp_path, settings_tree)["epochs"] = 40
    code, out, err = train(tmp_path, settings_tree, 2, root)
    assert code == 0, out + err
    wanted = checkpoint.load(tmp_path / CHECKPOINT)["network"]
    (tmp_path / CHECKPOINT).unlink()
    for number, epoch in ((signal.SIGINT, 2), (signal.SIGTERM, 5)):
        process = start(tmp_path, settings_tree, 2, root)
        assert process.stdout is not None
        while f"epoch {epoch}/40" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130 and "Traceback" not in err, out + err
        assert out.count("stopping after this step") == 1
        assert err.strip() == "stopped; the same command goes on from here"
    code, out, err = train(tmp_path, settings_tree, 2, root)
    assert code == 0 and "resumed" in out and "epoch 1/40" not in out, out + err
    got = checkpoint.load(tmp_path / CHECKPOINT)["network"]
    assert all(torch.equal(got[key], value) for key, value in wanted.items())
