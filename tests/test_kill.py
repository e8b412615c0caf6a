"""A short version of tools/kill_test.py, which kills 25 times for each of three methods."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.long)])
def test_killed_at_random_moments_equals_undisturbed(root: Path, tmp_path: Path, count: int):
    spec = importlib.util.spec_from_file_location("kill_test", root / "tools" / "kill_test.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    bench = tool.Bench(tmp_path / "suite", every=0.1)
    bench.call("train", "pretrain")
    kills, finished = tool.kill_and_compare(bench, "cc", count, random.Random(5))
    assert kills == count and finished >= 1
