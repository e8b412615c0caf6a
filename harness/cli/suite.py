"""``harness suite``: which preset ``params.yaml`` holds."""

from __future__ import annotations

from typing import Annotated

import typer
import yaml

from harness import config, plan
from harness.cli import complete
from harness.cli.console import console
from harness.cli.lockfile import keep_own, refuse_damaged
from harness.cli.plugins import with_extra, write_stamps
from harness.data.sets import data_set
from harness.errors import UserError
from harness.files import atomic_path, parse_yaml
from harness.layout import PARAMS
from harness.presets import compose, planned, preset_section, suite_names

app = typer.Typer(
    help="Choose a preset: tiny, smoke, walkers or paper, or one of their sweeps. Example: harness suite use smoke",
    no_args_is_help=True,
)


def use_suite(name: str, extra: list[str] | None = None) -> None:
    """Composes a preset into params.yaml, with methods of other packages added, after checking it."""
    text = compose(name)
    if extra:
        tree = with_extra(parse_yaml(text), extra)
        text = planned(yaml.safe_dump(tree, sort_keys=False), f"conf/suite/{name}.yaml")
    refuse_damaged(parse_yaml(text)["suite"]["name"])
    _keep_edits()
    with atomic_path(PARAMS) as scratch:
        scratch.write_text(text)
    keep_own(config.load().suite.name)


def _keep_edits() -> None:
    """Puts a params.yaml that is no preset as it stands aside, so that nobody's edits are lost."""
    if not PARAMS.is_file():
        return
    text = PARAMS.read_text(errors="replace")
    if not text.strip() or _is_preset(text):
        return
    kept, number = PARAMS.with_suffix(".yaml.bak"), 1
    while kept.is_file() and kept.read_text(errors="replace") != text:
        number += 1
        kept = PARAMS.with_suffix(f".yaml.bak{number}")
    with atomic_path(kept) as scratch:
        scratch.write_text(text)
    console.print(f"{PARAMS} was edited by hand: kept as {kept}")


def _is_preset(text: str) -> bool:
    """Whether parameters are those of the preset that they name, untouched."""
    try:
        name = parse_yaml(text)["suite"]["preset"]
        return name in suite_names() and text == compose(name)
    except (yaml.YAMLError, TypeError, KeyError, UserError):  # a broken preset is no reason not to use another
        return False


@app.command()
def use(
    name: Annotated[str, typer.Argument(help="one that `harness suite list` shows", autocompletion=complete.suites)],
    extra: Annotated[list[str] | None, typer.Option(help="a method of another package to add; may be repeated")] = None,
) -> None:
    """Compose a preset into params.yaml; dvc.lock then holds what has been computed of it.

    Example: harness suite use walkers
    """
    use_suite(name, extra)
    console.print(f"{PARAMS}: suite {name}; `harness run` computes it")
    print_absent(config.load())


@app.command()
def refresh() -> None:
    """Bring the plan at the end of params.yaml in step with the archives and checkpoints that it names.

    `harness run` does it by itself; `dvc repro` alone needs it.

    Example: harness suite refresh
    """
    changed = plan.refresh(PARAMS, config.load())
    write_stamps(config.load())
    console.print(f"{PARAMS}: plan {'renewed' if changed else 'in step already'}")
    print_absent(config.load())


def print_absent(settings: config.Settings) -> None:
    """One line for each data set that the suite wants and that is not there: what is skipped, and how to get it."""
    for name, skipped in plan.absent(settings).items():
        one = data_set(settings.archives[name].reader)
        console.print(
            f"{one.title} is not here: {skipped}. To have it, {one.ask}; then set archives.{name}.raw in {PARAMS}",
            markup=False,
        )


@app.command("list")
def list_suites() -> None:
    """List the presets; a star marks the one in use.

    Example: harness suite list
    """
    used = config.load().suite.preset if PARAMS.is_file() else None
    for name in suite_names():
        about = preset_section(name).get("about", "")
        console.print(f"{'*' if name == used else ' '} {name:20} {about}", markup=False)
