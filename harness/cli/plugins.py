"""``harness plugins``: methods and backbones of other packages."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from harness.cli.console import console
from harness.config import Settings, load
from harness.errors import UserError, nearest
from harness.files import read_json, sha256, write_json
from harness.layout import imported, plugin
from harness.registry import find, package_of, plugged

app = typer.Typer(
    help="Methods and backbones that other packages bring. Example: harness plugins list", no_args_is_help=True
)


@app.command("list")
def list_plugins(as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """List what other installed packages add, and what the suite in use runs of it.

    Example: harness plugins list
    """
    rows = [
        {"kind": kind, "name": name, "package": package_of(entry), "module": entry.module}
        for kind in ("method", "backbone")
        for name, entry in plugged(kind).items()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    if not rows:
        console.print("no plug-in is installed; docs/adding.md shows how to write one")
        return
    table = Table("kind", "name", "package", "module")
    for row in rows:
        table.add_row(*row.values())
    console.print(table)


@app.command()
def stamp() -> None:
    """Write what the suite's plug-ins and imported weights are into runs/<suite>, so that DVC sees when they change.

    `harness run` and `harness suite refresh` do it too; before a bare `dvc repro` it is yours to do.

    Example: harness plugins stamp
    """
    settings = load()
    write_stamps(settings)
    console.print(f"suite {settings.suite.name}: {len(settings.suite.extra)} plug-in(s)")


def write_stamps(settings: Settings) -> None:
    """One file for each method of ``suite.extra`` and backbone, and for the weights that a backbone starts from.

    One that is as it should be is left alone: DVC computes again what hangs on a file that changes.
    """
    for backbone in settings.plan.imported:
        file = Path(settings.checkpoints.get(backbone) or "")
        _stamp(imported(settings.suite.name, backbone), {"sha256": sha256(file) if file.is_file() else None})
    for method in settings.suite.extra:
        for backbone in settings.suite.backbones:
            path = plugin(settings.suite.name, method, backbone)
            _stamp(path, {"method": method, "code": _code(method, settings.backbones[backbone].kind)})


def _stamp(path: Path, now: dict[str, Any]) -> None:
    if not path.is_file() or read_json(path) != now:
        write_json(path, now)


def _code(method: str, kind: str) -> str:
    """A digest of all code that a plug-in's run uses, wherever its package is installed."""
    from harness.cli.wiring import code_of

    single = sorted(sha256(path) for path in code_of(method, kind, find("method", method).uses_clustering))
    return hashlib.sha256("".join(single).encode()).hexdigest()


def with_extra(tree: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """A suite's parameters with methods of other packages added, under their own defaults."""
    known = plugged("method")
    for name in names:
        if name not in known:
            raise UserError(f"no installed package brings the method '{name}'; {nearest(name, known)}")
        try:
            own = find("method", name).Parameters().model_dump(mode="json")
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"'{name}' has parameters without defaults ({reason}); write methods.{name} and suite.extra into a "
                "file of conf/suite yourself"
            ) from None
        tree["methods"][name] = own
        tree["suite"]["extra"] = [*dict.fromkeys([*tree["suite"]["extra"], name])]
    return tree
