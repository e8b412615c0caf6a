"""``harness explain`` and ``harness diff``: what stands behind a number, and between two runs."""

from __future__ import annotations

import json
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from harness.audit.records import flat
from harness.cli import complete
from harness.cli.console import console
from harness.cli.evidence import every_score, provenances, stands_for
from harness.cli.tables import NAMES, build_grids
from harness.config import Control, Settings, load
from harness.errors import UserError, nearest
from harness.layout import provenance
from harness.registry import plugged
from harness.tables.grid import Cell
from harness.tracking import mlflow


def find_cell(settings: Settings, key: str) -> Cell:
    """The cell of a table by its key, such as "table3/gaitset/cl/sf/90"."""
    stem = key.split("/")[0]
    name = stem.removeprefix("table")
    if name not in NAMES:
        raise UserError(f"no table '{stem}'; {nearest(stem, [f'table{n}' if n.isdigit() else n for n in NAMES])}")
    (grid,) = build_grids(settings, [name])
    cells = dict(grid.cells())
    if not cells:
        raise UserError(
            f"table '{stem}' has no cells in suite {settings.suite.preset}; `harness tables` shows which do"
        )
    if key.lower() not in cells:
        raise UserError(f"no cell '{key}'; {nearest(key, cells) if '/' in key else f'for example {next(iter(cells))}'}")
    return cells[key.lower()]


def stage_of(suite: str, run: dict[str, Any], stem: str, dataset: str) -> str:
    """The DVC stage that scores a run; to repeat it repeats whatever it needs."""
    inputs = run["inputs"]
    method, backbone, seed = inputs["method"], inputs["backbone"]["name"], inputs["seed"]
    place = f"{suite}-{backbone}-{dataset}-{seed}"
    variant = stem.partition(f"-s{seed}-")[2]
    if variant:
        return f"evaluate-{method}-variants@{place}-{variant}"
    if method == "pretrain":
        return f"evaluate-pretrain@{place}"
    kind = "-controls" if method in get_args(Control) else "-extra" if method in plugged("method") else ""
    return f"evaluate{kind}@{place}-{method}"


def behind(settings: Settings, cell: Cell) -> list[dict[str, Any]]:
    """For each run behind a cell: its files, identity, inputs, environment, and how to make it again."""
    suite = settings.suite.name
    runs = provenances(settings)
    by_id = {run["run_id"]: (stem, run) for stem, run in runs.items()}
    # A run of the source is scored on every data set: the cell says which of its score files is meant.
    dataset = stands_for(settings).get(cell.place.dataset) if cell.place else None
    scored_runs = every_score(settings)
    files = {s["run_id"]: path for path, s in scored_runs.items() if dataset in (None, s["dataset"])}
    out = []
    for run_id, value in zip(cell.runs, cell.ours, strict=True):
        if run_id not in by_id:
            out.append({"run_id": run_id, "value": value, "scores": str(files.get(run_id)), "provenance": None})
            continue
        stem, run = by_id[run_id]
        inputs = run["inputs"]
        scored = scored_runs[files[run_id]]
        out.append(
            {
                "value": value,
                "run_id": run_id,
                "seed": inputs["seed"],
                "scores": str(files[run_id]),
                "provenance": str(provenance(suite, stem)),
                "commit": run["commit"],
                "command": run.get("command", "not recorded"),
                "params": {
                    "backbone": inputs["backbone"],
                    **inputs.get("params", {}),
                    "compute": inputs.get("compute"),
                },
                "data": inputs.get("store"),
                "scored_on": scored["store"],
                "lock": inputs.get("lock"),
                "code": inputs.get("code"),
                "imported": inputs.get("imported"),
                "parents": {role: inputs[role] for role in ("parent", "view_classifier") if inputs.get(role)},
                "environment": run["environment"],
                "mlflow": mlflow.address_of(suite, stem, run_id),
                "again": f"dvc repro --force {stage_of(suite, run, stem, scored['dataset'])}",
            }
        )
    return out


def explain(
    cell: Annotated[str, typer.Argument(help="a cell's key, as the csv and json formats of `harness tables` print it")],
    as_json: Annotated[bool, typer.Option("--json", help="print as JSON")] = False,
) -> None:
    """Print what stands behind a cell: runs, seeds, commit, parameters, data, lock, environment, command, MLflow run.

    Example: harness explain table3/gaitset/cl/sf/90
    """
    settings = load()
    found = find_cell(settings, cell)
    runs = behind(settings, found)
    if as_json:
        numbers = {"mean": found.mean, "seeds": found.seeds, "people": found.people, "paper": found.paper}
        typer.echo(json.dumps({"cell": cell, **numbers, "why": found.why, "runs": runs}, indent=1, ensure_ascii=False))
        return
    shown = "—" if found.mean is None else f"{found.mean:.2f}"
    ranges = {"seeds": found.seeds, "people": found.people}
    shown += "".join(f", 95 % over {of} {r[0]:.2f} to {r[1]:.2f}" for of, r in ranges.items() if r is not None)
    console.print(f"{cell}: ours {shown}; the paper's {found.paper or '—'}", markup=False)
    if found.why:
        console.print(found.why, markup=False)
    trees = [flat(run) for run in runs]
    first = trees[0] if len(trees) > 1 else {}
    shared = {key: value for key, value in first.items() if all(tree.get(key) == value for tree in trees)}
    for tree in trees:
        _show("", {key: value for key, value in tree.items() if key not in shared})
    if shared:
        _show("all of them:", shared)


def _show(title: str, tree: dict[str, Any]) -> None:
    """A line for each value that is there."""
    console.print(title)
    for key, value in tree.items():
        if value is not None:
            text = f"{value:.10g}" if isinstance(value, float) else str(value)
            console.print(f"  {key:48} {text}", markup=False)


def _run(settings: Settings, name: str) -> tuple[str, dict[str, Any]]:
    """A run by the stem of its files or the beginning of its id."""
    runs = provenances(settings)
    if name in runs:
        return name, runs[name]
    matching = [stem for stem, run in runs.items() if len(name) >= 4 and run["run_id"].startswith(name)]
    if len(matching) > 1:
        raise UserError(f"run id '{name}' begins several runs: {', '.join(matching)}; give more of it")
    if not matching:
        raise UserError(f"no run '{name}' in results/{settings.suite.name}/provenance; {nearest(name, runs)}")
    return matching[0], runs[matching[0]]


def differences(settings: Settings, first: str, second: str) -> list[tuple[str, Any, Any]]:
    """(what, first, second) of all inputs, circumstances and results in which two runs differ."""
    sides = []
    for name in (first, second):
        _, run = _run(settings, name)
        tree = flat({k: v for k, v in run.items() if k != "inputs"}) | flat(run["inputs"], "inputs.")
        for content in every_score(settings).values():
            if content["run_id"] == run["run_id"]:
                tree |= {f"result.{content['dataset']}.{k}": v for k, v in content["metrics"].items()}
        sides.append(tree)
    one, other = sides
    return [(key, one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)]


def diff(
    first: Annotated[
        str,
        typer.Argument(help="a run: the stem of its files, or the beginning of its id", autocompletion=complete.runs),
    ],
    second: Annotated[str, typer.Argument(help="another run", autocompletion=complete.runs)],
    as_json: Annotated[bool, typer.Option("--json", help="print as JSON")] = False,
) -> None:
    """Show what differs between two runs: parameters, data, code, environment and results.

    Example: harness diff cc-gaitset-target-s0 sf-gaitset-target-s0
    """
    found = differences(load(), first, second)
    if as_json:
        typer.echo(
            json.dumps([{"what": k, "first": a, "second": b} for k, a, b in found], indent=1, ensure_ascii=False)
        )
        return
    if not found:
        console.print("no difference")
        return
    table = Table()
    table.add_column("what", no_wrap=True)  # a name that can be searched for
    for head in (first, second):
        table.add_column(head, overflow="fold")
    for key, a, b in found:
        table.add_row(key, *("—" if x is None else str(x) for x in (a, b)))
    console.print(table)
