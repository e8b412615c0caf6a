"""``harness claims``: a verdict on each of the paper's claims, or of a file of others, from result files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from harness.cli import complete
from harness.cli.blocks import replace_block
from harness.cli.console import console
from harness.cli.edited import warn_edited
from harness.cli.evidence import headline
from harness.cli.judged import judged, row
from harness.cli.options import goes_alone
from harness.config import Settings, load
from harness.errors import UserError, nearest
from harness.report.finding import families
from harness.statistics import PairedTest
from harness.tables.render import ABSENT, OUTSIDE, chance, markdown_table, signed

STYLE = {"supported": "green", "refuted": "red", "undecided": "yellow", "not run": "dim"}


class Format(StrEnum):
    rich = "rich"
    md = "md"
    json = "json"


HEADS = ("claim", "verdict", "paper", "ours (95 %)", "effect", "p", "p (Holm)", "power", "80 % finds")


def chosen(form: Format, as_json: bool) -> Format:
    """What two options ask for together; another format than JSON and --json are a ``UserError``."""
    if as_json and form is Format.md:
        raise UserError("--json and --format md ask for different things; leave one of them out")
    return Format.json if as_json else form


def estimate(test: PairedTest) -> str:
    """A difference with its interval, in points."""
    return f"{signed(test.difference)} ({signed(test.interval[0])} to {signed(test.interval[1])})"


def shown(one: Any) -> tuple[str, ...]:
    """A verdict as a line of text under :data:`HEADS`."""
    test = one.test
    return (
        one.claim.key,
        one.decision,
        signed(one.paper) + (OUTSIDE if one.outside else ""),
        estimate(test) if test else ABSENT,
        signed(test.effect, 2) if test else ABSENT,
        chance(one.p),
        chance(one.adjusted),
        ABSENT if one.power is None else f"{one.power:.0%}",
        ABSENT if one.detectable is None else f"{one.detectable:.1f}",
    )


def weakest(found: list[Any]) -> list[str]:
    """A line for each claim of several parts that was tested: the part that its numbers are of."""
    rows = map(row, found)
    return [f"{one['claim']}: the numbers of its weakest part, {one['part']}" for one in rows if one["part"]]


def outside(found: list[Any]) -> str:
    """What the mark behind a size of the paper's means; empty where none is marked."""
    return f"{OUTSIDE.strip()}: the paper's size lies outside the interval." if any(o.outside for o in found) else ""


def luck(found: list[Any]) -> str:
    """How much of the error is runs' luck, which decides how honest the test is; empty without a test."""
    tested = [one for one in found if one.run_error is not None]
    errors = sum(one.test.error**2 for one in tested)
    if not errors:
        return ""
    share = sum(one.run_error**2 for one in tested) / errors
    return (
        f"{share:.0%} of the squared errors is runs' luck ({len(tested)} claims); what a verdict is worth then is in "
        "docs/statistics.md."
    )


def claims(
    claim: Annotated[list[str] | None, typer.Option(help="show only this one; may be repeated")] = None,
    path: Annotated[Path | None, typer.Option("--claims", help="a file of your own claims, like the paper's")] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.rich,
    as_json: Annotated[bool, typer.Option("--json", help="the same as --format json")] = False,
    others: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="together with this suite of other people and seeds; may be repeated",
            autocompletion=complete.suites,
        ),
    ] = None,
    simulate: Annotated[
        int | None, typer.Option(min=4, help="how honest is the test? This many made-up comparisons instead (minutes)")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=3, help="with --simulate: of a suite with so many seeds")] = None,
    people: Annotated[int | None, typer.Option(min=2, help="with --simulate: and so many test subjects")] = None,
    update: Annotated[
        Path | None, typer.Option(help="with --simulate or --with: renew the marked block of a document")
    ] = None,
) -> None:
    """Judge each claim of the paper: supported, refuted, undecided or not run.

    Paired bootstrap over test subjects and seeds; interval and p are before Holm's correction, which runs over all
    claims of a file (also those not shown), or of each family that it names. The numbers of a claim of several parts
    are those of its weakest, and the paper's size is that part's. Effect is the difference in standard deviations
    between people; power is the chance to find the paper's size, where it gives one. Where fewer than about eight
    claims can be compared, p is somewhat too small (docs/statistics.md).

    With --with: one estimate of each question that suites of other people and seeds tested too, without a verdict.

    Example: harness claims --claim sf-cc-cl
    """
    form = chosen(form, as_json)
    if simulate is not None:
        if others:
            raise UserError("--with and --simulate do not go together; give one")
        goes_alone("--simulate", {"--claim": claim, "--format or --json": form is not Format.rich})
        _simulate(simulate, path, update, seeds, people)
        return
    if (seeds, people) != (None, None):
        raise UserError("--seeds and --people go with --simulate")
    if update is not None and not others:
        raise UserError("--update goes with --simulate or --with: verdicts stand in `harness report`")
    settings = load()
    warn_edited(settings)
    if others:
        if update is not None:
            goes_alone("--update", {"--format or --json": form is not Format.rich})
        if path is not None:
            raise UserError("--with judges each suite by its own claims; leave --claims out")
        _together(settings, list(dict.fromkeys(others)), list(dict.fromkeys(claim or [])), form, update)
        return
    found = judged(settings, path)
    chance, apart = luck(found), families([row(one) for one in found])
    known = [one.claim.key for one in found]
    for key in claim or ():
        if key not in known:
            raise UserError(f"no claim '{key}'; {nearest(key, known)}")
    found = [one for one in found if not claim or one.claim.key in claim]
    if form is Format.json:
        typer.echo(json.dumps([row(one) for one in found], indent=1, ensure_ascii=False))
        return
    if form is Format.md:
        typer.echo("\n\n".join(part for part in (markdown(found), outside(found), apart, chance) if part))
        return
    print_whole(HEADS, [(shown(one), STYLE[one.decision]) for one in found])
    for line in weakest(found):
        console.print(line, markup=False)
    for reason in dict.fromkeys(one.reason for one in found if one.reason):
        names = [one.claim.key for one in found if one.reason == reason]
        console.print(f"{reason}: {', '.join(names)}", markup=False)
    console.print("\n".join(line for line in (outside(found), apart, chance, headline(settings)) if line), markup=False)


def print_whole(heads: Sequence[str], rows: list[tuple[Sequence[str], str]]) -> None:
    """A table as wide as it needs to be, each row in its style."""
    table = Table()
    for head in heads:
        table.add_column(head, no_wrap=True)
    for cells, style in rows:
        table.add_row(*cells, style=style)
    Console(width=Console(width=1000).measure(table).maximum, highlight=False).print(table)


def _together(settings: Settings, presets: list[str], keys: list[str], form: Format, update: Path | None) -> None:
    from harness.cli import pool

    found = pool.pooled(settings, presets, keys)
    text = pool.markdown(settings, presets, found)
    if update is not None:
        words = [*(f"--with {preset}" for preset in presets), *(f"--claim {key}" for key in keys)]
        replace_block(update, " ".join(["harness claims", *words]), text)
        console.print(f"{update}: renewed", markup=False)
    elif form is Format.json:
        typer.echo(json.dumps([pool.plain(one) for one in found], indent=1, ensure_ascii=False))
    elif form is Format.md:
        typer.echo(text, nl=False)
    else:
        print_whole(pool.heads(settings, presets), [(pool.shown(one), "") for one in found])
        console.print(pool.ABOUT, markup=False)


def _simulate(count: int, path: Path | None, update: Path | None, seeds: int | None, people: int | None) -> None:
    """Of the designs of docs/statistics.md, or of a planned one under more or less noise."""
    from harness.claims.claim import read_claims
    from harness.claims.simulate import DESIGNS, NOISE, Design, table

    if (seeds is None) != (people is None):
        raise UserError("--seeds and --people go together; give both")
    designs = DESIGNS
    if seeds is not None and people is not None:
        designs = tuple(Design(seeds, people, runs, suits) for runs, suits in NOISE)

    about = ("casia-bn", "gaitset", "rank1")
    claims = [c for c in read_claims(path) if (c.dataset, c.backbone, c.metric) == about]
    if not claims:
        raise UserError(f"{path}: no claim about {', '.join(about)}, which is what is made up")
    text = table(count, claims, designs)
    if update is None:
        typer.echo(text, nl=False)
        return
    planned = "" if seeds is None else f" --seeds {seeds} --people {people}"
    replace_block(update, f"harness claims --simulate{planned}", text)
    console.print(f"{update}: renewed", markup=False)


def markdown(found: list[Any]) -> str:
    """Verdicts as a Markdown table with the reasons below."""
    why = [f"{one.claim.key}: {one.reason}" for one in found if one.reason]
    return "\n".join([markdown_table(HEADS, map(shown, found)), "", *(f"- {line}" for line in (*weakest(found), *why))])
