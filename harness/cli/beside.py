"""The suite in use beside another preset's, for ``harness report --beside``."""

from __future__ import annotations

import yaml

from harness.audit.records import flat
from harness.cli.claims import judged, row
from harness.cli.evidence import cost, evidence_of
from harness.cli.tables import build_grids
from harness.config import Settings, check
from harness.errors import UserError
from harness.presets import compose
from harness.report.beside import Beside, Side, beside
from harness.tables.grid import Evidence

_DATASET = "casia-bn"


def beside_preset(settings: Settings, preset: str) -> Beside:
    """Compares the suite in use with that of a preset of the same people; other people are a ``UserError``."""
    other = check(yaml.safe_load(compose(preset)), f"conf/suite/{preset}.yaml")
    if other.suite.name == settings.suite.name:
        raise UserError(f"--beside {preset}: its results are this suite's own; name a preset of another suite")
    here, there = evidence_of(settings), evidence_of(other)
    names = [evidence.stands_for.get(_DATASET) for evidence in (here, there)]
    people = [_people(s, name) for s, name in zip((settings, other), names, strict=True)]
    dataset = names[0]
    if dataset is None or names[0] != names[1] or people[0] != people[1]:
        raise UserError(
            f"--beside {preset}: its test people are not this suite's, so that no difference means anything; name a "
            "preset with the same data"
        )
    if not there.records:
        raise UserError(f"--beside {preset}: results/{other.suite.name} has no scores; compute or pull them first")
    one, two = (flat(s.model_dump(mode="json", exclude={"suite", "plan"})) for s in (settings, other))
    changed = [(key, str(one.get(key)), str(two.get(key))) for key in {**one, **two} if one.get(key) != two.get(key)]
    return beside(preset, cost(other), changed, _side(settings, here), _side(other, there), dataset)


def _people(settings: Settings, name: str | None) -> object:
    """What makes a data set: the parameters of its walkers, or where its archive lies."""
    return settings.walkers.get(name or "") or settings.archives.get(name or "")


def _side(settings: Settings, evidence: Evidence) -> Side:
    (summary,) = build_grids(settings, ["summary"])
    return Side(summary, evidence.outcomes, [row(one) for one in judged(settings)])
