"""The report as Markdown: everything but the pictures."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.page import NUMBERS, Report, numbers_of, verdicts
from harness.tables.render import to_markdown


def markdown(report: Report) -> str:
    parts = [
        f"# {report.title}",
        f"{len(report.claims)} claims: {verdicts(report)}.",
        report.headline,
        report.cost,
        to_markdown(report.grids[0], brief=True),
        "## Claims",
        _table(
            ("claim", "verdict", *NUMBERS, "what it says", "reason"),
            [(c["claim"], c["verdict"], *numbers_of(c), c["says"], c["reason"]) for c in report.claims],
        ),
        "## Tables",
        *(to_markdown(grid) for grid in report.grids[1:]),
        "## The paper against itself",
        _table(("where", "printed", "what follows from the rest"), report.slips),
        "## Decisions",
        _table(("key", "in use", "alternatives"), report.decisions),
        "## Environment",
        _table(("what", "which"), list(report.environment.items())),
        "## Runs",
        _table(
            ("run", "id", "commit", "command"),
            [
                (stem, str(run["run_id"]), str(run["commit"]), str(run.get("command", "")))
                for runs in report.runs.values()
                for stem, run in runs.items()
            ],
        ),
    ]
    if report.stale:
        parts += ["Stale records:", "\n".join(f"- {line['record']}: {line['problem']}" for line in report.stale)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
