"""Suites by their presets, and what two of them have in common."""

from __future__ import annotations

from typing import Any

from harness.config import Settings, check
from harness.files import parse_yaml
from harness.presets import compose

_LABELS = {"preset", "name", "about", "datasets", "backbones", "extra", "controls", "variants", "seeds", "claims"}
"""What of a suite says which runs it has; the rest changes what a run computes."""


def source_of(preset: str) -> str:
    """The file that a preset is in, for messages."""
    return f"conf/suite/{preset}.yaml"


def settings_of(preset: str) -> Settings:
    """The settings of a preset as params.yaml would have them."""
    return check(parse_yaml(compose(preset)), source_of(preset))


def people(settings: Settings, name: str | None) -> object:
    """What makes a data set: the parameters of its walkers, or where its archive lies."""
    return settings.walkers.get(name or "") or settings.archives.get(name or "")


def what_counts(settings: Settings) -> dict[str, Any]:
    """The settings that change what a run computes."""
    return settings.model_dump(mode="json", exclude={"plan": True, "suite": _LABELS})
