"""Where a run is, and everything that it needs to go on from there as if it had never stopped."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from harness.types import EpochPlan, Method


@dataclass
class Place:
    """The next step is ``step`` of ``epoch``; ``total`` sums the losses of the steps before it in the epoch.

    history: metrics of each finished epoch; digests: of its labels and of the weights after it.
    """

    epoch: int = 0
    step: int = 0
    total: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    digests: list[dict[str, str]] = field(default_factory=list)

    def close_epoch(self, metrics: dict[str, float], plan: EpochPlan, network: nn.Module) -> None:
        self.history.append(metrics)
        labels = hashlib.sha256(plan.labels.tobytes()).hexdigest()[:16]
        self.digests.append({"labels": labels, "weights": weights_digest(network)})
        self.epoch, self.step, self.total = self.epoch + 1, 0, 0.0

    def __str__(self) -> str:
        return f"after epoch {self.epoch - 1}" if self.step == 0 else f"in epoch {self.epoch} after {self.step} step(s)"


def capture(place: Place, method: Method, network: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """Tensors and plain values alone. The learning rate follows from the step, and bf16 needs no gradient scaler."""
    return {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "method": method.state(within_epoch=place.step > 0),
        "place": asdict(place),
    }


def restore(
    state: dict[str, Any], method: Method, network: nn.Module, optimiser: torch.optim.Optimizer, device: torch.device
) -> Place:
    """Puts everything back as :func:`capture` found it."""
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    method.restore(_moved(state["method"], device))
    return Place(**state["place"])


def _moved(tree: Any, device: torch.device) -> Any:
    if isinstance(tree, dict):
        return {key: _moved(value, device) for key, value in tree.items()}
    return tree.to(device) if isinstance(tree, torch.Tensor) else tree


def weights_digest(network: nn.Module) -> str:
    """Sixteen hex digits of all weights and buffers, by name and bit for bit."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
