"""``harness report``: everything that the suite in use has shown, as one page or as Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from harness.cli import complete
from harness.cli.audit import audit_records
from harness.cli.console import console
from harness.cli.evidence import check_records, cost, fewer, headline, histories, own_runs
from harness.cli.figures import renderers
from harness.cli.judged import judged, row
from harness.cli.tables import build_grids
from harness.config import Assumed, Settings, load
from harness.files import atomic_path
from harness.layout import epochs
from harness.report.diagnosis import table as label_table
from harness.standing import applied
from harness.tables.grid import CONTROLS, Grid
from harness.tracking.check import checked_epochs

DEFAULT = Path("report") / "index.html"


def make_report(settings: Settings, beside: str | None = None) -> Any:
    """Collects a :class:`harness.report.content.Report` from the records of the suite in use.

    beside: a preset whose suite is laid beside it.
    """
    from harness.audit.paper import audit_paper
    from harness.cli.beside import beside_preset
    from harness.figures.words import ABOUT, INSTEAD
    from harness.report import again
    from harness.report.beside import Side
    from harness.report.content import Drawing, Report
    from harness.report.diagnosis import answers
    from harness.report.finding import findings
    from harness.report.order import columns, order
    from harness.report.views import profiles
    from harness.tracking.again import read
    from harness.tracking.mlflow import runs_page, tracking_uri, without_secret

    check_records(settings)
    grids = build_grids(settings)
    ranked = columns(grids)
    runs = own_runs(settings)
    pictures, missing = renderers(settings)
    drawings = [Drawing(name, ABOUT[name], INSTEAD[name], pictures[name]) for name in ABOUT if name in pictures]
    groups: dict[str, dict[str, Any]] = {}
    for stem, run in runs.items():
        groups.setdefault(group_of(stem, run), {})[stem] = run
    uri = without_secret(tracking_uri())
    claims = [row(one) for one in judged(settings)]
    labels = pseudo_labels(settings)
    once_more = [one for one in read(settings.suite.name) if one.first.run_id == runs.get(one.run, {}).get("run_id")]
    return Report(
        suite=settings.suite.name,
        title=f'"Unsupervised Gait Recognition with Selective Fusion": suite {settings.suite.preset}',
        findings=findings(claims, ranked, fewer(settings)),
        headline=headline(settings),
        cost=cost(settings),
        grids=grids,
        drawings=drawings,
        missing=missing,
        claims=claims,
        pseudo_labels={f"{b} on {d}": rows for (d, b), found in labels.items() if (rows := label_table(found))},
        diagnosis={f"{b} on {d}": said for (d, b), found in labels.items() if (said := answers(found))},
        order=order(ranked),
        views=profiles(grids),
        twins=twins(settings, runs),
        again=[again.row(one) for one in once_more],
        again_said=again.said(once_more),
        costs=costs(groups),
        digests=digests(runs),
        slips=[(f.where, f.printed, f.computed) for f in audit_paper()],
        stale=audit_records(settings),
        decisions=decisions(settings),
        environment=environment(runs),
        runs=groups,
        links=links(grids, runs),
        mlflow=runs_page(tracking_uri(), uri) if uri.startswith("http") else "",
        beside=beside_preset(settings, Side(grids[0], claims), beside) if beside else None,
    )


def group_of(stem: str, run: dict[str, Any]) -> str:
    """A run's name without its seed: what the seeds of one method share."""
    return re.sub(rf"-s{run['inputs']['seed']}(?=-|$)", "", stem)


def pseudo_labels(settings: Settings) -> dict[tuple[str, str], dict[str, list[Any]]]:
    """(data set, backbone) -> method -> metrics of each epoch for each seed, of all that clusters."""
    suite = settings.suite
    methods = ("cc", "ssf", "scf", "sf", *(f"sf-{v}" for v in suite.variants.get("sf", ())), *CONTROLS, *suite.extra)
    return {(d, b): histories(settings, methods, b, d) for d in suite.datasets for b in suite.backbones}


def twins(settings: Settings, stems: Iterable[str]) -> list[tuple[str, ...]]:
    """The names of runs whose last weights are the same, bit for bit, in groups."""
    found: dict[str, list[str]] = {}
    for stem in stems:
        path = epochs(settings.suite.name) / f"{stem}.json"
        if path.is_file() and (digests := checked_epochs(path).get("digests")):
            found.setdefault(digests[-1]["weights"], []).append(stem)
    return [tuple(names) for names in found.values() if len(names) > 1]


def costs(groups: dict[str, dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Group, its runs, minutes of each and in all."""
    out = []
    for group, runs in groups.items():
        minutes = math.fsum(run["seconds"] for run in runs.values()) / 60  # sum() rounds otherwise from Python 3.12 on
        out.append((group, str(len(runs)), f"{minutes / len(runs):.1f}", f"{minutes:.1f}"))
    total = math.fsum(run["seconds"] for runs in groups.values() for run in runs.values()) / 60
    return [*out, ("all", str(sum(map(len, groups.values()))), "", f"{total:.1f}")]


def digests(runs: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """What the runs were computed from: data, lock and code; several where runs differ."""
    found: dict[tuple[str, str], None] = {}
    for run in runs.values():
        inputs = run["inputs"]
        if "imported" in inputs:
            found[f"weights of {inputs['method']}, from a file", inputs["imported"]] = None
            continue
        found[f"data set {inputs['dataset']}", str(inputs["store"])] = None
        found["lock", str(inputs.get("lock", "not recorded"))] = None
        whose = f"{inputs['method']} ({inputs['backbone']['name']})"
        code = str(inputs.get("code", "not recorded"))
        found[f"code of {whose}", code] = None
        for change in applied(code, inputs.get("compute", {}).get("device", "cpu")):
            since = f"code since, shown on a tiny split to give the same bits: {change['from']} to {change['to']}"
            found[since, change["why"]] = None
    return sorted(found)


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
        plain = {key: _words(value) for key, value in env.items() if key != "packages" and value is not None}
        for key, value in {**plain, "commit": run["commit"], **env.get("packages", {})}.items():
            found.setdefault(key, {})[str(value)] = None
    return {key: ", ".join(values) for key, values in found.items()}


def _words(value: Any) -> str:
    """A value of an environment as people write it."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {own}" for key, own in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def report(
    output: Annotated[Path | None, typer.Option(help="where to write; default: report/index.html or report.md")] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of HTML")] = False,
    beside: Annotated[
        str | None,
        typer.Option(
            help="a preset with the same people and another suite, to be compared", autocompletion=complete.suites
        ),
    ] = None,
) -> None:
    """Write one self-contained page: headline, claims, tables, figures, decisions, environment, provenance.

    Markdown has its figures in a folder beside it: docs/results.md in docs/figures/<suite>.

    Example: harness report --markdown --output docs/results.md
    """
    from harness.report.page import html

    made = make_report(load(), beside)
    target = output or (DEFAULT.with_name("report.md") if as_markdown else DEFAULT)
    if as_markdown:
        write_markdown(made, target)
    else:
        with atomic_path(target) as scratch:
            scratch.write_text(html(made))
    console.print(f"{target}: written", markup=False)


def write_markdown(made: Any, target: Path) -> None:
    """Writes the page, and its figures in figures/<suite> beside it."""
    for drawing in made.drawings:
        with atomic_path(target.parent / _pictures(made) / f"{drawing.name}.png") as scratch:
            scratch.write_bytes(drawing.render("png"))
    with atomic_path(target) as scratch:
        scratch.write_text(markdown_of(made))


def markdown_of(made: Any) -> str:
    """The text of the page alone."""
    from harness.report.markdown import markdown

    return markdown(made, _pictures(made).as_posix())


def _pictures(made: Any) -> Path:
    """The folder of its figures, as seen from the page."""
    return Path("figures") / made.suite
