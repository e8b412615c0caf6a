"""``harness report``: everything that the suite in use has shown, as one page or as Markdown."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from harness.cli.audit import audit_records
from harness.cli.claims import judged, row
from harness.cli.console import console
from harness.cli.evidence import cost, headline, provenances
from harness.cli.figures import ABOUT, NETWORKS, RECORDS, write_figures
from harness.cli.tables import build_grids
from harness.config import Assumed, Settings, load
from harness.files import atomic_path
from harness.layout import figures
from harness.tables.grid import Grid

DEFAULT = Path("report") / "index.html"


def make_report(settings: Settings) -> Any:
    """Collects a :class:`harness.report.page.Report` from the records of the suite in use."""
    from harness.audit.paper import audit_paper
    from harness.report.page import Drawing, Report
    from harness.tracking.mlflow import tracking_uri

    grids = build_grids(settings)
    runs = provenances(settings)
    drawings, missing = [], {}
    with tempfile.TemporaryDirectory() as folder:
        _, missing = write_figures(settings, RECORDS, Path(folder))
        for name in ABOUT:
            # What networks are needed for is taken from where `harness figures` left it.
            path = (Path(folder) if name in RECORDS else figures(settings.suite.name)) / f"{name}.svg"
            if path.is_file():
                drawings.append(Drawing(name, ABOUT[name], path.read_bytes()))
            elif name in NETWORKS:
                missing[name] = "`harness figures` draws it where the suite's data and checkpoints are"
    groups: dict[str, dict[str, Any]] = {}
    for stem, run in runs.items():
        groups.setdefault(group_of(stem, run), {})[stem] = run
    uri = tracking_uri()
    return Report(
        title=f'"Unsupervised Gait Recognition with Selective Fusion": suite {settings.suite.preset}',
        headline=headline(settings),
        cost=cost(settings),
        grids=grids,
        drawings=drawings,
        missing=missing,
        claims=[row(one) for one in judged(settings)],
        slips=[(f.where, f.printed, f.computed) for f in audit_paper()],
        stale=audit_records(settings),
        decisions=decisions(settings),
        environment=environment(runs),
        runs=groups,
        links=links(grids, runs),
        mlflow=uri if uri.startswith("http") else "",
    )


def group_of(stem: str, run: dict[str, Any]) -> str:
    """A run's name without its seed: what the seeds of one method share."""
    return re.sub(rf"-s{run['inputs']['seed']}(?=-|$)", "", stem)


def links(grids: list[Grid], runs: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Cell key -> the group of the runs behind it."""
    by_id = {run["run_id"]: group_of(stem, run) for stem, run in runs.items()}
    return {
        key: by_id[cell.runs[0]] for grid in grids for key, cell in grid.cells() if cell.runs and cell.runs[0] in by_id
    }


def decisions(settings: Settings) -> list[tuple[str, str, str]]:
    """Each decision's key, the choice in use, and what else can be chosen."""
    out = []
    for name, info in Assumed.model_fields.items():
        value = getattr(settings.assumed, name)
        others = [str(other) for other in get_args(info.annotation) if other != value]
        out.append((name.replace("_", "-"), str(value), ", ".join(others) or "any number"))
    return out


def environment(runs: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What the runs were made with; several values where they differ."""
    found: dict[str, dict[str, None]] = {}
    for run in runs.values():
        env = run["environment"]
        plain = {key: str(value) for key, value in env.items() if key != "packages" and value is not None}
        for key, value in {**plain, "commit": run["commit"], **env.get("packages", {})}.items():
            found.setdefault(key, {})[str(value)] = None
    return {key: ", ".join(values) for key, values in found.items()}


def report(
    output: Annotated[Path | None, typer.Option(help="where to write; default: report/index.html or report.md")] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of HTML")] = False,
) -> None:
    """Write one self-contained page: headline, claims, tables, figures, decisions, environment, provenance.

    Example: harness report --output report/index.html
    """
    from harness.report.markdown import markdown
    from harness.report.page import html

    made = make_report(load())
    text = markdown(made) if as_markdown else html(made)
    target = output or (DEFAULT.with_name("report.md") if as_markdown else DEFAULT)
    with atomic_path(target) as scratch:
        scratch.write_text(text)
    console.print(f"{target}: written", markup=False)
