"""Puts the rooms together: settings -> store, backbone, method, trainer. The only place that knows them all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.cli.networks import backbone_weights
from harness.clustering.infomap import Clustering
from harness.clustering.knn import choose_backend
from harness.config import Backbone, Settings, for_variant, settings_for, value_at
from harness.counters import torch_rng
from harness.data.store import SequenceStore
from harness.errors import UserError, nearest
from harness.files import sha256
from harness.identity import code_files, lock_digest, versions
from harness.layout import RunName, store
from harness.registry import find, module_of
from harness.standing import standing
from harness.training import checkpoint
from harness.training.device import Device
from harness.training.distributed import Ranks
from harness.training.extract import extract
from harness.types import Clusters, Method, Pool

VIEW_CLASSIFIER = "view_classifier"
_LIBRARIES = ("torch", "numpy", "infomap", "faiss-cpu", "faiss-gpu")


@dataclass(frozen=True)
class Run:
    """One run, resolved. ``settings`` are those of the data set it trains on, ``base`` those of the suite."""

    name: RunName
    base: Settings
    settings: Settings
    method: Method
    backbone: Backbone


def resolve(base: Settings, method: str, backbone: str, dataset: str, seed: int, variant: str = "") -> Run:
    """Looks a run up by the words of the command line."""
    plugin = find("method", method)
    known = {**base.walkers, **base.archives}
    if dataset not in known:
        raise UserError(f"unknown data set '{dataset}'; {nearest(dataset, known)}")
    source = base.suite.views if method == VIEW_CLASSIFIER else base.suite.pretraining
    trained_on = source if plugin.on_source else dataset
    if variant in base.variants and base.variants[variant].method != method:
        raise UserError(f"variant '{variant}' is one of {base.variants[variant].method}, not of {method}")
    settings = for_variant(settings_for(base, trained_on, backbone), variant)
    built: Method = plugin(settings)
    own = getattr(built, "backbone", None)
    if own is None and backbone not in settings.backbones:
        raise UserError(f"unknown backbone '{backbone}'; {nearest(backbone, settings.backbones)}")
    name = RunName(base.suite.name, method, method if own else backbone, trained_on, seed, variant)
    return Run(name, base, settings, built, own or settings.backbones[backbone])


def parent_of(run: Run) -> Run | None:
    """The run whose last weights ``run`` starts from; a variant starts from the main ones."""
    parent = run.method.parent()
    return resolve(run.base, parent, run.name.backbone, run.name.dataset, run.name.seed) if parent else None


def view_classifier_of(run: Run) -> Run | None:
    """The view classifier that ``run`` asks, if it asks one."""
    if not run.method.uses_view_classifier:
        return None
    return resolve(run.base, VIEW_CLASSIFIER, "", run.name.dataset, run.name.seed)


def code_of(method: str, kind: str, clusters: bool) -> list[Path]:
    """The files whose text decides what a run computes; dvc.yaml lists the same (a test)."""
    modules = [
        "harness.training.trainer",
        "harness.data.store",
        module_of("method", method),
        module_of("backbone", kind),
    ]
    if clusters:
        modules += ["harness.clustering.infomap", "harness.evaluation.diagnostics"]
    here = Path(__file__)
    return sorted({*code_files(modules), here, here.with_name("networks.py"), here.with_name("train.py")})


def code_digest(method: str, kind: str, clusters: bool, device: str) -> str:
    """Digest of :func:`code_of`; that of older code where a change since was shown to keep every number."""
    return standing(sha256(*code_of(method, kind, clusters))[:16], device)


def inputs_of(run: Run, store_digest: str, device: Device, ranks: Ranks) -> dict[str, Any]:
    """Everything that the result of a run depends on; its digest is the run's id."""
    compute = value_at(run.settings, "compute")
    del compute["store"]  # where frames lie changes no number
    others = {"parent": parent_of(run), "view_classifier": view_classifier_of(run)}
    return {
        "method": run.name.method,
        "backbone": {"name": run.name.backbone, **run.backbone.model_dump(mode="json")},
        "dataset": run.name.dataset,
        "seed": run.name.seed,
        "params": {key: value_at(run.settings, key) for key in run.method.params},
        "compute": {
            **compute,
            "device": device.torch.type,
            "ranks": ranks.size,
            "knn": choose_backend(run.settings.compute.knn),
        },
        "store": store_digest,
        "code": code_digest(run.name.method, run.backbone.kind, run.method.uses_clustering, device.torch.type),
        "libraries": versions(_LIBRARIES),
        "lock": lock_digest(),
        **{role: run_id_of(other) if other else None for role, other in others.items()},
    }


def run_id_of(run: Run) -> str:
    """The id under which a run's last weights were made."""
    return checkpoint.load(run.name.checkpoint)["run_id"]


def open_store(settings: Settings, dataset: str) -> SequenceStore:
    """The suite's store of a data set."""
    path = store(settings.suite.name, dataset)
    if not (path / "store.json").is_file():
        make = "prepare --dataset" if dataset in settings.archives else "generate"
        raise UserError(f"{path}: no store; make it with `harness data {make} {dataset}`")
    return SequenceStore(path)


def new_backbone(run: Run) -> nn.Module:
    """A backbone with random weights that depend on the seed alone."""
    seed = int(torch.randint(2**62, (1,), generator=torch_rng(run.name.seed, "weights", run.backbone.kind)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return find("backbone", run.backbone.kind)(**run.backbone.model_dump(exclude={"kind"}))


def build_network(run: Run, device: Device, subjects: int) -> nn.Module:
    """The network before its first step: random weights, or the parent's last. ``subjects`` as in Method.build."""
    backbone = new_backbone(run)
    parent = parent_of(run)
    if parent is not None:
        load_weights(backbone, parent.name.checkpoint)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.name.seed)
        return device.place(run.method.build(backbone, subjects))


def load_weights(network: nn.Module, path: Path, whole: bool = False) -> str:
    """Loads the backbone's last weights, or the ``whole`` network's; returns the id of the run that made them."""
    content = checkpoint.load(path)
    try:
        network.load_state_dict(content["network"] if whole else backbone_weights(content))
    except (KeyError, RuntimeError) as error:
        line = str(error).splitlines()[-1].strip()
        raise UserError(f"{path}: made with another architecture ({line}); make it again with this one") from None
    return content["run_id"]


def checkpoint_of(run: Run, network: nn.Module, identity: str) -> dict[str, Any]:
    """What a finished run leaves: weights, where the backbone's are among them, and what to build to load them."""
    wraps = not isinstance(network, find("backbone", run.backbone.kind))
    return {
        "network": network.state_dict(),
        "prefix": "backbone." if wraps else "",
        "backbone": run.backbone.model_dump(mode="json"),
        "method": run.name.method,
        "run_id": identity,
    }


def trained_network(run: Run, device: Device) -> tuple[nn.Module, str]:
    """The network with its last weights, and the id of the run that made them."""
    backbone = new_backbone(run)
    network = run.method.build(backbone, 0)
    return device.place(network), load_weights(network, run.name.checkpoint, whole=network is not backbone)


def clustering_of(settings: Settings, device: Device):
    """A function (features, n, s_up) -> Clusters as the settings have it."""
    assumed, cc = settings.assumed, settings.methods.cc
    clustering = Clustering(
        self_counted=assumed.neighbour_self == "counted",
        as_distance=assumed.link_threshold == "distance",
        min_size=assumed.min_cluster,
        seed=cc.infomap_seed,
        backend=choose_backend(settings.compute.knn),
        threads=settings.compute.threads,
    )

    def cluster(features: Tensor, n: int, s_up: float) -> Clusters:
        return clustering.fit(features, n, s_up)

    return cluster


def front_back_of(run: Run, frames: Tensor, pool: Pool, device: Device, ranks: Ranks):
    """A function that asks the view classifier once which sequences are front or back."""
    cache: list[npt.NDArray[np.bool_]] = []

    def front_back() -> npt.NDArray[np.bool_]:
        other = view_classifier_of(run)
        assert other is not None
        if not cache:
            network, _ = trained_network(other, device)
            logits = extract(network, frames, pool, device, ranks=ranks).mean(dim=1)
            cache.append((logits[:, 1] > logits[:, 0]).cpu().numpy())
        return cache[0]

    return front_back
