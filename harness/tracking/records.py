"""Result files: what a run scored, without anything that depends on the clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UserError
from harness.evaluation.evaluate import ConditionScore
from harness.files import read_json, write_json
from harness.types import ResultRecord


def write_result(path: Path, key: dict[str, Any], scores: dict[str, ConditionScore]) -> None:
    """Writes scores as JSON. ``key``: suite, dataset, backbone, method, seed, run_id, store.

    ``metrics`` holds the means that DVC compares, ``conditions`` everything else.
    """
    conditions = {}
    for name, s in scores.items():
        conditions[name] = {
            "mean": s.mean,
            "ranks": {str(k): v for k, v in s.ranks.items()},
            "views": s.views,
            "per_view": [None if np.isnan(x) else x for x in s.per_view.tolist()],
            "rank1": [[None if np.isnan(x) else x for x in row] for row in s.rank1.tolist()],
            "probes": s.probes.tolist(),
            "subjects": s.subjects,
            "hits": s.hits.tolist(),
            "trials": s.trials.tolist(),
        }
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
    """Every number of the result files in ``folder``, in the order of the file names."""
    records: list[ResultRecord] = []
    for path in sorted(folder.glob("*.json")):
        records += _records(path, read_scores(path))
    return records


def _records(path: Path, content: Any) -> list[ResultRecord]:
    try:
        key = {k: content[k] for k in ("dataset", "backbone", "method", "seed", "run_id")}
        out = []
        for condition, score in content["conditions"].items():
            total = sum(score["probes"])
            numbers = [
                (view, "rank1", value, probes)
                for view, value, probes in zip(score["views"], score["per_view"], score["probes"], strict=True)
                if view is not None and value is not None
            ]
            numbers += [(None, f"rank{rank}", value, total) for rank, value in score["ranks"].items()]
            for view, metric, value, probes in numbers:
                out.append(
                    ResultRecord(**key, condition=condition, view_deg=view, metric=metric, value=value, n_probes=probes)
                )
        return out
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a result file of this harness ({error!r}); delete it and run again") from None
