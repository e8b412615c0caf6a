"""How these tests run commands: in this process, as a user would, in a folder of their own."""

from __future__ import annotations

import contextlib
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from folders import files
from recorded import METHODS, record

from harness.claims.judge import judge
from harness.cli import app as cli
from harness.presets import compose


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    deterministic = torch.are_deterministic_algorithms_enabled()
    yield tmp_path
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the console script in this process: (exit code, stdout, stderr)."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended, warnings.catch_warnings(record=True) as remarks:
            cli.main()
        # Python would print these to standard error.
        shown = (UserWarning, RuntimeWarning, FutureWarning)
        assert not [str(remark.message) for remark in remarks if issubclass(remark.category, shown)]
        code = ended.value.code
        assert code is None or isinstance(code, int)
        said = capsys.readouterr()
        return code or 0, said.out, said.err

    return call


@pytest.fixture
def refuses(here: Path, harness: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """Runs a command that must fail as a user's mistake and write nothing (but in ``but``); returns its line."""

    def call(*words: str, but: str | None = None) -> str:
        before = files()
        code, out, err = harness(*words)
        lines = [line for line in err.splitlines() if line.strip()]
        assert code == 2, out + err
        assert len(lines) == 1 and lines[0].startswith("error: ")
        assert "Traceback" not in err
        after = {path: content for path, content in files().items() if but is None or not path.startswith(but)}
        assert after == before
        return lines[0]

    return call


@pytest.fixture(scope="session")
def _made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The smoke suite's parameters on three seeds, without and with the results of all its runs; made once."""
    empty, full = (tmp_path_factory.mktemp(name) for name in ("empty", "recorded"))
    tree = yaml.safe_load(compose("smoke", root / "conf"))
    tree["suite"]["seeds"] = [0, 1, 2]
    for folder in (empty, full):
        (folder / "params.yaml").write_text(yaml.safe_dump(tree))
    with contextlib.chdir(full):
        for method in METHODS:
            for seed in (0, 1, 2):
                record(method, seed)
    return empty, full


@pytest.fixture
def suite_tree(settings_tree: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The parameters of `empty` and `recorded`, to be changed and settled anew."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    settings_tree["suite"]["seeds"] = [0, 1, 2]
    return settings_tree


@pytest.fixture
def empty(here: Path, _made: tuple[Path, Path], suite_tree: dict[str, Any]) -> Path:
    """A folder with a suite and no result."""
    shutil.copytree(_made[0], here, dirs_exist_ok=True)
    return here


@pytest.fixture
def recorded(here: Path, _made: tuple[Path, Path], suite_tree: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with every method's results on three seeds; claims about them are judged by few draws, for speed."""
    monkeypatch.setattr("harness.claims.judge.judge", partial(judge, rounds=1))
    shutil.copytree(_made[1], here, dirs_exist_ok=True)
    return here
