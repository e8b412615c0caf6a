"""``harness env``: the machine and the libraries, as they stand in every run's provenance."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from harness.cli.console import console


def env(as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """Show what a run's provenance records of this machine: processor, GPU, library versions, lock, threads.

    Example: harness env --json
    """
    from harness.config import load
    from harness.identity import environment
    from harness.layout import PARAMS
    from harness.training.device import set_up

    if PARAMS.is_file():
        set_up(load().compute)
    found = environment()
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for key, value in found.items():
        console.print(f"{key:14} {_plain(value)}", markup=False)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {content}" for key, content in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
