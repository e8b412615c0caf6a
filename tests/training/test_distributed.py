"""Several processes train as one: the same weights to fp32 rounding, the same memory bank in each."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import UserError
from harness.training.distributed import Ranks

WORKER = Path(__file__).with_name("one_of_many.py")


def start(folder: Path, tree: dict[str, Any], method: str, size: int, epochs: int = 4, die_at: int = 0) -> list[int]:
    """Runs ``size`` processes to their end, or until one has died; returns their exit codes."""
    folder.mkdir(exist_ok=True)
    (folder / "tree.json").write_text(json.dumps(tree))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(WORKER), str(folder), method, str(epochs), str(die_at)]
    root = str(WORKER.parents[2])
    children = [
        subprocess.Popen(command, env={**os.environ, **shared, "RANK": str(rank), "PYTHONPATH": root}, cwd=root)
        for rank in range(size)
    ]
    return [child.wait(timeout=120) for child in children]


def results(folder: Path, size: int) -> list[dict[str, Any]]:
    return [torch.load(folder / f"rank-{rank}.pt", weights_only=True) for rank in range(size)]


def close(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    for key in one:
        torch.testing.assert_close(one[key], two[key], rtol=2e-4, atol=2e-5, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "size", "epochs"),
    # With batches of six GaitSSB* multiplies any rounding in a few steps: one epoch is three.
    [
        ("cc", 3, 4),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in (("upper", 2, 4), ("cc", 2, 4), ("sf", 2, 4), ("gaitssb", 2, 1))
        ),
    ],
)
def test_several_processes_equal_one(
    method: str, size: int, epochs: int, settings_tree: dict[str, Any], tmp_path: Path
):
    """Batches of six and BatchNorm over the whole batch, where it is not frozen."""
    assert start(tmp_path / "one", settings_tree, method, 1, epochs) == [0]
    assert start(tmp_path / "many", settings_tree, method, size, epochs) == [0] * size
    (alone,), many = results(tmp_path / "one", 1), results(tmp_path / "many", size)
    for other in many:
        assert other["labels"] == alone["labels"] and other["history"] == many[0]["history"]
        assert all(torch.equal(other["weights"][key], many[0]["weights"][key]) for key in other["weights"])
        assert other["memory"] is None or torch.equal(other["memory"], many[0]["memory"])
    close(many[0]["weights"], alone["weights"])
    if alone["memory"] is not None:
        torch.testing.assert_close(many[0]["memory"], alone["memory"], rtol=2e-4, atol=2e-5)
    for ours, theirs in zip(many[0]["history"], alone["history"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)


@pytest.mark.slow
def test_a_killed_process_ends_all_and_the_next_start_goes_on(settings_tree: dict[str, Any], tmp_path: Path):
    assert start(tmp_path / "whole", settings_tree, "sf", 2) == [0, 0]
    first, second = start(tmp_path / "parts", settings_tree, "sf", 2, die_at=4)
    assert second == -9 and first not in (0, None)
    assert start(tmp_path / "parts", settings_tree, "sf", 2) == [0, 0]
    wanted, got = results(tmp_path / "whole", 2), results(tmp_path / "parts", 2)
    assert got[0]["first"] > (0, 0)
    for rank in range(2):
        assert all(torch.equal(got[rank]["weights"][key], wanted[rank]["weights"][key]) for key in got[rank]["weights"])
        assert got[rank]["history"] == wanted[rank]["history"]


def test_one_process_is_left_alone():
    ranks, network = Ranks(), torch.nn.Linear(1, 1)
    assert ranks.first and ranks.wrap(network) is network
    assert ranks.once(lambda: 5) == 5
    with pytest.raises(UserError, match="too few"):
        ranks.once(lambda: (_ for _ in ()).throw(UserError("too few")))
