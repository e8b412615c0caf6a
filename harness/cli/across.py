"""``harness across``: one comparison in several suites, as a table and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.claims.claim import Claim, read_claims
from harness.claims.judge import Judged
from harness.cli import complete
from harness.cli.blocks import replace_block
from harness.cli.claims import Format, print_whole
from harness.cli.console import console
from harness.cli.judged import judged, row
from harness.cli.others import settings_of
from harness.config import Settings
from harness.errors import UserError, nearest
from harness.files import atomic_path
from harness.tables.grid import CONTROLS
from harness.tables.render import ABSENT, OUTSIDE, signed

MAIN = ("sf-cc-cl", "sf-equal-compute")
ABOUT = (
    "Differences in points with their 95 % interval before any correction, test people, seeds, and the verdict that "
    f"the suite gives among its own claims. {OUTSIDE.strip()}: the paper's size lies outside the interval. Suites of "
    "the same people or seeds are not independent answers."
)


def across(
    presets: Annotated[list[str], typer.Argument(metavar="SUITE...", autocompletion=complete.suites)],
    claim: Annotated[list[str] | None, typer.Option(help="a claim's name; may be repeated")] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.rich,
    update: Annotated[Path | None, typer.Option(help="renew the marked block of a document")] = None,
    figure: Annotated[Path | None, typer.Option(help="draw it here, as .png or .svg")] = None,
) -> None:
    """Show what several suites found of the same claim, from their records alone.

    The suite in use does not matter. Without --claim: SF against CC, and against CC trained for as many steps, both on
    changed clothes.

    Example: harness across walkers-all walkers-fp32-all --claim sf-cc-cl
    """
    if figure is not None and figure.suffix not in (".png", ".svg"):
        raise UserError(f"{figure}: a figure is .png or .svg; end its name so")
    keys = tuple(dict.fromkeys(claim or MAIN))
    suites = [settings_of(preset) for preset in dict.fromkeys(presets)]
    found = {suite.suite.preset: _asked(suite, keys) for suite in suites}
    asked = _questions(found, keys)
    if figure is not None:
        _draw(figure, found, keys)
        console.print(f"{figure}: drawn", markup=False)
    if update is not None:
        words = [*found, *(f"--claim {key}" for key in claim or ())]
        replace_block(update, " ".join(["harness across", *words]), _markdown(suites, found, asked))
        console.print(f"{update}: renewed", markup=False)
    elif form is Format.json:
        rows = {name: {key: row(one) if one else None for key, one in own.items()} for name, own in found.items()}
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    elif form is Format.md:
        typer.echo(_markdown(suites, found, asked), nl=False)
    else:
        print_whole(("suite", *keys), [((name, *map(_shown, own.values())), "") for name, own in found.items()])
        console.print("\n".join([*asked, ABOUT]), markup=False)


def _asked(settings: Settings, keys: tuple[str, ...]) -> dict[str, Judged | None]:
    """The suite's verdicts on the claims of these names, None on those that its file does not have."""
    by_key: dict[str, Any] = {one.claim.key: one for one in judged(settings)}
    return {key: by_key.get(key) for key in keys}


def _questions(found: dict[str, dict[str, Judged | None]], keys: tuple[str, ...]) -> list[str]:
    """A line on each claim; one that no suite has, or that asks another thing in each, is a ``UserError``."""
    lines = []
    for key in keys:
        every = {name: own[key] for name, own in found.items()}
        claims = {name: one.claim for name, one in every.items() if one}
        if not claims:
            raise UserError(f"no claim '{key}' in these suites; {nearest(key, [c.key for c in read_claims()])}")
        (first, own), *others = claims.items()
        if odd := [name for name, other in others if other.question != own.question]:
            raise UserError(
                f"claim '{key}' asks another thing in {odd[0]} than in {first}; compare suites that ask the same"
            )
        size = "" if own.paper is None else f" (the paper: {signed(own.paper)})"
        lines.append(f"{key}: {own.says}{size}")
    return lines


def _shown(one: Judged | None) -> str:
    if one is None or one.test is None:
        return ABSENT if one is None else one.decision
    test, (low, high) = one.test, one.test.interval
    mark = OUTSIDE if one.outside else ""
    numbers = f"{signed(test.difference)} ({signed(low)} to {signed(high)}){mark}"
    return f"{numbers}, {test.people} people, {test.seeds} seeds: {one.decision}"


def _markdown(suites: list[Settings], found: dict[str, dict[str, Judged | None]], asked: list[str]) -> str:
    keys = [line.partition(":")[0] for line in asked]
    lines = ["| " + " | ".join(["suite", *keys]) + " |", "| --- |" + " --- |" * len(keys)]
    for suite in suites:
        name = suite.suite.preset
        cells = [f"{name}: {suite.suite.about}", *(_shown(one) for one in found[name].values())]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"- {line}" for line in asked), "", ABOUT, ""])


def _title(claim: Claim, short: Mapping[str, str]) -> str:
    """The methods by name, and where they are compared; of several parts the claim's own name."""
    part, *more = claim.parts
    if more:
        return claim.key
    named = []
    for run in part.gain:
        method, _, variant = run.partition(" ")
        named.append(f"{short.get(method) or CONTROLS.get(method, method)} {variant}".strip())
    return f"{' against '.join(named)}\non {part.words.partition(' on ')[2]}"


def _draw(path: Path, found: dict[str, dict[str, Judged | None]], keys: tuple[str, ...]) -> None:
    from harness.figures import forest
    from harness.figures.look import NAMES, rendered

    panels = []
    for key in keys:
        every = [own[key] for own in found.values()]
        claim = next(one.claim for one in every if one)
        points = [
            forest.Point(one.test.difference, one.test.interval, one.decision in ("supported", "refuted"))
            if one and one.test
            else None
            for one in every
        ]
        panels.append(forest.Panel(_title(claim, NAMES), claim.paper, points))
    with atomic_path(path) as scratch:
        scratch.write_bytes(rendered(forest.draw(list(found), panels), path.suffix[1:]))
