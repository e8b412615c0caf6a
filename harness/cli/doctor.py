"""``harness doctor``: whether everything that a run needs is here, in plain words."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from harness.checks.examine import examine
from harness.cli.console import console

_MARKS = {"good": "[green]ok     [/]", "warning": "[yellow]warning[/]", "fault": "[red]fault  [/]"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """Say what is installed here and whether it will do; exit code 1 when something needed is missing.

    Example: harness doctor
    """
    findings = examine()
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            console.print(f"{_MARKS[finding.state]} [bold]{finding.subject:9}[/] {finding.text}")
            if finding.advice:
                console.print(f"        {'':9} -> {finding.advice}", markup=False)
        faults = sum(finding.state == "fault" for finding in findings)
        console.print("everything that a run needs is here" if not faults else f"{faults} fault(s): see the arrows")
    if any(finding.state == "fault" for finding in findings):
        raise typer.Exit(1)
