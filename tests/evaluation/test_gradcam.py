"""Grad-CAM against gradients taken by hand, and on both kinds of networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from harness.errors import UserError
from harness.evaluation.gradcam import grad_cam
from models.gaitset import GaitSet


class Toy(nn.Module):
    """One linear map of pixels to two channels (over frames or over time), then the mean of each over all."""

    def __init__(self, over_time: bool) -> None:
        super().__init__()
        self.over_time = over_time
        self.maps = nn.Conv3d(1, 2, 1, bias=False) if over_time else nn.Conv2d(1, 2, 1, bias=False)
        with torch.no_grad():
            self.maps.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, *([1] * (self.maps.weight.dim() - 2))))

    def embed(self, frames, lengths):
        if self.over_time:
            return self.maps(frames[:, None]).mean(dim=(2, 3, 4))[:, None]
        return self.maps(frames.reshape(-1, 1, 64, 44)).mean(dim=(0, 2, 3))[None, None]


def flat(embeddings):
    return embeddings.flatten(1)


@pytest.mark.parametrize("over_time", [False, True])
def test_heat_is_the_positive_part_of_weighted_maps(over_time):
    """Channels are +x and -x; likeness to (1, 0) weighs the first alone, so the heat is x over its largest value."""
    frames = torch.rand(1, 3, 64, 44, generator=torch.Generator().manual_seed(1))
    heat = grad_cam(Toy(over_time), frames.clone(), flat, torch.tensor([1.0, 0.0]))
    assert heat.shape == (3, 64, 44) and heat.dtype == np.float32
    assert np.allclose(heat, (frames[0] / frames.max()).numpy(), atol=1e-6)
    assert not grad_cam(Toy(over_time), frames.clone(), flat, torch.tensor([-1.0, 0.0])).any()


def test_on_gaitset_it_leaves_the_network_as_it_was():
    torch.manual_seed(0)
    network = GaitSet((4, 4, 8), 8, "batch", "per-part").train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    frames = torch.zeros(1, 4, 64, 44)
    frames[:, :, 10:50, 15:30] = 1
    other = F.normalize(torch.ones(network.parts * network.dims), dim=0)
    heat = grad_cam(network, frames.clone(), lambda e: F.normalize(e.flatten(1), dim=1), other)
    again = grad_cam(network, frames.clone(), lambda e: F.normalize(e.flatten(1), dim=1), other)
    assert heat.shape == (4, 64, 44) and heat.min() >= 0 and heat.max() in (0.0, 1.0)
    assert np.array_equal(heat, again)
    assert network.training and not any(module._forward_hooks for module in network.modules())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_a_network_without_maps_is_refused():
    class Flat(nn.Module):
        def embed(self, frames, lengths):
            return frames.mean(dim=(1, 2))[:, None]

    with pytest.raises(UserError, match="no feature map"):
        grad_cam(Flat(), torch.rand(1, 2, 64, 44), flat, torch.ones(44))
