"""``harness across``: one comparison in several suites, as a table and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.claims.claim import Claim, Part
from harness.claims.judge import Judged
from harness.cli import complete
from harness.cli.blocks import replace_block
from harness.cli.claims import Format, chosen, estimate, print_whole
from harness.cli.console import console
from harness.cli.edited import warn_edited
from harness.cli.judged import judged, row
from harness.cli.options import goes_alone
from harness.cli.others import settings_of, source_of
from harness.errors import UserError, nearest
from harness.files import atomic_path
from harness.tables.grid import CONTROLS
from harness.tables.render import OUTSIDE, markdown_table, signed

MAIN = ("sf-cc-cl", "sf-equal-compute")
ABOUT = (
    "Differences in points with their 95 % interval before any correction, test people, seeds, and the verdict that "
    f"the suite gives among its own claims. {OUTSIDE.strip()}: the paper's size lies outside the interval. Suites of "
    "the same people or seeds are not independent answers."
)


@dataclass(frozen=True)
class Asked:
    """A claim of one part; found: suite -> its verdict, None where the suite's claims have no such one."""

    claim: Claim
    found: Mapping[str, Judged | None]

    @property
    def part(self) -> Part:
        return self.claim.parts[0]

    @property
    def paper(self) -> float | None:
        """The paper's size, from the first suite whose claims give one."""
        return next((one.claim.paper for one in self.found.values() if one and one.claim.paper is not None), None)

    def shown(self, suite: str) -> str:
        one = self.found[suite]
        if one is None or one.test is None:
            return "not asked" if one is None else one.decision
        mark = OUTSIDE if one.outside else ""
        return f"{estimate(one.test)}{mark}, {one.test.people} people, {one.test.seeds} seeds: {one.decision}"


def across(
    presets: Annotated[
        list[str],
        typer.Argument(
            metavar="SUITE...", help="names that `harness suite list` shows", autocompletion=complete.suites
        ),
    ],
    claim: Annotated[list[str] | None, typer.Option(help="a claim's name; may be repeated")] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.rich,
    as_json: Annotated[bool, typer.Option("--json", help="the same as --format json")] = False,
    update: Annotated[Path | None, typer.Option(help="renew the marked block of a document instead")] = None,
    figure: Annotated[Path | None, typer.Option(help="draw it here too, as .png or .svg")] = None,
) -> None:
    """Show what several suites found of the same claim, from their records alone.

    The suite in use does not matter. Without --claim: SF against CC, and against CC trained for as many steps, both on
    changed clothes.

    Example: harness across walkers-all walkers-fp32-all --claim sf-cc-cl
    """
    form = chosen(form, as_json)
    if update is not None:
        goes_alone("--update", {"--format or --json": form is not Format.rich})
    if figure is not None and figure.suffix not in (".png", ".svg"):
        raise UserError(f"{figure}: a figure is .png or .svg; end its name so")
    presets, keys = list(dict.fromkeys(presets)), list(dict.fromkeys(claim or MAIN))
    suites = {preset: settings_of(preset) for preset in presets}
    for preset, suite in suites.items():
        warn_edited(suite, source_of(preset))
    verdicts = {
        preset: {one.claim.key: one for one in judged(suite, source=source_of(preset))}
        for preset, suite in suites.items()
    }
    asked = [_asked(key, verdicts) for key in keys]
    text = _markdown({preset: suite.suite.about for preset, suite in suites.items()}, asked)
    if update is not None:
        words = [*presets, *(f"--claim {key}" for key in keys if claim)]
        replace_block(update, " ".join(["harness across", *words]), text)
        console.print(f"{update}: renewed", markup=False)
    elif form is Format.json:
        rows = {key: {preset: one and row(one) for preset, one in a.found.items()} for key, a in zip(keys, asked)}
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    elif form is Format.md:
        typer.echo(text, nl=False)
    else:
        print_whole(("suite", *keys), [((preset, *(a.shown(preset) for a in asked)), "") for preset in presets])
        console.print("\n".join([*map(_line, asked), ABOUT]), markup=False)
    if figure is not None:
        _draw(figure, presets, asked)


def _asked(key: str, verdicts: Mapping[str, Mapping[str, Judged]]) -> Asked:
    """A claim's verdicts; one that no suite has, that has several parts, or that asks another thing in each is a
    ``UserError``."""
    claims = {preset: own[key].claim for preset, own in verdicts.items() if key in own}
    if not claims:
        known = sorted({name for own in verdicts.values() for name in own})
        raise UserError(f"no claim '{key}' in these suites; {nearest(key, known)}")
    (first, own), *others = claims.items()
    for preset, other in claims.items():
        if len(other.parts) > 1:
            raise UserError(f"claim '{key}' has several parts in {preset}, and no one difference; leave it out")
    if odd := [preset for preset, other in others if other.question != own.question]:
        raise UserError(f"claim '{key}' asks another thing in {odd[0]} than in {first}; leave one of them out")
    return Asked(own, {preset: own.get(key) for preset, own in verdicts.items()})


def _line(asked: Asked) -> str:
    size = "" if asked.paper is None else f" (the paper: {signed(asked.paper)})"
    return f"{asked.claim.key}: {asked.claim.says}{size}"


def _markdown(abouts: Mapping[str, str], asked: list[Asked]) -> str:
    rows = [(f"{preset}: {about}", *(a.shown(preset) for a in asked)) for preset, about in abouts.items()]
    table = markdown_table(("suite", *(a.claim.key for a in asked)), rows)
    return "\n".join([table, "", *(f"- {_line(a)}" for a in asked), "", ABOUT, ""])


def _draw(path: Path, presets: list[str], asked: list[Asked]) -> None:
    from harness.figures import forest
    from harness.figures.look import NAMES, rendered

    panels = []
    for a in asked:
        points: list[forest.Point | str] = []
        for preset, one in a.found.items():
            if one is None or one.test is None:
                points.append(a.shown(preset))
            else:
                decided = one.decision in ("supported", "refuted")
                points.append(forest.Point(one.test.difference, one.test.interval, decided))
        size = "the paper has no such number" if a.paper is None else f"dashed: the paper, {signed(a.paper)}"
        metric = a.claim.metric.replace("rank", "rank-")
        title = f"{_title(a, NAMES)}\n({size})"
        panels.append(forest.Panel(title, f"points of {metric}, 95 % interval", a.part.bound, a.paper, points))
    with atomic_path(path) as scratch:
        scratch.write_bytes(rendered(forest.draw(presets, panels), path.suffix[1:]))


def _title(asked: Asked, short: Mapping[str, str]) -> str:
    """The methods by name, and where they are compared."""
    named = []
    for run in asked.part.gain:
        method, _, variant = run.partition(" ")
        named.append(f"{short.get(method) or CONTROLS.get(method, method)} {variant}".strip())
    where = [f"on {asked.part.words.partition(' on ')[2]}"]
    where += [name for name in (asked.claim.dataset, asked.claim.backbone) if name not in ("casia-bn", "gaitset")]
    return f"{' against '.join(named)}\n{', '.join(where)}"
