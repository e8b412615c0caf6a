"""Results of made-up runs, as the stages leave them: what tables, claims, reports and bundles are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from harness.cli import wiring
from harness.config import load, value_at
from harness.data.sets import protocol_of
from harness.evaluation.evaluate import ConditionScore
from harness.files import read_json, write_json
from harness.identity import lock_digest
from harness.layout import RunName, provenance, result
from harness.tracking.records import write_result

METHODS = ("pretrain", "upper", "cc", "ssf", "scf", "sf", "gaitssb")
VIEWS: list[int | None] = [*range(0, 181, 18)]


def settle(tree: dict[str, Any]) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(tree))


def condition_score(rng, rate: float, people=12) -> ConditionScore:
    trials = np.full((len(VIEWS), people), 20)
    hits = rng.binomial(20, rate, trials.shape)
    per_view = 100 * hits.sum(axis=1) / trials.sum(axis=1)
    mean = float(per_view.mean())
    return ConditionScore(
        views=VIEWS, gallery_views=VIEWS, rank1=np.repeat(per_view[:, None], 11, axis=1), per_view=per_view, mean=mean,
        ranks={1: mean}, probes=np.full(11, 2 * people), unmatched=0,
        subjects=[f"{i:03d}" for i in range(people)], hits=hits,
        trials=trials,
    )  # fmt: skip


def identity_of(method: str, seed: int, variant: str = "") -> str:
    return f"{METHODS.index(method):x}{seed}{variant.encode().hex()[-14:]}".ljust(16, "0")


def record(method: str, seed: int, variant: str = "", rate: float | None = None) -> RunName:
    """A run's score file, epochs and provenance, as the stages leave them."""
    settings = load()
    run = wiring.resolve(settings, method, "gaitset", "target", seed, variant)
    rng = np.random.default_rng([METHODS.index(method), seed])
    rate = 0.3 + 0.08 * METHODS.index(method) if rate is None else rate
    identity = identity_of(method, seed, variant)
    key = {"suite": "smoke", "dataset": "target", "backbone": "gaitset", "method": method, "seed": seed}
    key |= {"variant": variant} if variant else {}
    key |= {"run_id": identity, "store": "ab" * 32, "distance": "part-euclidean"}
    key["protocol"] = asdict(protocol_of("casia-b"))
    scored = {c: condition_score(rng, rate) for c in ("NM", "BG", "CL")}
    write_result(result("smoke", method, "gaitset", "target", seed, variant), key, scored)
    inputs = {
        "method": method,
        "backbone": {"name": run.name.backbone, **run.backbone.model_dump(mode="json")},
        "dataset": run.name.dataset,
        "seed": seed,
        "params": {k: value_at(run.settings, k) for k in run.method.params},
        "compute": {**value_at(run.settings, "compute"), "device": "cpu", "knn": "faiss"},
        "store": "ab" * 32,
        "code": wiring.code_digest(method, run.backbone.kind, run.method.uses_clustering, "cpu"),
        "lock": lock_digest(),
        "parent": identity_of(parent, seed) if (parent := run.method.parent()) else None,
        "view_classifier": None,
    }
    env = {"cpu": "test", "cpu_units": ["AVX2"], "gpu": None, "python": "3.11", "packages": {"torch": "2"}}
    about = {"run_id": identity, "inputs": inputs, "commit": "0" * 12, "command": f"harness train {method}"}
    write_json(provenance("smoke", run.name.stem), {**about, "seconds": 60.0, "environment": env})
    metrics = {"nmi": 0.5, "clusters": 9.0, "outliers": 3.0}
    epochs = [{"epoch": e, "loss": 1.0 / (e + 1), **metrics} for e in range(run.method.training.epochs)]
    write_json(run.name.epochs, {"run_id": identity, "epochs": epochs})
    return run.name


def edit(path: Path, change: Callable[[Any], object]) -> None:
    content = read_json(path)
    change(content)
    write_json(path, content)
