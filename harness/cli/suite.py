"""``harness suite``: which preset ``params.yaml`` holds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
import yaml

from harness import config
from harness.cli.console import console
from harness.errors import UserError, nearest
from harness.files import atomic_path
from harness.layout import PARAMS

app = typer.Typer(help="Choose a preset: smoke, walkers, paper.", no_args_is_help=True)

_CONF = Path("conf")


def suite_names() -> list[str]:
    """The presets in conf/suite."""
    names = sorted(path.stem for path in (_CONF / "suite").glob("*.yaml"))
    if not names:
        raise UserError(f"{_CONF / 'suite'}: no presets here; run from the repository's root")
    return names


def compose(name: str) -> str:
    """The text of params.yaml for a preset: conf/config.yaml with conf/suite/<name>.yaml over it (Hydra)."""
    if name not in suite_names():
        raise UserError(f"unknown suite '{name}'; {nearest(name, suite_names())}")
    from dvc.utils.hydra import compose_and_dump

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "params.yaml"
        compose_and_dump(file, str(_CONF.resolve()), None, "config", "", [f"suite={name}"])  # pyright: ignore[reportArgumentType]
        return file.read_text()


def use_suite(name: str) -> None:
    """Composes a preset into params.yaml, after checking it."""
    text = compose(name)
    config.check(yaml.safe_load(text), f"conf/suite/{name}.yaml")
    _keep_edits()
    with atomic_path(PARAMS) as scratch:
        scratch.write_text(text)


def _keep_edits() -> None:
    """Puts a params.yaml that is no preset as it stands aside, so that nobody's edits are lost."""
    if not PARAMS.is_file():
        return
    text = PARAMS.read_text(errors="replace")
    if not any(text == compose(name) for name in suite_names()):
        kept = PARAMS.with_suffix(".yaml.bak")
        with atomic_path(kept) as scratch:
            scratch.write_text(text)
        console.print(f"{PARAMS} was edited by hand: kept as {kept}")


@app.command()
def use(name: Annotated[str, typer.Argument(help="smoke, walkers or paper")]) -> None:
    """Compose a preset into params.yaml.

    Example: harness suite use walkers
    """
    use_suite(name)
    console.print(f"{PARAMS}: suite {name}; `harness run` computes it")


@app.command("list")
def list_suites() -> None:
    """List the presets; a star marks the one in use.

    Example: harness suite list
    """
    used = config.load().suite.name if PARAMS.is_file() else None
    for name in suite_names():
        about = yaml.safe_load((_CONF / "suite" / f"{name}.yaml").read_text())["suite"]["about"]
        console.print(f"{'*' if name == used else ' '} {name:10} {about}")
