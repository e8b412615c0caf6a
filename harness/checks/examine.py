"""All checks, in the order in which a user would mend what they find."""

from __future__ import annotations

from harness.checks import machine, packages, repository
from harness.checks.finding import Finding


def examine() -> list[Finding]:
    """What every check found here; reads the working directory."""
    found, settings = repository.parameters()
    compute = settings.compute if settings is not None else None
    findings = [packages.python(), *packages.requirements(), packages.lock()]
    findings.append(machine.device(compute))
    if compute is not None:
        findings.append(machine.precision(compute))
    findings += [machine.faiss(compute), machine.blas(), *machine.memory_and_disk()]
    findings += [found, repository.dvc(), repository.git()]
    if settings is not None:
        findings += repository.data(settings)
    findings.append(repository.mlflow())
    return findings
