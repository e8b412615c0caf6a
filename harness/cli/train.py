"""``harness train`` and ``harness evaluate``: the stages that DVC runs."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import torch
import typer

from harness.cli import wiring
from harness.cli.console import console
from harness.config import load
from harness.data.sets import protocol_of
from harness.errors import UserError
from harness.evaluation.diagnostics import diagnose
from harness.evaluation.evaluate import score
from harness.files import write_json
from harness.identity import command_line, commit, environment, run_id
from harness.layout import provenance, result, work
from harness.tracking.events import Events
from harness.tracking.records import write_result
from harness.training import checkpoint
from harness.training.checkpoint import Resume
from harness.training.device import set_up
from harness.training.extract import extract
from harness.training.trainer import Trainer, TrainingTools
from harness.types import EpochPlan, Pool, SequenceLabels

Method = Annotated[str, typer.Argument(help="pretrain, view_classifier, upper, cc, ssf, scf, sf or gaitssb")]
BackboneOption = Annotated[str, typer.Option(help="a key of `backbones` in params.yaml")]
Dataset = Annotated[str, typer.Option(help="the target data set")]
Seed = Annotated[int, typer.Option(min=0)]


def train(method: Method, backbone: BackboneOption = "gaitset", dataset: Dataset = "target", seed: Seed = 0) -> None:
    """Trains one method and writes its last weights. A killed run goes on where it was.

    Example: harness train cc --backbone gaitset --dataset target --seed 0
    """
    settings = load()
    run = wiring.resolve(settings, method, backbone, dataset, seed)
    device = set_up(settings.compute)
    store = wiring.open_store(settings, run.name.dataset)
    store.verify()
    inputs = wiring.inputs_of(run, store.digest, device)
    identity = run_id(inputs)
    events = Events(identity)
    pool = store.pool("train", labels=run.method.uses_labels)
    truth = store.labels(store.rows("train"))
    frames = torch.from_numpy(store.frames)
    network = wiring.build_network(run, device)
    tools = TrainingTools(
        seed,
        network,
        frames,
        pool,
        device,
        wiring.clustering_of(run.settings, device),
        wiring.front_back_of(run, frames, pool, device),
    )
    started, began = datetime.now(UTC), time.perf_counter()
    console.print(f"[bold]{run.name.stem}[/] run {identity}: {len(pool)} sequences on {device.torch}")
    events.write("start", run_id=identity, suite=settings.suite.name, stem=run.name.stem, inputs=inputs)

    def report(metrics: dict[str, Any]) -> None:
        if "note" in metrics:
            console.print(metrics["note"])
            return
        events.write("epoch", metrics=metrics)
        console.print(_epoch_line(metrics, run.method.training.epochs))

    resume = Resume(work(identity))
    history = Trainer(device, resume, report, _observer(pool, truth)).fit(run.method, network, tools)
    seconds = time.perf_counter() - began
    checkpoint.save(run.name.checkpoint, {"network": network.state_dict(), "run_id": identity})
    write_json(run.name.epochs, {"run_id": identity, "epochs": history})
    write_json(
        provenance(settings.suite.name, run.name.stem),
        {
            "run_id": identity,
            "inputs": inputs,
            "commit": commit(),
            "command": command_line(),
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
            "environment": environment(),
        },
    )
    events.write("trained", seconds=seconds)
    shutil.rmtree(work(identity), ignore_errors=True)


def _observer(pool: Pool, truth: SequenceLabels):
    """Diagnostics of pseudo-labels; supervised plans need none."""

    def observe(plan: EpochPlan) -> dict[str, float]:
        return diagnose(plan.labels, truth) if pool.labels is None and plan.classes is not None else {}

    return observe


def _epoch_line(metrics: dict[str, Any], epochs: int) -> str:
    shown = [f"epoch {metrics['epoch'] + 1}/{epochs}", f"loss {metrics['loss']:.4f}"]
    for key, text in (("clusters", "clusters"), ("outliers", "outliers")):
        if key in metrics:
            shown.append(f"{text} {metrics[key]:.0f}")
    for key, text in (("links_removed", "s_up removes"), ("purity", "purity"), ("nmi", "NMI")):
        if key in metrics:
            shown.append(f"{text} {metrics[key]:.1%}" if key == "links_removed" else f"{text} {metrics[key]:.3f}")
    return "  " + ", ".join([*shown, f"{metrics['seconds']:.1f} s"])


def evaluate(method: Method, backbone: BackboneOption = "gaitset", dataset: Dataset = "target", seed: Seed = 0) -> None:
    """Scores a trained method on the test split by the data set's official protocol.

    Example: harness evaluate sf --backbone gaitset --dataset target --seed 0
    """
    settings = load()
    if method == wiring.VIEW_CLASSIFIER:
        raise UserError("view_classifier tells views, not people: it is not scored")
    run = wiring.resolve(settings, method, backbone, dataset, seed)
    device = set_up(settings.compute)
    store = wiring.open_store(settings, dataset)
    store.verify()
    network, identity = wiring.trained_network(run, device)
    embeddings = extract(network, torch.from_numpy(store.frames), store.pool("test", labels=False), device)
    protocol = protocol_of(settings.walkers[dataset].layout)
    scores = score(embeddings, store.labels(store.rows("test")), protocol, settings.assumed.test_distance)
    key = {
        "suite": settings.suite.name,
        "dataset": dataset,
        "backbone": backbone,
        "method": method,
        "seed": seed,
        "run_id": identity,
        "store": store.digest,
        "distance": settings.assumed.test_distance,
        "protocol": asdict(protocol),
    }
    write_result(result(settings.suite.name, method, backbone, dataset, seed), key, scores)
    events = Events(identity)
    events.write("scores", dataset=dataset, metrics={f"rank1_{name}": s.mean for name, s in scores.items()})
    means = ", ".join(f"{name} {s.mean:.1f}" for name, s in scores.items())
    console.print(f"[bold]{run.name.stem}[/] on {dataset}: {means}")
