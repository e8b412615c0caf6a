"""What every test may use: the repository's root and the settings of the smoke suite."""

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def _smoke(root: Path) -> dict[str, Any]:
    from harness.cli.suite import compose

    with contextlib.chdir(root):
        return yaml.safe_load(compose("smoke"))


@pytest.fixture
def settings_tree(_smoke: dict[str, Any]) -> dict[str, Any]:
    """The composed smoke suite, a copy for each test."""
    return copy.deepcopy(_smoke)
