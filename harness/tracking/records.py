"""Result files: what a run scored, without anything that depends on the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import UserError
from harness.files import read_json, write_json
from harness.types import Outcome, ResultRecord

if TYPE_CHECKING:
    from harness.evaluation.evaluate import ConditionScore


def write_result(path: Path, key: dict[str, Any], scores: dict[str, ConditionScore]) -> None:
    """Writes scores as JSON. ``key``: suite, dataset, backbone, method, seed, run_id, store.

    ``metrics`` holds each condition's mean, ``conditions`` everything else.
    """
    conditions = {}
    for name, s in scores.items():
        conditions[name] = {
            "mean": s.mean,
            "ranks": {str(k): v for k, v in s.ranks.items()},
            "precision": s.precision,
            "views": s.views,
            "gallery_views": s.gallery_views,
            "per_view": [None if np.isnan(x) else x for x in s.per_view.tolist()],
            "rank1": [[None if np.isnan(x) else x for x in row] for row in s.rank1.tolist()],
            "probes": s.probes.tolist(),
            "unmatched": s.unmatched,
            "subjects": s.subjects,
            "hits": s.hits.tolist(),
            "trials": s.trials.tolist(),
        }
        if s.hits_at:
            conditions[name]["hits_at"] = {str(k): hits.tolist() for k, hits in s.hits_at.items()}
    metrics = {f"rank1_{name}": score.mean for name, score in scores.items()}
    write_json(path, {**key, "metrics": metrics, "conditions": conditions})


def read_provenance(path: Path) -> dict[str, Any]:
    """When, where and from what a run was computed; a file of another shape is a :class:`UserError`."""
    content = read_json(path)
    needed = {"run_id", "inputs", "commit", "seconds", "environment"}
    if not isinstance(content, dict) or not needed <= content.keys():
        raise UserError(f"{path}: not a provenance file of this harness; delete it and run again")
    return content


def read_scores(path: Path) -> dict[str, Any]:
    """A score file as it is; a file of another shape is a :class:`UserError`."""
    content = read_json(path)
    if not isinstance(content, dict) or not {"run_id", "dataset", "metrics"} <= content.keys():
        raise UserError(f"{path}: not a result file of this harness; delete it and run again")
    return content


def read_records(folder: Path) -> list[ResultRecord]:
    """Every number of the result files in ``folder``, in the order of the file names.

    Two files that disagree about one number are a :class:`UserError` that names both.
    """
    records: list[ResultRecord] = []
    seen: dict[tuple[Any, ...], tuple[Path, float]] = {}
    for path in sorted(folder.glob("*.json")):
        for r in _records(path, read_scores(path)):
            place = (r.dataset, r.backbone, r.method, r.variant, r.seed, r.condition, r.view_deg, r.metric)
            other, value = seen.setdefault(place, (path, r.value))
            if value != r.value:
                raise UserError(
                    f"{path}: says {r.value} for {r.method} on {r.condition}, seed {r.seed}, where {other} says "
                    f"{value}; delete the one that is not this run's"
                )
            if other == path:
                records.append(r)
    return records


def read_outcomes(folder: Path) -> dict[str, list[Outcome]]:
    """Metric ("rank1", "rank5") -> hits and trials of every test subject in the result files of ``folder``.

    In the order of the file names.
    """
    found: dict[str, list[Outcome]] = {"rank1": []}
    for path in sorted(folder.glob("*.json")):
        for metric, outcome in _outcomes(path, read_scores(path)):
            found.setdefault(metric, []).append(outcome)
    return found


_KEY = ("dataset", "backbone", "method", "seed", "run_id")


def _records(path: Path, content: Any) -> list[ResultRecord]:
    out = []
    with _whole(path):
        key = {k: content[k] for k in _KEY} | {"variant": content.get("variant", "")}
        for condition, score in content["conditions"].items():
            total = sum(score["probes"])
            numbers = [
                (view, "rank1", value, probes)
                for view, value, probes in zip(score["views"], score["per_view"], score["probes"], strict=True)
                if view is not None and value is not None
            ]
            numbers += [(None, f"rank{rank}", value, total) for rank, value in score["ranks"].items()]
            numbers += [(None, metric, value, total) for metric, value in score.get("precision", {}).items()]
            for view, metric, value, probes in numbers:
                out.append(
                    ResultRecord(**key, condition=condition, view_deg=view, metric=metric, value=value, n_probes=probes)
                )
    return out


def _outcomes(path: Path, content: Any) -> list[tuple[str, Outcome]]:
    out = []
    with _whole(path):
        key = {k: content[k] for k in _KEY} | {"variant": content.get("variant", "")}
        for condition, score in content["conditions"].items():
            who = {"condition": condition, "views": tuple(score["views"]), "subjects": tuple(score["subjects"])}
            trials = np.asarray(score["trials"], dtype=np.int64)
            for rank, found in {"1": score["hits"], **score.get("hits_at", {})}.items():
                hits = np.asarray(found, dtype=np.int64)
                if not hits.shape == trials.shape == (len(who["views"]), len(who["subjects"])):
                    raise ValueError(f"{condition}: hits and trials are not views x subjects")
                out.append((f"rank{rank}", Outcome(**key, **who, hits=hits, trials=trials)))
    return out


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Turns what a file of another shape raises into one line that names it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a result file of this harness ({error!r}); delete it and run again") from None
