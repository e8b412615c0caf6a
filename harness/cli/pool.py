"""Suites that asked the same of other people with other seeds, together: ``harness claims --with``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Any

from harness.audit.records import compare
from harness.claims.pool import Pooled, pool
from harness.cli.claims import estimate
from harness.cli.edited import warn_edited
from harness.cli.evidence import stands_for
from harness.cli.judged import judged, row
from harness.cli.others import people, settings_of, source_of, what_counts
from harness.config import Settings
from harness.errors import UserError, nearest
from harness.tables.render import markdown_table, signed

ABOUT = (
    "Each question of one part that all of them tested: the mean of their differences in points, all suites counting "
    "alike; its 95 % interval is Student's, from the standard errors of the suites' own tests, before any correction. "
    "An estimate, no verdict."
)


def pooled(settings: Settings, presets: Collection[str], keys: Collection[str]) -> list[Pooled]:
    """The claims of the suite in use, of these names or all, that others tested too.

    Suites that share people or seeds, or differ in anything else that their runs hang on, are a ``UserError``.
    """
    others = {name: settings_of(name) for name in presets}
    here = f"{settings.suite.preset}, which is in use,"
    for (one, own), (two, other) in combinations({here: settings, **others}.items(), 2):
        _independent(f"--with: {one} and {two}", own, other)
    own = judged(settings)
    found = pool([own, *(judged(other, source=source_of(name)) for name, other in others.items())])
    if not found:
        raise UserError(
            f"--with {' '.join(presets)}: no claim of one part was tested in all; `harness claims` says why"
        )
    known, there = [one.claim.key for one in own], [one.claim.key for one in found]
    for key in keys:
        if key not in known:
            raise UserError(f"no claim '{key}'; {nearest(key, known)}")
        if key not in there:
            raise UserError(f"claim '{key}' has several parts, or was not tested in all of them; leave it out")
    for name, other in others.items():
        warn_edited(other, source_of(name))
    return [one for one in found if not keys or one.claim.key in keys]


def _independent(both: str, one: Settings, two: Settings) -> None:
    if shared := sorted({*one.suite.seeds} & {*two.suite.seeds}):
        raise UserError(f"{both} share seeds ({', '.join(map(str, shared))}); name suites of other seeds")
    its, others = stands_for(one), stands_for(two)
    tested = {paper: (its[paper], others[paper]) for paper in its if paper in others}
    for paper, (name, other) in tested.items():
        if name != other or name not in one.walkers or name not in two.walkers:
            raise UserError(f"{both} have {name} and {other} for {paper}; only walkers have other people of one kind")
        if people(one, name) == people(two, name):
            raise UserError(f"{both} have the same people in {name}; name suites of other people")
    draws = {f"walkers.{name}.seed" for name, _ in tested.values()}
    changed = [key for key, _, _ in sorted(compare(_used(one), _used(two))) if key not in draws]
    if changed:
        raise UserError(
            f"{both} differ in more than the people tested and seeds: {', '.join(changed[:5])}; name others"
        )


def _used(settings: Settings) -> dict[str, Any]:
    """The settings that a run of the suite hangs on, without data sets, backbones and variants that it does not use."""
    suite, every = settings.suite, what_counts(settings)
    names = {"archives": {*suite.datasets, suite.pretraining, suite.views}, "backbones": {*suite.backbones}}
    names["walkers"] = names["archives"]
    names["variants"] = {name for own in suite.variants.values() for name in own}
    return {key: _only(tree, names[key]) if key in names else tree for key, tree in every.items()}


def _only(tree: Mapping[str, Any], names: Collection[str | None]) -> dict[str, Any]:
    return {name: own for name, own in tree.items() if name in names}


def heads(settings: Settings, presets: Collection[str]) -> tuple[str, ...]:
    return "claim", settings.suite.preset, *presets, "together", "95 %", "paper"


def shown(one: Pooled) -> tuple[str, ...]:
    """A pooled claim as a line of text under :func:`heads`."""
    own = [estimate(part.test) for part in one.each if part.test is not None]
    low, high = one.interval
    return one.claim.key, *own, signed(one.difference), f"{signed(low)} to {signed(high)}", signed(one.claim.paper)


def plain(one: Pooled) -> dict[str, Any]:
    """A pooled claim as plain numbers and words, nothing rounded."""
    return {
        "claim": one.claim.key,
        "says": one.claim.says,
        "paper": one.claim.paper,
        "difference": one.difference,
        "error": one.error,
        "interval": list(one.interval),
        "freedom": one.freedom,
        "each": [row(part) for part in one.each],
    }


def markdown(settings: Settings, presets: Collection[str], found: list[Pooled]) -> str:
    """Pooled claims as a Markdown table."""
    return "\n".join([markdown_table(heads(settings, presets), map(shown, found)), "", ABOUT, ""])
