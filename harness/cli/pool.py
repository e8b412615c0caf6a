"""Suites that asked the same of other people with other seeds, together: ``harness claims --with``."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from harness.audit.records import compare
from harness.claims.pool import Pooled, pool
from harness.cli.evidence import stands_for
from harness.cli.judged import judged, row
from harness.cli.others import people, settings_of, what_counts
from harness.config import Settings
from harness.errors import UserError
from harness.tables.render import signed

ABOUT = (
    "Each question of one part that all of them tested: the mean of their differences in points, all suites counting "
    "alike; its 95 % interval is Student's, from the standard errors of the suites' own tests, before any correction. "
    "An estimate, no verdict."
)


def pooled(settings: Settings, presets: list[str]) -> list[Pooled]:
    """The claims of the suite in use that others tested too; suites which share people or seeds, or differ in anything
    else, are a ``UserError``."""
    suites = [settings, *map(settings_of, presets)]
    for one, two in combinations(suites, 2):
        _independent(one, two)
    found = pool([judged(suite) for suite in suites])
    if not found:
        raise UserError(
            f"--with {' '.join(presets)}: no claim of one part was tested in all of them; compute them first"
        )
    return found


def _independent(one: Settings, two: Settings) -> None:
    both = f"--with: {one.suite.preset} and {two.suite.preset}"
    if shared := sorted({*one.suite.seeds} & {*two.suite.seeds}):
        raise UserError(f"{both} share seeds ({', '.join(map(str, shared))}); name suites of other seeds")
    tested = [set(stands_for(suite).values()) for suite in (one, two)]
    for name in sorted(tested[0] & tested[1]):
        if people(one, name) == people(two, name):
            raise UserError(f"{both} have the same people in {name}; name suites of other people")
    draws = {f"walkers.{name}.seed" for name in tested[0] & tested[1]}
    changed = [key for key, _, _ in sorted(compare(what_counts(one), what_counts(two))) if key not in draws]
    if changed:
        raise UserError(f"{both} differ in more than people and seeds: {', '.join(changed[:5])}; name suites alike")


def heads(settings: Settings, presets: list[str]) -> tuple[str, ...]:
    return "claim", settings.suite.preset, *presets, "together", "95 %", "paper"


def shown(one: Pooled) -> tuple[str, ...]:
    """A pooled claim as a line of text under :func:`heads`."""
    own = [_estimate(part.test.difference, part.test.interval) for part in one.each if part.test is not None]
    low, high = one.interval
    return one.claim.key, *own, signed(one.difference), f"{signed(low)} to {signed(high)}", signed(one.claim.paper)


def _estimate(difference: float, interval: tuple[float, float]) -> str:
    return f"{signed(difference)} ({signed(interval[0])} to {signed(interval[1])})"


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


def markdown(settings: Settings, presets: list[str], found: list[Pooled]) -> str:
    """Pooled claims as a Markdown table."""
    titles = heads(settings, presets)
    lines = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    return "\n".join([*lines, *("| " + " | ".join(shown(one)) + " |" for one in found), "", ABOUT, ""])
