"""What every test may use: the repository's root and the settings of the smoke suite."""

import copy
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from harness.presets import compose
from harness.testing.workspace import Pipeline

torch.set_num_threads(1)
# Started in the background or by nohup, we would pass on that these are ignored, and tests send them to processes.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def _smoke(root: Path) -> dict[str, Any]:
    return yaml.safe_load(compose("smoke", root / "conf"))


@pytest.fixture(scope="session")
def computed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The tiny suite, computed once for all tests of the group ``pipeline``; leave it as it is."""
    tree = yaml.safe_load(compose("tiny", root / "conf"))
    made = Pipeline(root, tmp_path_factory.mktemp("pipeline"), tree)
    made.first = made.harness("run", "tiny")
    return made


@pytest.fixture
def settings_tree(_smoke: dict[str, Any]) -> dict[str, Any]:
    """The composed smoke suite, a copy for each test."""
    return copy.deepcopy(_smoke)
