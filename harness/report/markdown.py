"""The report as a Markdown page with its figures as files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report import beside
from harness.report.again import ABOUT as ABOUT_AGAIN
from harness.report.again import HEADS as AGAIN
from harness.report.content import (
    ABOUT_COSTS,
    ABOUT_DIAGNOSIS,
    ABOUT_ORDER,
    ABOUT_TWINS,
    COSTS,
    MAIN_HEADS,
    NUMBERS,
    Report,
    about_claims,
    grouped,
    main_claims,
    numbers_of,
    part_of,
)
from harness.report.diagnosis import HEADS
from harness.report.order import HEADS as ORDER
from harness.report.views import ABOUT as ABOUT_VIEWS
from harness.report.views import HEADS as VIEWS
from harness.tables.grid import Grid
from harness.tables.render import SOURCES, legend, markdown_table, reasons, title, to_markdown

STALE = "## Stale records"
BESIDE = "## Beside suite "
_LONG = 8
"""Columns from which a table's intervals are left out: they would hide the numbers."""


def markdown(report: Report, figures: str) -> str:
    """``figures``: the folder of the figures' PNG files, as seen from the page."""
    (first, claimed), *others = grouped(report.claims)
    parts = [
        f"# {report.title}",
        "Written by `harness report --markdown` from the suite's records; nothing here is edited by hand.",
        f"**{report.findings[0]}**",
        "\n".join(f"- {sentence}" for sentence in report.findings[1:]),
        markdown_table(MAIN_HEADS, rows) if (rows := main_claims(report.claims)) else "",
        to_markdown(report.grids[0].filled(), brief=True),
        report.headline,
        report.cost,
        report.again_said,
        f"**{len(report.stale)} records are stale**: their inputs changed since; the end of this page names them."
        if report.stale
        else "",
        f"## {first}",
        about_claims(report.claims),
        *_claims(claimed),
        *(part for title, claims in others for part in (f"## {title}", *_claims(claims))),
        "## Order of the methods",
        ABOUT_ORDER,
        markdown_table(ORDER, report.order) if report.order else "No table has three methods yet.",
        "\n\n".join(["## Views", ABOUT_VIEWS, markdown_table(VIEWS, report.views)]) if report.views else "",
        *_beside(report),
        "## Diagnosis",
        ABOUT_DIAGNOSIS,
        *(_diagnosis(report, place) for place in report.pseudo_labels),
        "\n".join([f"{ABOUT_TWINS}\n", *(f"- {', '.join(names)}" for names in report.twins)]) if report.twins else "",
        "## Tables",
        SOURCES,
        *(_grid(grid.filled()) for grid in report.grids[1:]),
        "## Figures",
        *(f"![{d.instead}]({figures}/{d.name}.png)\n\n{d.caption}" for d in report.drawings),
        "\n".join(f"- {name} is not there: {why}" for name, why in report.missing.items()),
        "\n\n".join(["## Computed once more", ABOUT_AGAIN, markdown_table(AGAIN, report.again)])
        if report.again
        else "",
        "## Cost",
        ABOUT_COSTS,
        markdown_table(COSTS, report.costs),
        "## The paper against itself",
        markdown_table(("where", "printed", "what follows from the rest"), report.slips),
        "## Decisions",
        markdown_table(("key", "in use", "alternatives"), report.decisions),
        "## Environment",
        markdown_table(("what", "which"), list(report.environment.items())),
        "## Digests",
        markdown_table(("what", "digest"), report.digests),
        "## Runs",
        markdown_table(
            ("run", "id", "commit", "command"),
            [
                (stem, str(run["run_id"]), str(run["commit"]), f"`{run.get('command', 'not recorded')}`")
                for runs in report.runs.values()
                for stem, run in runs.items()
            ],
        ),
    ]
    if report.stale:
        parts += [STALE, "\n".join(f"- {line['record']}: {line['problem']}" for line in report.stale)]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def _claims(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of those that were run with the reasons below, and a line for each reason why others were not."""
    run = [c for c in claims if c["verdict"] != "not run"]
    rows = [(f"{c['says']} ({c['claim']})", c["verdict"], *numbers_of(c), _place(c)) for c in run]
    why: dict[str, list[str]] = {}
    for claim in [*run, *(c for c in claims if c["verdict"] == "not run")]:
        if claim["reason"]:
            why.setdefault(f"{claim['verdict']}: {claim['reason']}", []).append(claim["claim"])
    listed = "\n".join(f"- {reason}: {', '.join(keys)}." for reason, keys in why.items())
    return [
        markdown_table(("claim", "verdict", *NUMBERS, "where the paper says it"), rows)
        if rows
        else "None has been run.",
        listed,
    ]


def _diagnosis(report: Report, place: str) -> str:
    said = "\n".join(f"- **{question}** {found}." for question, found in report.diagnosis.get(place, ()))
    return "\n\n".join(filter(None, (f"**{place}**", markdown_table(HEADS, report.pseudo_labels[place]), said)))


def _beside(report: Report) -> list[str]:
    if (b := report.beside) is None:
        return []
    tables = ((beside.CHANGED, b.changed), (beside.MEANS, b.means), (beside.CLAIMS, b.claims))
    changed, means, claims = (markdown_table(heads, rows) if rows else "" for heads, rows in tables)
    made = f"There: {b.cost}"
    return [
        f"{BESIDE}{b.preset}", b.about, f"**{b.found}**", changed, made, means,
        beside.ABOUT_CLAIMS * bool(b.claims), claims,
    ]  # fmt: skip


def _place(claim: Mapping[str, Any]) -> str:
    return "; ".join(note for note in (claim["where"], part_of(claim)) if note)


def _grid(grid: Grid) -> str:
    """A table, or only why it is empty."""
    if all(not cell.ours for _, cell in grid.cells()):
        return f"**{title(grid)}**\n\n" + "\n".join(f"- {line}" for line in reasons(grid))
    brief = len(grid.columns) >= _LONG
    elsewhere = f"Intervals: `harness tables --intervals --table {grid.number}`, or {grid.stem}.csv." if brief else ""
    parts = (to_markdown(grid, brief).rstrip("\n"), legend(grid, coloured=False), elsewhere)
    return "\n\n".join(filter(None, parts))
