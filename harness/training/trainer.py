"""The loop that every method shares."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.data.batching import BatchSource
from harness.errors import UserError
from harness.training.checkpoint import Resume
from harness.training.device import Device
from harness.training.distributed import Ranks
from harness.training.extract import extract
from harness.training.feed import ahead
from harness.training.listener import Listener
from harness.training.optimiser import learning_rate, make_optimiser, set_rate
from harness.training.state import Place, capture, restore
from harness.types import Augment, Clusters, EpochPlan, Method, Pool

Observe = Callable[[EpochPlan], dict[str, float]]
"""Diagnostics of a plan, from truths that the method cannot see."""


class DivergenceError(UserError):
    """Loss, outputs or gradients are not numbers any more.

    ``rows`` of the pool were in the batch; the weights are those before it.
    """

    def __init__(self, loss: float, place: Place, rows: npt.NDArray[np.int64]) -> None:
        self.loss, self.rows = loss, rows
        super().__init__(
            f"training stopped: not finite (loss {loss}) at epoch {place.epoch}, step {place.step}; rows of the batch: "
            f"{rows.tolist()}; lower the learning rate or look at those sequences"
        )


@dataclass
class TrainingTools:
    """What a method may ask for at the start of an epoch (:class:`harness.types.Tools`)."""

    seed: int
    network: nn.Module
    frames: Tensor
    pool: Pool
    device: Device
    clustering: Callable[[Tensor, int, float], Clusters]
    front_back: Callable[[], npt.NDArray[np.bool_]]
    ranks: Ranks = field(default_factory=Ranks)
    listener: Listener = field(default_factory=Listener)
    epoch: int = 0

    def extract(self, augment: Augment | None = None) -> Tensor:
        key = (self.seed, "extract", self.epoch)
        heard = partial(self.listener.extracted, total=len(self.pool))
        return extract(self.network, self.frames, self.pool, self.device, augment, key, heard, self.ranks)

    def cluster(self, features: Tensor, n: int, s_up: float) -> Clusters:
        return self.ranks.once(lambda: self.clustering(features, n, s_up))


def set_mode(network: nn.Module, freeze_norm: bool) -> None:
    """Training mode; with ``freeze_norm`` BatchNorm keeps the statistics that it has."""
    network.train()
    if freeze_norm:
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def all_finite(loss: Tensor, output: Any, network: nn.Module) -> bool:
    """Whether loss, outputs and gradients are numbers: a loss may hide a broken output, which memories would keep."""
    outputs = output if isinstance(output, tuple) else (output,)
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    return math.isfinite((loss.detach() + norm + sum(part.detach().float().abs().sum() for part in outputs)).item())


class Trainer:
    """Trains a method's network on a pool. Everything random is keyed by seed, epoch and step.

    resume: where states are kept, or None to keep none (processes after the first).
    """

    def __init__(self, device: Device, resume: Resume | None, observe: Observe) -> None:
        self.device, self.resume, self.observe = device, resume, observe

    def fit(self, method: Method, network: nn.Module, tools: TrainingTools) -> Place:
        """Runs what is still to run; returns every epoch's metrics. The last weights are in ``network``."""
        settings, ranks, listener = method.training, tools.ranks, tools.listener
        optimiser = make_optimiser(network, settings.optimiser)
        place = self._restore(method, network, optimiser, tools)
        model = ranks.wrap(self.device.compiled(network))
        ordered = bool(getattr(network, "ordered", False))
        source = BatchSource(
            tools.frames, tools.pool, settings.frames, ordered, tools.seed, self.device.torch, ranks.rank, ranks.size
        )
        beside = self.device.torch if source.from_host else None
        save = partial(self._save, place, method, network, optimiser, listener)
        while place.epoch < settings.epochs:
            began, tools.epoch = time.perf_counter(), place.epoch
            listener.planning(place.epoch)
            plan = method.plan_epoch(place.epoch, tools.pool, tools)
            planned = time.perf_counter() - began
            set_mode(model, settings.freeze_norm)
            still = range(place.step, settings.iterations)
            for batch in ahead(partial(source.batch, plan, place.epoch), still, beside):
                number = place.epoch * settings.iterations + place.step
                set_rate(optimiser, learning_rate(settings.optimiser, method.first_step + number, number))
                with self.device.autocast():
                    output = model(batch.frames, batch.lengths)
                batch, output = ranks.gather(batch, output)
                loss = method.loss(batch, output)
                optimiser.zero_grad(set_to_none=True)
                (loss * ranks.size).backward()  # gradients are averaged over processes, and each has only its share
                value = loss.item()
                if not all_finite(loss, output, model):
                    raise DivergenceError(value, place, batch.rows)
                optimiser.step()
                method.after_step(batch, output, place.step / settings.iterations)
                place.step, place.total = place.step + 1, place.total + value
                listener.step(place.epoch, place.step - 1, value, len(batch.rows))
                stop = ranks.agree(listener.stopping(), self.device.torch)
                if stop or (self.resume and self.resume.due()):
                    save(number + 1)
                if stop:
                    ranks.agree(stop, self.device.torch)  # nobody leaves before the state is written
                    raise KeyboardInterrupt
            metrics = {"epoch": place.epoch, "loss": place.total / settings.iterations, **plan.metrics}
            place.close_epoch({**metrics, **self.observe(plan)}, plan, network)
            save(place.epoch * settings.iterations)
            spent = time.perf_counter() - began
            listener.epoch({**place.history[-1], "seconds": spent, "plan_seconds": planned})
        return place

    def _save(
        self,
        place: Place,
        method: Method,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        listener: Listener,
        steps: int,
    ) -> None:
        if self.resume and (trouble := self.resume.save(steps, capture(place, method, network, optimiser))):
            listener.note(trouble)

    def _restore(
        self, method: Method, network: nn.Module, optimiser: torch.optim.Optimizer, tools: TrainingTools
    ) -> Place:
        state, notes = tools.ranks.once(lambda: self.resume.latest() if self.resume else (None, []))
        for note in notes:
            tools.listener.note(note)
        if state is None:
            return Place()
        place = restore(state, method, network, optimiser, self.device.torch)
        tools.listener.note(f"resumed {place}")
        return place
