"""The paper's schedule on CASIA-B: CC, then SF from its weights, on made-up people; epochs with all that is in them."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.bench import extract as extraction
from harness.bench import hardware, material
from harness.bench import train as steps
from harness.bench.alone import Row, timed
from harness.clustering.infomap import Clustering
from harness.clustering.knn import choose_backend
from harness.registry import find
from harness.training.checkpoint import Resume
from harness.training.device import Device, set_up
from harness.training.extract import extract
from harness.training.listener import Listener
from harness.training.trainer import Trainer, TrainingTools
from harness.types import Method

ABOUT = "the paper's schedule"
SIZE = {"backbone": "gaitset", "people": 74, "length": 88, "spread": 40, "cc_epochs": 50, "sf_epochs": 50}
"""CASIA-B's training set: 74 people, 110 sequences each, of 88 frames on average (here 48 to 128)."""
LEAST = {"spread": 0}


class _Epochs(Listener):
    """Keeps each epoch's seconds, those of its plan among them, and its clusters."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.seconds: list[float] = []
        self.plans: list[float] = []
        self.clusters: list[int] = []

    def epoch(self, metrics: dict[str, Any]) -> None:
        self.seconds.append(metrics["seconds"])
        self.plans.append(metrics["plan_seconds"])
        self.clusters.append(int(metrics["clusters"]))
        self.tell(
            f"epoch {metrics['epoch']}: {metrics['seconds']:.2f} s, {metrics['plan_seconds']:.2f} of them its plan"
        )


def rows(size: dict[str, Any], tell: Callable[[str], None]) -> Iterator[Row]:
    """Seconds of an epoch of CC and of SF, and what the whole schedule takes at that rate."""
    settings = material.paper_settings(size)
    device = set_up(settings.compute)
    machine = hardware.measure(device.torch, size["threads"])
    frames, pool = material.people(size["people"], size["length"], size["spread"])
    tell(f"{len(pool)} sequences, {len(frames)} frames")
    network = device.place(material.network(size))
    seconds, held = timed(device.torch, lambda: device.hold(frames))
    yield Row("frames to the device", [seconds], f"{frames.nbytes / 2**30:.2f} GiB, on {held.device.type}")
    clustering = Clustering(True, False, 2, 1, choose_backend(settings.compute.knn), size["threads"])
    asked: list[np.ndarray] = []

    def front_back() -> np.ndarray:
        """The view classifier's work, once; what it says untrained is of no use, so who is front or back is given."""
        if not asked:
            look = find("backbone", "view_classifier")
            shape = settings.methods.view_classifier.backbone.model_dump(exclude={"kind"})
            extract(device.place(look(**shape)), held, pool, device)
            asked.append(material.front_back(len(pool)))
        return asked[0]

    whole, done = 0.0, True
    for name, epochs in (("cc", size["cc_epochs"]), ("sf", size["sf_epochs"])):
        method: Any = find("method", name)(settings)
        planned = method.training.epochs
        method.training = method.training.model_copy(update={"epochs": epochs})
        heard = _Epochs(tell)
        tools = TrainingTools(
            0, network, held, pool, device, clustering.fit, front_back, listener=heard,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            resume = Resume(Path(folder))
            took, _ = timed(device.torch, lambda: _fit(device, resume, method, tools))  # noqa: B023
        # The first epoch also makes kernels ready, and SF's asks the view classifier: the others are like each other.
        middle = statistics.median(heard.seconds[1:] or heard.seconds)
        rate = _operations(size, method, len(frames)) / middle
        yield Row(
            f"epoch of {method.training.iterations} steps, {name.upper()}",
            heard.seconds,
            f"{statistics.median(heard.plans):.2g} s for features and clusters ({heard.clusters[-1]} at the end); "
            f"FLOP utilisation {rate / machine.rate(size['precision']):.0%} ({rate / 1e12:.3g} TFLOP/s)",
        )
        whole += took + (planned - epochs) * middle
        done = done and planned == epochs
    yield Row(
        "CC and SF from beginning to end",
        [whole],
        "all of it ran" if done else "what ran, and the rest at the median of the epochs after the first",
    )


def _fit(device: Device, resume: Resume, method: Method, tools: TrainingTools) -> None:
    try:
        Trainer(device, resume, lambda plan: {}).fit(method, tools.network, tools)
    finally:
        resume.close()


def _operations(size: dict[str, Any], method: Any, frames: int) -> float:
    """What an epoch needs: features once, with SCF once more in other clothes; forward and backward of its steps."""
    training = method.training
    shape = {key: getattr(training, key) for key in ("subjects", "sequences", "frames")}
    step = steps.work({**steps.SIZE, **size, **shape}).operations
    one = extraction.work({**size, "count": 1, "length": 12, "spread": 0}).operations / 12
    return training.iterations * step + (1 + sum(hasattr(stage, "augment") for stage in method.stages)) * frames * one
