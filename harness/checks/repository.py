"""The folder it runs in: pipeline, parameters, data, DVC, git, MLflow."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from harness.checks.finding import Finding, fault, good, warning
from harness.config import Settings, load
from harness.data.store import SequenceStore
from harness.errors import UserError
from harness.identity import image, is_images
from harness.layout import PARAMS, store
from harness.plan import absent
from harness.registry import plugged


def dvc() -> Finding:
    if not Path("dvc.yaml").is_file():
        return fault("DVC", "no dvc.yaml here", "run from the repository's root")
    try:
        from dvc import __version__
        from dvc.exceptions import DvcException
        from dvc.repo import Repo
    except Exception as error:
        return fault("DVC", f"cannot be imported ({error})", "make setup")
    try:
        # As `harness run` sets it for good: without git DVC must be told.
        with Repo(config={} if Path(".git").exists() else {"core": {"no_scm": True}}) as repo:
            count, remotes = len(repo.index.stages), ", ".join(repo.config["remote"])
    except DvcException as error:
        text = " ".join(str(error).split())
        return fault("DVC", text, "mend that file, or take it from the repository again: git checkout FILE")
    return good("DVC", f"{__version__}, {count} stages, remote: {remotes or 'none (docs/sharing.md)'}")


def git() -> Finding:
    """Needed for the commit in provenance, and for nothing else."""
    inside = image()
    if inside is not None and is_images():
        return good("git", f"not needed: provenance names the image's commit, {inside['commit']}")
    if shutil.which("git") is None:
        return warning("git", "not installed: provenance will not name a commit", "install git, or leave it so")
    if subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True).returncode != 0:
        return warning("git", "no repository here: provenance will not name a commit", "git clone instead of a copy")
    return good("git", "the commit goes into provenance")


def parameters() -> tuple[Finding, Settings | None]:
    try:
        settings = load()
        extra = f", plug-ins: {', '.join(plugged('method'))}" if plugged("method") else ""
    except UserError as error:
        return fault("params", str(error), "mend the line, or start over with `harness suite use smoke`"), None
    return good("params", f"suite {settings.suite.preset}: {settings.suite.about}{extra}"), settings


def data(settings: Settings) -> Iterator[Finding]:
    """The suite's stores and archives. A store that is absent is made by the first run, if there is what it is made of.

    Frames are not read: that is `harness data verify`'s part.
    """
    suite, plan = settings.suite.name, settings.plan
    for name in (*plan.domains, *plan.archives):
        path = store(suite, name)
        raw = settings.archives[name].raw if name in plan.archives else None
        if path.exists():
            try:
                yield good("data", f"{path}: {len(SequenceStore(path))} sequences")
            except UserError as error:
                yield fault("data", str(error), f"rm -r {path}; the next `harness run` makes it again")
        elif raw is not None and not Path(raw).exists():
            yield fault("data", f"archives.{name}.raw: {raw} is not there", f"mend the path in {PARAMS}, or set null")
        else:
            yield good("data", f"{path}: not there yet, `harness run` makes it")
    for name, skipped in absent(settings).items():
        yield warning("data", f"{name} is not here: {skipped}", f"docs/data.md; then archives.{name}.raw in {PARAMS}")


def mlflow() -> Finding:
    """Whether the store answers. Runs are safe without it."""
    from harness.tracking.mlflow import DEFAULT_URI, answers, tracking_uri, without_secret

    uri = tracking_uri()
    if uri == DEFAULT_URI and not Path("mlflow.db").exists():
        return good("MLflow", f"{uri}, made by the first run (MLFLOW_TRACKING_URI names another)")
    reason = answers(uri)
    if reason is None:
        return good("MLflow", f"{without_secret(uri)} answers")
    advice = "start it; runs are kept here and `harness track sync` sends them later"
    return warning("MLflow", f"{without_secret(uri)} does not answer ({reason})", advice)
