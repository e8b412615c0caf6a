"""GaitSet against a slow float64 forward, and what must not change an embedding."""

import numpy as np
import pytest
import torch
from slow import halve, pyramid, top_of
from torch import Tensor
from torch.nn import functional as F

from models.gaitset import GaitSet
from models.view_classifier import ViewClassifier


def blocks(stage: torch.nn.Module, maps: Tensor) -> Tensor:
    """Two rounds of convolution, norm by running statistics where there is one, and leaky ReLU."""
    for layer in stage.children():
        if isinstance(layer, torch.nn.Conv2d):
            maps = F.conv2d(maps, layer.weight.double(), padding=layer.kernel_size[0] // 2)
        elif isinstance(layer, torch.nn.BatchNorm2d):
            mean, var = layer.running_mean, layer.running_var
            assert mean is not None and var is not None
            scale = layer.weight.double() / (var.double() + layer.eps).sqrt()
            maps = (maps - mean.double()[:, None, None]) * scale[:, None, None] + layer.bias.double()[:, None, None]
        else:
            maps = torch.where(maps > 0, maps, 0.01 * maps)
    return maps


def slow(network: GaitSet, sequence: Tensor) -> Tensor:
    """f64[P,D] of one sequence f32[T,64,44]; two stages of frames end in a halving, one of the set does."""
    frames = [frame.double()[None] for frame in sequence]
    frames = [halve(blocks(network.frame_stages[0], frame)) for frame in frames]
    whole = halve(blocks(network.set_stages[0], top_of(frames)))
    frames = [halve(blocks(network.frame_stages[1], frame)) for frame in frames]
    whole = whole + top_of(frames)
    for number in range(2, len(network.frame_stages)):
        whole = blocks(network.set_stages[number - 1], whole)
        frames = [blocks(network.frame_stages[number], frame) for frame in frames]
        whole = whole + top_of(frames)
    strips = [*pyramid(top_of(frames)), *pyramid(whole)]
    return torch.stack([strip @ weight.double() for strip, weight in zip(strips, network.head.weight)])


def make(channels: tuple[int, ...], norm: str = "batch") -> GaitSet:
    """A small network whose norms have statistics of their own."""
    torch.manual_seed(0)
    network = GaitSet(channels, 8, norm, "per-part")
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for values in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                assert values is not None
                torch.nn.init.uniform_(values, 0.5, 1.5)
    return network.eval()


def frames_of(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, 64, 44, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [(3, 5, 6), (3, 4, 5, 6)])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_forward_equals_the_slow_reference(channels: tuple[int, ...], norm: str):
    network, frames = make(channels, norm), frames_of(1, 2, 4)
    with torch.no_grad():
        got = network(frames, torch.tensor([4, 4]))
    assert got.shape == (2, 62, 8)
    for embedding, sequence in zip(got, frames):
        torch.testing.assert_close(embedding.double(), slow(network, sequence), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_order_of_frames_does_not_matter():
    network, frames = make((4, 8, 8)), frames_of(2, 2, 6)
    order = torch.from_numpy(np.random.default_rng(0).permutation(6))
    lengths = torch.tensor([6, 6])
    torch.testing.assert_close(network(frames[:, order], lengths), network(frames, lengths), rtol=0, atol=1e-6)


@torch.no_grad()
def test_batch_mates_and_padding_do_not_matter():
    network, frames = make((4, 8, 8)), frames_of(3, 3, 6)
    lengths = torch.tensor([6, 2, 5])
    together = network.embed(frames, lengths)
    for number, length in enumerate(lengths.tolist()):
        alone = network.embed(frames[number : number + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(together[number], alone[0], rtol=1e-5, atol=1e-6)
    garbage = frames.clone()
    garbage[1, 2:], garbage[2, 5:] = 1e3, float("inf")
    torch.testing.assert_close(network.embed(garbage, lengths), together, rtol=0, atol=0)
    assert not torch.allclose(network.embed(frames, torch.tensor([6, 6, 6]))[1], together[1])


@pytest.mark.parametrize("channels", [(32, 64, 128), (32, 64, 128, 256)])
@torch.no_grad()
def test_shapes_of_table_2(channels: tuple[int, ...]):
    network = GaitSet(channels, 256, "none", "stacked").eval()
    assert network(frames_of(4, 2, 2), torch.tensor([2, 2])).shape == (2, 62, 256)
    assert (network.parts, network.dims, network.ordered) == (62, 256, False)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    assert len(network.frame_stages) == len(channels) and len(network.set_stages) == len(channels) - 1


@torch.no_grad()
def test_view_classifier_gives_two_logits_a_part():
    torch.manual_seed(0)
    network = ViewClassifier((4, 8, 8), 8, "batch", "stacked").eval()
    frames, lengths = frames_of(5, 3, 2), torch.tensor([2, 2, 1])
    logits = network(frames, lengths)
    assert logits.shape == (3, 62, 2)
    features = network.backbone(frames, lengths) / (1 + 1e-5) ** 0.5  # BNNeck with its first statistics
    wanted = torch.stack([features[:, p] @ network.classifier.weight[p] for p in range(62)], dim=1)
    torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-5)


def test_initial_weights_are_the_references():
    network = GaitSet((32, 64, 128), 256, "none", "stacked")
    bound = (6 / ((128 + 62) * 256)) ** 0.5  # Xavier's fans of the whole [62,128,256] tensor
    assert 0.98 * bound < float(network.head.weight.detach().abs().max()) <= bound
    for whole, single in zip(network.set_stages, list(network.frame_stages)[1:]):
        for left, right in zip(whole.parameters(), single.parameters()):
            assert torch.equal(left, right) and left is not right
    large = GaitSet((32, 64, 128), 256, "none", "per-part").head.weight.detach().abs().max()
    assert float(large) > 10 * bound
