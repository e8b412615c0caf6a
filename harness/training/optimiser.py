"""Optimisers and their learning rates."""

from __future__ import annotations

import torch
from torch import nn

from harness.config import Optimiser


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


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
