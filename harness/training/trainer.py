"""The loop that every method shares."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.config import Optimiser
from harness.data.batching import BatchSource
from harness.errors import UserError
from harness.training.checkpoint import Resume
from harness.training.device import Device
from harness.training.extract import extract
from harness.types import Augment, Clusters, EpochPlan, Method, Pool

Report = Callable[[dict[str, Any]], None]
"""Called with what an epoch gave: epoch, loss, the plan's metrics, seconds."""
Observe = Callable[[EpochPlan], dict[str, float]]
"""Diagnostics of a plan, from truths that the method cannot see."""


@dataclass
class TrainingTools:
    """What a method may ask for at the start of an epoch (:class:`harness.types.Tools`)."""

    seed: int
    network: nn.Module
    frames: Tensor
    pool: Pool
    device: Device
    cluster: Callable[[Tensor, int, float], Clusters]
    front_back: Callable[[], npt.NDArray[np.bool_]]
    epoch: int = 0

    def extract(self, augment: Augment | None = None) -> Tensor:
        key = (self.seed, "extract", self.epoch)
        return extract(self.network, self.frames, self.pool, self.device, augment, key)


def make_optimiser(network: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    parameters = [p for p in network.parameters() if p.requires_grad]
    if settings.kind == "sgd":
        return torch.optim.SGD(
            parameters, lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
    return torch.optim.Adam(parameters, lr=settings.lr, weight_decay=settings.weight_decay)


def learning_rate(settings: Optimiser, step: int, since_start: int) -> float:
    """The rate of optimiser step ``step`` (counted for milestones); warm-up counts the run's own steps."""
    rate = settings.lr * settings.gamma ** sum(step >= milestone for milestone in settings.milestones)
    return rate * min(1.0, (since_start + 1) / (settings.warmup + 1))


def set_mode(network: nn.Module, freeze_norm: bool) -> None:
    """Training mode; with ``freeze_norm`` BatchNorm keeps the statistics that it has."""
    network.train()
    if freeze_norm:
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


class Trainer:
    """Trains a method's network on a pool. Everything random is keyed by seed, epoch and step."""

    def __init__(self, device: Device, resume: Resume, report: Report, observe: Observe) -> None:
        self.device, self.resume, self.report, self.observe = device, resume, report, observe

    def fit(self, method: Method, network: nn.Module, tools: TrainingTools) -> list[dict[str, float]]:
        """Runs the epochs that are still to run; returns every epoch's metrics. The last weights are in ``network``."""
        settings = method.training
        optimiser = make_optimiser(network, settings.optimiser)
        first, history = self._restore(method, network, optimiser)
        ordered = bool(getattr(network, "ordered", False))
        source = BatchSource(tools.frames, tools.pool, settings.frames, ordered, tools.seed, self.device.torch)
        for epoch in range(first, settings.epochs):
            began = time.perf_counter()
            tools.epoch = epoch
            plan = method.plan_epoch(epoch, tools.pool, tools)
            planned = time.perf_counter() - began
            set_mode(network, settings.freeze_norm)
            total = 0.0
            for step in range(settings.iterations):
                number = epoch * settings.iterations + step
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate(settings.optimiser, method.first_step + number, number)
                batch = source.batch(plan, epoch, step)
                with self.device.autocast():
                    output = network(batch.frames, batch.lengths)
                loss = method.loss(batch, output)
                if not math.isfinite(value := loss.item()):
                    raise UserError(
                        f"training stopped: the loss is {value} at epoch {epoch}, step {step}; rows of the batch: "
                        f"{batch.rows.tolist()}; lower the learning rate or look at those sequences"
                    )
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                method.after_step(batch, output, step / settings.iterations)
                total += value
            metrics = {"epoch": epoch, "loss": total / settings.iterations, **plan.metrics, **self.observe(plan)}
            history.append(metrics)
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "method": method.state()}
            self.resume.save(epoch, {**state, "epoch": epoch, "history": history})
            self.report({**metrics, "seconds": time.perf_counter() - began, "plan_seconds": planned})
        return history

    def _restore(
        self, method: Method, network: nn.Module, optimiser: torch.optim.Optimizer
    ) -> tuple[int, list[dict[str, float]]]:
        state, notes = self.resume.latest()
        for note in notes:
            self.report({"note": note})
        if state is None:
            return 0, []
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        method.restore(state["method"])
        self.report({"note": f"resumed after epoch {state['epoch']}"})
        return state["epoch"] + 1, state["history"]
