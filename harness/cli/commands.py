"""Which commands there are. A command's module is imported when the command is used: most need no torch."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from harness.errors import UserError, nearest

_PIPELINE, _RESULTS, _FILES, _PLACE = "The pipeline", "Results", "Other people's files", "This machine"

COMMANDS = {
    "run": ("harness.cli.run:run", _PIPELINE),
    "suite": ("harness.cli.suite:app", _PIPELINE),
    "data": ("harness.cli.data:app", _PIPELINE),
    "train": ("harness.cli.train:train", _PIPELINE),
    "evaluate": ("harness.cli.train:evaluate", _PIPELINE),
    "plugins": ("harness.cli.plugins:app", _PIPELINE),
    "tables": ("harness.cli.tables:tables_command", _RESULTS),
    "figures": ("harness.cli.figures:figures_command", _RESULTS),
    "claims": ("harness.cli.claims:claims", _RESULTS),
    "across": ("harness.cli.across:across", _RESULTS),
    "audit": ("harness.cli.audit:audit", _RESULTS),
    "explain": ("harness.cli.explain:explain", _RESULTS),
    "diff": ("harness.cli.explain:diff", _RESULTS),
    "report": ("harness.cli.report:report", _RESULTS),
    "views": ("harness.cli.views:views", _RESULTS),
    "publish": ("harness.cli.publish:publish", _RESULTS),
    "verify": ("harness.cli.verify:verify", _RESULTS),
    "again": ("harness.cli.again:again", _RESULTS),
    "track": ("harness.cli.track:app", _RESULTS),
    "submit": ("harness.cli.submit:app", _FILES),
    "checkpoint": ("harness.cli.checkpoint:app", _FILES),
    "embed": ("harness.cli.embed:embed", _FILES),
    "score": ("harness.cli.score:score", _FILES),
    "cluster": ("harness.cli.cluster:cluster", _FILES),
    "env": ("harness.cli.env:env", _PLACE),
    "bench": ("harness.cli.bench:bench", _PLACE),
    "doctor": ("harness.cli.doctor:doctor", _PLACE),
}
"""Name -> where it is, and under which heading the help lists it."""


class Commands(TyperGroup):
    """The commands of :data:`COMMANDS`, each built when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            raise UserError(f"no such command '{cmd_name}'; {nearest(cmd_name, COMMANDS)}")
        place, heading = COMMANDS[cmd_name]
        module, attribute = place.split(":")
        found = getattr(importlib.import_module(module), attribute)
        alone = typer.Typer(rich_markup_mode="rich", add_completion=False, pretty_exceptions_enable=False)
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=cmd_name, rich_help_panel=heading)
        else:
            alone.command(cmd_name, rich_help_panel=heading)(found)
            # With a callback typer keeps the group, so that both kinds are looked up alike.
            alone.callback()(lambda: None)
        group = typer.main.get_group(alone)
        return group.commands[cmd_name]
