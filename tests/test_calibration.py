"""The walkers study is what it was calibrated as: same settings, other people."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from harness.presets import compose


@pytest.fixture
def calibration(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.chdir(root)
    loader = SourceFileLoader("calibration", str(root / "tools" / "calibration"))
    spec = importlib.util.spec_from_loader("calibration", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_page_is_of_what_the_suite_is_now(root: Path, calibration: ModuleType):
    """Whoever changes generator, backbones, schedules or decisions must calibrate again."""
    assert f"`{calibration.frozen('walkers')}`" in (root / calibration.PAGE).read_text()


def test_validation_people_are_others_and_everything_else_is_the_same(calibration: ModuleType):
    study, validation = (yaml.safe_load(compose(name)) for name in ("walkers", "walkers-validation"))
    assert study["walkers"]["target"].pop("seed") != validation["walkers"]["target"].pop("seed")
    for section in ("walkers", "backbones", "methods", "assumed", "compute", "overrides"):
        assert study[section] == validation[section]
    assert calibration.frozen("walkers") == calibration.frozen("walkers-validation")


@pytest.mark.parametrize(
    "preset",
    ["walkers-all", "walkers-controls", "walkers-gaitgl", "walkers-gaitset", "walkers-outdoor", "walkers-wild"],
)
def test_sittings_of_the_study_share_its_settings(preset: str, calibration: ModuleType):
    assert yaml.safe_load(compose(preset))["suite"]["name"] == "walkers"
    assert calibration.frozen(preset) == calibration.frozen("walkers")
