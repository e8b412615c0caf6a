"""``harness claims``: a verdict on each of the paper's claims, from result files alone."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from harness.cli.console import console
from harness.cli.evidence import evidence_of, headline
from harness.config import Settings, load
from harness.errors import UserError, nearest

STYLE = {"supported": "green", "refuted": "red", "undecided": "yellow", "not run": "dim"}


class Format(StrEnum):
    rich = "rich"
    md = "md"
    json = "json"


def judged(settings: Settings, path: Path | None = None) -> list[Any]:
    """Every claim of a file (the paper's by default) with its verdict (:class:`harness.claims.judge.Judged`)."""
    from harness.claims.claim import read_claims
    from harness.claims.judge import judge

    evidence = evidence_of(settings)
    return judge(read_claims(path), evidence.outcomes, dict(evidence.stands_for))


def row(one: Any) -> dict[str, Any]:
    """A verdict as plain numbers and words, nothing rounded."""
    test = one.test
    return {
        "claim": one.claim.key,
        "says": one.claim.says,
        "where": one.claim.where,
        "verdict": one.decision,
        "reason": one.reason,
        "paper": one.claim.paper,
        "difference": test and test.difference,
        "interval": test and list(test.interval),
        "effect": test and test.effect,
        "seeds": test and test.seeds,
        "people": test and test.people,
        "p": one.p,
        "p_holm": one.adjusted,
        "power": one.power,
        "detectable": one.detectable,
    }


HEADS = ("claim", "verdict", "paper", "ours (95 %)", "effect", "p (Holm)", "power", "80 % finds")


def shown(one: Any) -> tuple[str, ...]:
    """A verdict as a line of text under :data:`HEADS`."""
    test = one.test
    absent = "—"
    ours = f"{test.difference:+.1f} ({test.interval[0]:+.1f} to {test.interval[1]:+.1f})" if test else absent
    return (
        one.claim.key,
        one.decision,
        absent if one.claim.paper is None else f"{one.claim.paper:+.1f}",
        ours,
        f"{test.effect:+.2f}" if test else absent,
        absent if one.adjusted is None else f"{one.adjusted:.4f}",
        absent if one.power is None else f"{one.power:.0%}",
        absent if one.detectable is None else f"{one.detectable:.1f}",
    )


def claims(
    claim: Annotated[list[str] | None, typer.Option(help="show only this one; may be repeated")] = None,
    path: Annotated[Path | None, typer.Option("--claims", help="a file of your own claims, like the paper's")] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.rich,
    as_json: Annotated[bool, typer.Option("--json", help="the same as --format json")] = False,
) -> None:
    """Judge each claim of the paper: supported, refuted, undecided or not run.

    Paired bootstrap over test subjects and seeds, Holm's correction over all claims (also those not shown). Effect is
    the difference in standard deviations between people; power is the chance to find the paper's size.

    Example: harness claims --claim sf-cc-cl
    """
    settings = load()
    found = judged(settings, path)
    known = [one.claim.key for one in found]
    for key in claim or ():
        if key not in known:
            raise UserError(f"no claim '{key}'; {nearest(key, known)}")
    found = [one for one in found if not claim or one.claim.key in claim]
    if as_json or form is Format.json:
        typer.echo(json.dumps([row(one) for one in found], indent=1, ensure_ascii=False))
        return
    if form is Format.md:
        typer.echo(markdown(found))
        return
    table = Table()
    for head in HEADS:
        table.add_column(head, no_wrap=True)
    for one in found:
        table.add_row(*shown(one), style=STYLE[one.decision])
    Console(width=Console(width=1000).measure(table).maximum, highlight=False).print(table)
    for reason in dict.fromkeys(one.reason for one in found if one.reason):
        names = [one.claim.key for one in found if one.reason == reason]
        console.print(f"{reason}: {', '.join(names)}", markup=False)
    console.print(headline(settings), markup=False)


def markdown(found: list[Any]) -> str:
    """Verdicts as a Markdown table with the reasons below."""
    lines = ["| " + " | ".join(HEADS) + " |", "|" + " --- |" * len(HEADS)]
    lines += ["| " + " | ".join(shown(one)) + " |" for one in found]
    why = [f"- {one.claim.key}: {one.reason}" for one in found if one.reason]
    return "\n".join([*lines, "", *why])
