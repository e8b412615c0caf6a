"""Settings, people and a trainer of the smallest size on which a method can be tried in a second."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness import config
from harness.clustering.infomap import Clustering
from harness.errors import UserError
from harness.files import parse_yaml
from harness.presets import compose
from harness.registry import find, plugged
from harness.training.checkpoint import Resume
from harness.training.device import Device, set_up
from harness.training.trainer import Trainer, TrainingTools
from harness.types import Method, Pool, SequenceLabels

DEVICE_VARIABLE = "HARNESS_TEST_DEVICE"
"""Set to "cuda", it has these trainings, and with them every test of a method, run on the GPU."""
PEOPLE, SEQUENCES = 5, 20
_NETWORK = {"channels": [4, 8, 8], "embedding": 8, "norm": "batch"}
_VIDEO = {"channels": [2, 3, 4], "embedding": 8, "head_init": "per-part"}


@functools.cache
def device() -> Device:
    """Where the tests' trainings run: the CPU, or what ``HARNESS_TEST_DEVICE`` says."""
    if os.environ.get(DEVICE_VARIABLE, "cpu") == "cpu":
        return Device(torch.device("cpu"), "fp32", False, 64)
    compute = {"device": os.environ[DEVICE_VARIABLE], "precision": "fp32", "channels_last": False, "extract_frames": 64}
    return set_up(config.Compute.model_validate({**smoke_tree()["compute"], **compute}))


def smoke_tree() -> dict[str, Any]:
    """The smoke suite's parameters, with every installed plug-in under its own defaults."""
    conf = Path(__file__).parents[2] / "conf"
    if not conf.is_dir():
        raise UserError(f"{conf}: no presets there; install the harness from a checkout (pip install --editable)")
    tree = parse_yaml(_composed(conf))
    for name in plugged("method"):
        tree["methods"][name] = find("method", name).Parameters().model_dump(mode="json")
    return tree


@functools.cache
def _composed(conf: Path) -> str:
    return compose("smoke", conf)


def shrink(tree: dict[str, Any]) -> config.Settings:
    """Networks and schedules of the smallest size."""
    tree["backbones"]["gaitset"] |= _NETWORK
    tree["backbones"]["gaitgl"] |= _VIDEO
    tree["methods"]["view_classifier"]["backbone"] |= _NETWORK
    for own in tree["methods"].values():
        if "training" in own:
            own["training"].update(epochs=1, iterations=2, subjects=2, sequences=3, frames=2)
            own["training"]["optimiser"].update(milestones=[], warmup=0)
    tree["methods"]["cc"].update(n=5, s_up=0.2)
    tree["methods"]["fusion"].update(s_up=0.1)
    return config.check(tree, "tiny")


def people(labels: bool) -> tuple[torch.Tensor, Pool]:
    """Twenty sequences of two to four frames of five people, whose patterns differ."""
    rng = np.random.default_rng(0)
    subject, length = np.repeat(np.arange(PEOPLE), 4), rng.integers(2, 5, SEQUENCES)
    patterns = rng.random((PEOPLE, 16, 11)).repeat(4, axis=1).repeat(4, axis=2)
    frames = np.concatenate([patterns[[s] * n] + rng.normal(0, 0.1, (n, 64, 44)) for s, n in zip(subject, length)])
    truth = SequenceLabels(subject.astype(str), np.full(SEQUENCES, "nm-01"), np.tile(["000", "045", "090", "180"], 5))
    pool = Pool(np.cumsum(length) - length, length, truth if labels else None)
    return torch.from_numpy((frames.clip(0, 1) * 255).astype(np.uint8)), pool


def start(
    method: Method, settings: config.Settings, name: str = "gaitset", where: Device | None = None
) -> TrainingTools:
    """Everything around a method: network with seeded weights, frames, pool, clustering, a view classifier's word.

    where: instead of :func:`device`.
    """
    frames, pool = people(method.uses_labels)
    torch.manual_seed(0)
    backbone = getattr(method, "backbone", settings.backbones[name])
    known = PEOPLE if method.uses_labels else 0
    network = method.build(find("backbone", backbone.kind)(**backbone.model_dump(exclude={"kind"})), known)
    cluster = Clustering(True, False, settings.assumed.min_cluster, 1, "exact", 1).fit

    def front_back() -> np.ndarray:
        assert method.uses_view_classifier, "the method asks for views, but uses_view_classifier is False"
        return np.arange(SEQUENCES) < 4

    where = where or device()
    return TrainingTools(0, where.place(network), where.hold(frames), pool, where, cluster, front_back)


def trained(
    method: Method, settings: config.Settings, folder: Path, name: str = "gaitset"
) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """Weights and history after a training of two steps."""
    tools = start(method, settings, name)
    folder.mkdir()
    place = Trainer(tools.device, Resume(folder), lambda plan: {}).fit(method, tools.network, tools)
    return tools.network.state_dict(), place.history
