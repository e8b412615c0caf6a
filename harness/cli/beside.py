"""The suite in use beside another preset's, for ``harness report --beside``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from harness.audit.records import compare
from harness.claims.claim import Part
from harness.claims.measure import MissingError, by_run, differences
from harness.cli.evidence import cost, evidence_of
from harness.cli.judged import judged, row
from harness.cli.others import people, settings_of, source_of, what_counts
from harness.cli.tables import build_grids
from harness.config import Settings
from harness.errors import UserError
from harness.report.beside import Beside, Side, beside
from harness.statistics import Floats
from harness.tables.grid import Place
from harness.types import Outcome

_DATASET = "casia-bn"
_THERE = "there"


def beside_preset(settings: Settings, side: Side, preset: str) -> Beside:
    """Compares the suite in use, of which ``side`` is known, with that of a preset of the same people; other people are
    a ``UserError``."""
    other = settings_of(preset)
    if other.suite.name == settings.suite.name:
        raise UserError(f"--beside {preset}: its results are this suite's own; name a preset of another suite")
    here, there = evidence_of(settings), evidence_of(other)
    names = [evidence.stands_for.get(_DATASET) for evidence in (here, there)]
    made = [people(s, name) for s, name in zip((settings, other), names, strict=True)]
    dataset = names[0]
    if dataset is None or names[0] != names[1] or made[0] != made[1]:
        raise UserError(
            f"--beside {preset}: its test people are not this suite's, so that no difference means anything; name a "
            "preset with the same data"
        )
    if not there.records:
        raise UserError(f"--beside {preset}: results/{other.suite.name} has no scores; compute or pull them first")
    (summary,) = build_grids(other, ["summary"])
    its = Side(summary, [row(one) for one in judged(other, source=source_of(preset))])
    pairs = pairing(here.outcomes, there.outcomes, dataset)
    return beside(preset, cost(other), sorted(compare(what_counts(settings), what_counts(other))), side, its, pairs)


def pairing(here: Iterable[Outcome], there: Iterable[Outcome], dataset: str) -> Callable[[Place], Floats | None]:
    """What gives the paired differences f64[n,S] of a cell in points, here less there; None without a common seed."""
    found = by_run([*here, *(replace(o, variant=_THERE) for o in there if not o.variant)])

    def paired(place: Place) -> Floats | None:
        part = Part.model_validate(
            {"gain": (place.method, f"{place.method} {_THERE}"), "under": (place.condition,), "above": 0.0}
        )
        try:
            return differences(part, dataset, place.backbone, place.metric, found)
        except MissingError:
            return None

    return paired
