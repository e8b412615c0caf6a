"""A mirror of finished runs in MLflow. The files are the truth: a dead server costs a warning, never a result."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.files import sha256, write_json
from harness.layout import RunName, events, provenance, scores
from harness.tracking.check import checked_epochs, checked_provenance, checked_scores
from harness.tracking.events import read_events

DEFAULT_URI = "sqlite:///mlflow.db"
EXPERIMENT = "selective-fusion"
KIND = ("mlflow.experimentKind", "custom_model_development")
"""A tag of the experiment, by which MLflow 3 opens on its runs; without it, on an empty page about language models."""


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or the embedded sqlite store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def without_secret(uri: str) -> str:
    """The address as it may be shown and published: without a user's name and password, wherever they stand."""
    scheme, mark, rest = uri.partition("://")
    if not mark or scheme in ("sqlite", "file"):
        return uri
    # A password may hold slashes and question marks: what stands before the last @ is hidden, and any query.
    if scheme in ("http", "https") and "@" in (path := rest.partition("/")[2]) and "@" in rest.partition("/")[0]:
        rest = f"{rest.partition('/')[0].rpartition('@')[2]}/{path}"
    else:
        rest = rest.rpartition("@")[2]
    return f"{scheme}{mark}{rest.partition('?')[0]}"


def sync(suite: str, uri: str) -> tuple[int, int]:
    """Sends every recorded run of a suite that the store does not hold yet; returns (sent, already there).

    Safe to repeat and to interrupt: a run that was sent by half is removed and sent again. Raises ``UserError`` when
    the store cannot be reached, and before anything is sent when a file of a run is damaged.
    """
    recorded = _recorded(suite)
    _quick()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = MlflowClient(uri)
        experiment = _experiment(client)
        sent = there = 0
        identities = {}
        for run in recorded:
            identity = _present(client, experiment, run)
            if identity:
                there += 1
            else:
                identity = _send(client, experiment, run)
                sent += 1
            identities[run["stem"]] = {"run_id": run["run_id"], "mlflow": identity}
        marker = {"uri": without_secret(uri), "files": _digest(suite), "experiment": experiment, "runs": identities}
        write_json(_marker(suite, uri), marker)
        return sent, there
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:
        reason = _reason(error, uri)[:200]
        raise UserError(
            f"MLflow store {without_secret(uri)} cannot be reached ({reason}); results are safe, run "
            "`harness track sync` later"
        ) from None


def answers(uri: str) -> str | None:
    """None when the store can be asked, else the reason in one line."""
    _quick()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        MlflowClient(uri).search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:
        return _reason(error, uri)[:120]
    return None


def _reason(error: Exception, uri: str) -> str:
    """What went wrong on one line; MLflow names the address in it."""
    return " ".join(str(error).split()).replace(uri.rstrip("/"), without_secret(uri).rstrip("/"))


def _quick() -> None:
    """Without this a dead server holds every call for over a minute."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")


def is_mirrored(suite: str, uri: str) -> bool:
    """Whether the last :func:`sync` sent the files as they are, without asking the store (which takes seconds)."""
    marker = _marker(suite, uri)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        return False
    return _noted(marker).get("files") == _digest(suite)


def address_of(suite: str, stem: str, run_id: str) -> str:
    """Where MLflow shows a run: its page on a server, its id in a local store, or how to get it there."""
    uri = tracking_uri()
    marker = _marker(suite, uri)
    content = _noted(marker)
    run = content.get("runs", {}).get(stem, {})
    if run.get("run_id") != run_id:
        return f"not mirrored yet: `harness track sync` sends it to {without_secret(uri)}"
    if uri.startswith("http"):
        return f"{without_secret(uri).rstrip('/')}/#/experiments/{content['experiment']}/runs/{run['mlflow']}"
    return f"run {run['mlflow']} in {without_secret(uri)}; `harness track ui` shows it"


def runs_page(uri: str, server: str) -> str:
    """Where ``server`` shows the runs of the store ``uri``; its first page before the first :func:`sync`."""
    marker = _marker("*", uri)  # all suites share the store's one experiment
    numbers = (_noted(path).get("experiment") for path in sorted(marker.parent.glob(marker.name)))
    number = next(filter(None, numbers), None)
    return f"{server.rstrip('/')}/#/experiments/{number}/runs" if number else server


def _noted(marker: Path) -> dict[str, Any]:
    """What the last :func:`sync` noted; nothing where that cannot be read, as it can be sent again."""
    try:
        content = json.loads(marker.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("runs", {}), dict) else {}


def _marker(suite: str, uri: str) -> Path:
    return Path("work") / "mlflow" / f"{suite}-{hashlib.sha256(uri.encode()).hexdigest()[:12]}.json"


def _digest(suite: str) -> str:
    return sha256(*sorted(scores(suite).glob("*.json")), *sorted(provenance(suite, "x").parent.glob("*.json")))


def _recorded(suite: str) -> list[dict[str, Any]]:
    """Provenance of each run with its name, epochs and scores."""
    runs = []
    by_id: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(scores(suite).glob("*.json")):
        content = checked_scores(path)
        by_id.setdefault(content["run_id"], []).append({**content, "path": path})
    for path in sorted(provenance(suite, "x").parent.glob("*.json")):
        run = checked_provenance(path)
        name = _name(suite, path.stem, run["inputs"])
        history = checked_epochs(name.epochs)["epochs"] if name.epochs.is_file() else []
        own = {"stem": path.stem, "suite": suite, "name": name, "history": history}
        runs.append({**run, **own, "scores": by_id.get(run["run_id"], [])})
    return runs


def _name(suite: str, stem: str, inputs: dict[str, Any]) -> RunName:
    main = RunName(suite, inputs["method"], inputs["backbone"]["name"], inputs["dataset"], inputs["seed"])
    return replace(main, variant=stem.removeprefix(main.stem).removeprefix("-"))


def _present(client: Any, experiment: str, run: dict[str, Any]) -> str | None:
    """The store's id of the run when it is there whole with the same scores; an unfinished or old copy is removed."""
    its = " and ".join(f"tags.{key} = '{run[key]}'" for key in ("run_id", "stem", "suite"))  # suites may share a run
    for old in client.search_runs([experiment], its):
        if old.data.tags.get("complete") == _scored(run):
            return old.info.run_id
        client.delete_run(old.info.run_id)
    return None


def _experiment(client: Any) -> str:
    """The number of our experiment, which is made where there is none."""
    found = client.get_experiment_by_name(EXPERIMENT)
    number = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    if not found or found.tags.get(KIND[0]) != KIND[1]:
        client.set_experiment_tag(number, *KIND)
    return number


def _scored(run: dict[str, Any]) -> str:
    """A digest of the run's score files: what was sent, so that a changed protocol is sent again."""
    return sha256(*(score["path"] for score in run["scores"]))[:16]


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}".replace("+", "plus")
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{name}."))
        else:
            flat[name] = str(value)[:500]
    return flat


def _send(client: Any, experiment: str, run: dict[str, Any]) -> str:
    """Sends a run; returns the store's id of it."""
    from mlflow.entities import Metric, Param, RunTag

    inputs = run["inputs"]
    name, variant, seed = run["name"], run["name"].variant, f"-s{inputs['seed']}"
    tags = {
        "mlflow.runName": run["stem"], "stem": run["stem"], "run_id": run["run_id"], "suite": run["suite"],
        "method": inputs["method"], "backbone": inputs["backbone"]["name"], "dataset": inputs["dataset"],
        "seed": str(inputs["seed"]), "commit": run["commit"], "store": inputs.get("store", "none")[:16],
        "variant": variant, "group": f"{run['suite']}/{run['stem'].replace(seed, '', 1)}",
        "parent": inputs.get("parent") or "none", "code": inputs.get("code", "none"),
        "lock": inputs.get("lock", "none"),
    }  # fmt: skip
    lines = read_events(events(run["run_id"])) if events(run["run_id"]).is_file() else []
    # A resumed run reports an epoch again after a kill: the last report counts.
    reports = {line["metrics"]["epoch"]: line for line in lines if line["kind"] == "epoch"}
    epochs = {int(m["epoch"]): (reports.get(m["epoch"], {}).get("time", 0.0), m) for m in run["history"]}
    for epoch, line in reports.items():
        epochs[epoch] = (line["time"], {**epochs.get(epoch, (0, {}))[1], **line["metrics"]})
    start = next((line["time"] for line in lines), 0.0)
    created = client.create_run(experiment, start_time=int(start * 1000) or None, tags=tags)
    identity = created.info.run_id
    end = int(max((line["time"] for line in lines), default=0.0) * 1000)
    # First what runs are compared by: the compare view starts with the first metric that it was sent.
    metrics = [
        Metric(f"{score['dataset']}_{key}", float(value), end, 0)
        for score in run["scores"]
        for key, value in score["metrics"].items()
    ]
    metrics += [
        Metric(key, float(value), int(when * 1000), int(epoch))
        for epoch, (when, values) in sorted(epochs.items())
        for key, value in values.items()
        if key != "epoch"
    ]
    metrics.append(Metric("training_seconds", float(run["seconds"]), end, 0))
    params = [Param(key, value) for key, value in _flatten(inputs).items()]
    for start_at in range(0, len(params), 90):
        client.log_batch(identity, params=params[start_at : start_at + 90])
    for start_at in range(0, len(metrics), 900):
        client.log_batch(identity, metrics=metrics[start_at : start_at + 900])
    artefacts = [provenance(run["suite"], run["stem"]), name.epochs, *(Path(s["path"]) for s in run["scores"])]
    for path in artefacts:
        if path.is_file():
            # The three share their name: each has a folder of its own.
            client.log_artifact(identity, str(path), path.parent.name)
    client.log_batch(identity, tags=[RunTag("complete", _scored(run))])
    client.set_terminated(identity, end_time=end or None)
    return identity
