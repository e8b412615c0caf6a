"""A training run of a second: twenty sequences of five people, a small GaitSet, every method."""

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from harness import config
from harness.clustering.infomap import Clustering
from harness.testing.tiny import device
from harness.training.checkpoint import Resume
from harness.training.distributed import Ranks
from harness.training.listener import Listener
from harness.training.state import Place
from harness.training.trainer import Trainer, TrainingTools
from harness.types import Pool, SequenceLabels
from models.gaitset import GaitSet

HERE = device()


def tiny_settings(tree: dict[str, Any]) -> config.Settings:
    """Four epochs of two steps for the supervised methods and the clustering ones, of three for GaitSSB*."""
    methods = tree["methods"]
    for name, steps in (("upper", 2), ("cc", 2), ("fusion", 2), ("gaitssb", 3)):
        own = methods[name]["training"]
        own.update(epochs=4, iterations=steps, subjects=2, sequences=3, frames=2)
        own["optimiser"].update(milestones=[3, 5], warmup=2)
    # At its own rate six sequences a batch make rounding grow a thousandfold in a few steps.
    methods["gaitssb"]["training"]["optimiser"]["lr"] = 1e-3
    methods["cc"].update(n=5, s_up=0.2)
    methods["fusion"]["s_up"] = 0.1
    methods["ssf"]["c_low"] = 0.9
    return config.check(tree, "tiny")


@pytest.fixture
def settings(settings_tree: dict[str, Any]) -> config.Settings:
    return tiny_settings(settings_tree)


def people(labels: bool) -> tuple[torch.Tensor, Pool]:
    rng = np.random.default_rng(0)
    subject, length = np.repeat(np.arange(5), 4), rng.integers(2, 6, 20)
    patterns = rng.random((5, 16, 11)).repeat(4, axis=1).repeat(4, axis=2)
    frames = np.concatenate([patterns[[s] * n] + rng.normal(0, 0.1, (n, 64, 44)) for s, n in zip(subject, length)])
    truth = SequenceLabels(subject.astype(str), np.full(20, "nm-01"), np.full(20, "090"))
    pool = Pool(np.cumsum(length) - length, length, truth if labels else None)
    return torch.from_numpy((frames.clip(0, 1) * 255).astype(np.uint8)), pool


def small() -> GaitSet:
    torch.manual_seed(0)
    return GaitSet((4, 8, 8), 8, "batch", "per-part")


class Ear(Listener):
    """Remembers what it heard; asks the run to stop where ``stop`` (epoch, step) says so."""

    def __init__(self, stop: Callable[[int, int], bool] = lambda epoch, step: False) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[int, int]] = []
        self.stop = stop

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, epoch: int, step: int, loss: float, sequences: int) -> None:
        self.steps.append((epoch, step))

    def stopping(self) -> bool:
        return self.stop(*self.steps[-1])


def fit(
    method: Any,
    folder: Path,
    ear: Listener | None = None,
    every: float = math.inf,
    keep: int | None = None,
    ranks: Ranks | None = None,
) -> tuple[dict[str, torch.Tensor], Place]:
    """Trains the small network, or goes on where the folder's checkpoints end."""
    ranks = ranks or Ranks()
    frames, pool = people(method.uses_labels)
    network = HERE.place(method.build(small(), 0))
    cluster = Clustering(True, False, 2, 1, "exact", 1).fit
    front_back = np.arange(20) % 4 == 0
    tools = TrainingTools(
        0, network, HERE.hold(frames), pool, HERE, cluster, lambda: front_back, ranks, ear or Listener()
    )
    resume = Resume(folder, every, keep) if ranks.first else None
    try:
        place = Trainer(HERE, resume, lambda plan: {}).fit(method, network, tools)
    finally:
        if resume:
            resume.close()
    return network.state_dict(), place


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


@pytest.fixture
def tiny() -> SimpleNamespace:
    return SimpleNamespace(fit=fit, people=people, small=small, equal=equal, Ear=Ear, device=HERE)
