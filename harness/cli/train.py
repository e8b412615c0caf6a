"""``harness train`` and ``harness evaluate``: the stages that DVC runs."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
import typer
from torch import nn

from harness.cli import complete, wiring
from harness.cli.console import console
from harness.cli.imported import import_weights
from harness.cli.launch import launch
from harness.cli.progress import deaf, watched
from harness.config import load
from harness.data.sets import protocol_of
from harness.data.store import SequenceStore
from harness.errors import UserError
from harness.evaluation.diagnostics import diagnose
from harness.evaluation.evaluate import score
from harness.files import write_json
from harness.identity import command_line, commit, environment, run_id
from harness.layout import kept, provenance, result, work
from harness.tracking.events import Events
from harness.tracking.records import write_result
from harness.training import checkpoint
from harness.training.checkpoint import Resume
from harness.training.device import Device, set_up
from harness.training.distributed import Ranks, ranks_of_environment
from harness.training.extract import extract
from harness.training.trainer import DivergenceError, Trainer, TrainingTools
from harness.types import EpochPlan, Pool, SequenceLabels

Method = Annotated[
    str,
    typer.Argument(
        help="pretrain, view_classifier, upper, cc, ssf, scf, sf or gaitssb", autocompletion=complete.methods
    ),
]
BackboneOption = Annotated[
    str, typer.Option(help="a key of `backbones` in params.yaml", autocompletion=complete.backbones)
]
Dataset = Annotated[str, typer.Option(help="the target data set", autocompletion=complete.datasets)]
Seed = Annotated[int, typer.Option(min=0)]
Variant = Annotated[str, typer.Option(help="a key of `variants` in params.yaml; empty: the method as it is")]


@dataclass
class Job:
    """Everything that a training run needs, loaded. ``identity`` is the digest of ``inputs``."""

    run: wiring.Run
    store: SequenceStore
    device: Device
    inputs: dict[str, Any]
    pool: Pool
    truth: SequenceLabels
    network: nn.Module
    tools: TrainingTools

    @property
    def identity(self) -> str:
        return run_id(self.inputs)

    def observe(self, plan: EpochPlan) -> dict[str, float]:
        """Diagnostics of pseudo-labels; supervised plans need none."""
        unsupervised = self.pool.labels is None and plan.classes is not None
        return diagnose(plan, self.truth) if unsupervised else {}

    def name_sequences(self, rows: npt.NDArray[np.int64]) -> str:
        """Sequences of a batch as the data set names them."""
        truth = self.truth
        return ", ".join(f"{truth.subject[r]}/{truth.condition[r]}/{truth.view[r]}" for r in rows)


def assemble(run: wiring.Run, device: Device, ranks: Ranks) -> Job:
    """Opens the store, builds the network and puts a method's tools together."""
    store = wiring.open_store(run.base, run.name.dataset)
    store.verify()
    pool = store.pool("train", labels=run.method.uses_labels)
    frames = device.hold(torch.from_numpy(store.frames))
    subjects = len(set(pool.labels.subject.tolist())) if pool.labels else 0
    network = wiring.build_network(run, device, subjects)
    clustering = wiring.clustering_of(run.settings, device)
    front_back = wiring.front_back_of(run, frames, pool, device, ranks)
    tools = TrainingTools(run.name.seed, network, frames, pool, device, clustering, front_back, ranks)
    inputs = wiring.inputs_of(run, store.digest, device, ranks)
    return Job(run, store, device, inputs, pool, store.labels(store.rows("train")), network, tools)


def kept_step(run: wiring.Run) -> int | None:
    """The step whose state is kept for `harness verify`: before the last tenth of the epochs, one at the least."""
    training = run.method.training
    epochs = training.epochs - max(1, training.epochs // 10)
    return epochs * training.iterations if epochs else None


def train(
    method: Method,
    backbone: BackboneOption = "gaitset",
    dataset: Dataset = "target",
    seed: Seed = 0,
    variant: Variant = "",
) -> None:
    """Trains one method and writes its last weights. A stopped or killed run goes on where it was.

    With compute.ranks above 1 it starts that many processes of itself, as torchrun would.

    Example: harness train cc --backbone gaitset --dataset target --seed 0
    """
    settings = load()
    run = wiring.resolve(settings, method, backbone, dataset, seed, variant)
    if method == "pretrain" and (file := settings.checkpoints.get(backbone)):
        import_weights(run, Path(file))
        return
    ranks, local_rank = ranks_of_environment()
    if settings.compute.ranks > 1 and ranks.size == 1:
        launch(settings.compute.ranks)
        return
    device = set_up(settings.compute, local_rank)
    ranks.connect(device.torch)
    try:
        job = assemble(run, device, ranks)
        if ranks.first:
            _train_and_write(job)
        else:
            with deaf():
                Trainer(device, None, job.observe).fit(run.method, job.network, job.tools)
    except DivergenceError as error:
        raise UserError(f"{error}; they are {job.name_sequences(error.rows)}") from None
    ranks.disconnect()  # all of them together: one that leaves for a mistake must not wait for the others


def _train_and_write(job: Job) -> None:
    run, identity = job.run, job.identity
    suite, training = run.base.suite.name, run.method.training
    events = Events(identity)
    started, began = datetime.now(UTC), time.perf_counter()
    console.print(f"[bold]{run.name.stem}[/] run {identity}: {len(job.pool)} sequences on {job.device.torch}")
    events.write("start", run_id=identity, suite=suite, stem=run.name.stem, inputs=job.inputs)

    def record(metrics: dict[str, Any]) -> None:
        events.write("epoch", metrics=metrics)

    every = float(os.environ.get("HARNESS_CHECKPOINT_SECONDS", "120"))
    resume = Resume(work(identity), every, kept_step(run))
    try:
        with watched(run.name.stem, training.epochs, training.iterations, record) as watch:
            job.tools.listener = watch
            place = Trainer(job.device, resume, job.observe).fit(run.method, job.network, job.tools)
        seconds = time.perf_counter() - began
        checkpoint.save(run.name.checkpoint, wiring.checkpoint_of(run, job.network, identity))
        write_json(run.name.epochs, {"run_id": identity, "epochs": place.history, "digests": place.digests})
        about = {
            "run_id": identity,
            "inputs": job.inputs,
            "commit": commit(),
            "command": command_line(),
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
            "environment": environment(),
        }
        write_json(provenance(suite, run.name.stem), about)
        if resume.kept.is_file():
            kept(identity).parent.mkdir(parents=True, exist_ok=True)
            os.replace(resume.kept, kept(identity))
    except OSError as error:
        raise UserError(
            f"{run.name.folder}: cannot be written ({error.strerror or error}); free some space and run again: "
            f"{resume.folder} holds the state to go on from"
        ) from None
    finally:
        resume.close()
    events.write("trained", seconds=seconds)
    resume.remove()


def evaluate(
    method: Method,
    backbone: BackboneOption = "gaitset",
    dataset: Dataset = "target",
    seed: Seed = 0,
    variant: Variant = "",
) -> None:
    """Scores a trained method on the test split by the data set's official protocol.

    Example: harness evaluate sf --backbone gaitset --dataset target --seed 0
    """
    settings = load()
    if method == wiring.VIEW_CLASSIFIER:
        raise UserError("view_classifier tells views, not people: it is not scored")
    run = wiring.resolve(settings, method, backbone, dataset, seed, variant)
    device = set_up(settings.compute)
    store = wiring.open_store(settings, dataset)
    store.verify()
    network, identity = wiring.trained_network(run, device)
    frames = device.hold(torch.from_numpy(store.frames))
    embeddings = extract(network, frames, store.pool("test", labels=False), device)
    protocol = protocol_of(settings.layout_of(dataset))
    scores = score(embeddings, store.labels(store.rows("test")), protocol, settings.assumed.test_distance)
    key = {
        "suite": settings.suite.name,
        "dataset": dataset,
        "backbone": backbone,
        "method": method,
        "seed": seed,
        **({"variant": variant} if variant else {}),
        "run_id": identity,
        "store": store.digest,
        "distance": settings.assumed.test_distance,
        "protocol": asdict(protocol),
    }
    write_result(result(settings.suite.name, method, backbone, dataset, seed, variant), key, scores)
    events = Events(identity)
    events.write("scores", dataset=dataset, metrics={f"rank1_{name}": s.mean for name, s in scores.items()})
    means = ", ".join(f"{name} {s.mean:.1f}" for name, s in scores.items())
    console.print(f"[bold]{run.name.stem}[/] on {dataset}: {means}")
