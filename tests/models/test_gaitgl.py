"""GaitGL against a slow float64 forward written from its description, and what must not change an embedding."""

from __future__ import annotations

import pytest
import torch
from slow import near, slow_gaitgl
from torch import Tensor

from harness.training.device import Device
from models.gaitgl import GaitGL

FORMS = {"single": ((3, 4, 5), False, 3), "doubled": ((2, 3, 4, 5), True, 1)}
HEADS = ("norm", "necks")
DIMS = 6


def role(name: str) -> str:
    """Our name of a weight that the slow forward asks for."""
    words = name.split()
    if words[0] == "stage":
        return f"stages.{words[1]}.{words[3]}.{words[4]}.weight"
    return {"power": "pool.power"}.get(name) or ".".join((*words, "weight"))


def normalised(parts: Tensor, weights: dict[str, Tensor], training: bool) -> Tensor:
    """One BatchNorm of every dim, over sequences and parts: f64[B,P,D]."""
    mean, var = weights["norm.norm.running_mean"], weights["norm.norm.running_var"]
    if training:
        mean = parts.mean(dim=(0, 1))
        var = (parts - mean).square().mean(dim=(0, 1))
    return (parts - mean) / (var + 1e-5).sqrt() * weights["norm.norm.weight"] + weights["norm.norm.bias"]


def slow(network: GaitGL, frames: Tensor, lengths: list[int], form: str) -> tuple[Tensor, dict[str, Tensor]]:
    """f64[B,P,D], one sequence after the other, and the float64 weights that it came from."""
    weights = {key: value.detach().double() for key, value in network.state_dict().items()}
    for key, _ in network.named_parameters():
        weights[key].requires_grad_()
    _, doubled, halving = FORMS[form]
    parts = [
        slow_gaitgl(lambda name: weights[role(name)], frames[i, :length].double(), doubled, halving)
        for i, length in enumerate(lengths)
    ]
    found = torch.stack(parts)
    return (found if network.norm is None else normalised(found, weights, network.training)), weights


def make(form: str, head: str, seed: int = 0) -> GaitGL:
    """A small network whose norm has statistics of its own."""
    torch.manual_seed(seed)
    channels, doubled, halving = FORMS[form]
    network = GaitGL(channels, DIMS, doubled, halving, head, "per-part")  # pyright: ignore[reportArgumentType]
    if network.norm is not None:
        norm = network.norm.norm
        for values in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            assert values is not None
            torch.nn.init.uniform_(values, 0.5, 1.5)
    return network.eval()


def frames_of(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, 64, 44, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_forward_equals_the_slow_reference(form: str, head: str):
    network, frames, lengths = make(form, head), frames_of(1, 4, 8), [8, 1, 5, 2]
    got = network(frames, torch.tensor(lengths))
    assert got.shape == (4, 64, DIMS) and torch.equal(got, network.embed(frames, torch.tensor(lengths)))
    wanted = slow(network, frames, lengths, form)[0]
    near(got, wanted)
    assert float(wanted.std(dim=0).max()) > 1e-3  # sequences do differ


@pytest.mark.parametrize(("form", "head"), [("single", "norm"), ("doubled", "necks"), ("doubled", "norm")])
def test_training_and_its_gradients_equal_float64(form: str, head: str):
    network, frames, lengths = make(form, head, seed=1).train(), frames_of(2, 4, 7), [7, 3, 2, 1]
    frames.requires_grad_()
    weighting = torch.randn(4, 64, DIMS, generator=torch.Generator().manual_seed(3))
    wanted, weights = slow(network, frames.detach(), lengths, form)
    (wanted * weighting).sum().backward()
    got = network(frames, torch.tensor(lengths))
    near(got, wanted)
    (got * weighting).sum().backward()
    for key, parameter in network.named_parameters():
        slow_gradient = weights[key].grad
        assert parameter.grad is not None and slow_gradient is not None, key
        assert slow_gradient.abs().max() > 0, key
        near(parameter.grad, slow_gradient, 2e-4)
    assert frames.grad is not None and frames.grad[0].any()
    assert not any(frames.grad[i, length:].any() for i, length in enumerate(lengths))


@pytest.mark.parametrize("form", FORMS)
def test_padding_never_reaches_an_embedding_or_a_gradient(form: str):
    lengths = torch.tensor([6, 1, 4, 2, 5])
    clean, dirty = frames_of(4, 5, 6), frames_of(4, 5, 6)
    for row, length in enumerate(lengths.tolist()):
        dirty[row, length:] = (float("nan"), float("inf"), -float("inf"), 1e30, -1e30)[row]
    found = []
    for frames in (clean, dirty):
        network = make(form, "norm").train()
        embeddings = network(frames, lengths)
        embeddings.square().sum().backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        found.append([embeddings.detach(), *gradients, network.eval()(frames, lengths).detach()])
    for one, two in zip(*found):
        assert one.isfinite().all() and torch.equal(one, two)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_batch_mates_do_not_matter_in_evaluation(form: str, head: str):
    network, frames, lengths = make(form, head), frames_of(5, 5, 9), torch.tensor([9, 2, 7, 1, 3])
    together = network(frames, lengths)
    for row, length in enumerate(lengths.tolist()):
        near(network(frames[row : row + 1, :length], torch.tensor([length])), together[row : row + 1])
    order = torch.tensor([3, 0, 4, 2, 1])
    near(network(frames[order], lengths[order]), together[order])


def test_a_batch_of_lengths_trains_like_its_sequences_one_by_one():
    network, frames, lengths = make("single", "necks").train(), frames_of(6, 4, 8), torch.tensor([8, 2, 6, 4])
    weighting = torch.randn(4, 64, DIMS, generator=torch.Generator().manual_seed(7))
    (network(frames, lengths) * weighting).sum().backward()
    together = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    network.zero_grad()
    for row, length in enumerate(lengths.tolist()):
        alone = network(frames[row : row + 1, :length], torch.tensor([length]))
        (alone * weighting[row : row + 1]).sum().backward()
    alone = [p.grad for p in network.parameters() if p.grad is not None]
    assert len(together) == len(alone) == len(list(network.parameters()))
    for one, two in zip(together, alone):
        near(one, two, 1e-4)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("length", "repeated"), [(1, 3), (2, 4)])
@torch.no_grad()
def test_short_sequences_are_repeated(form: str, length: int, repeated: int):
    network, frames = make(form, "norm"), frames_of(8, 2, length)
    times = repeated // length
    wanted = network(frames.repeat(1, times, 1, 1), torch.tensor([repeated, repeated]))
    assert torch.equal(network(frames, torch.tensor([length, length])), wanted)
    # The second frame of two is seen by the convolutions on both of its sides, so the order counts.
    if length == 2:
        assert not torch.allclose(network(frames.flip(1), torch.tensor([2, 2])), wanted)


@torch.no_grad()
def test_order_of_frames_matters_and_leftover_frames_do_not_aggregate():
    network, frames = make("single", "norm"), frames_of(9, 1, 8)
    assert network.ordered
    whole = network(frames, torch.tensor([8]))
    assert not torch.allclose(network(frames.flip(1), torch.tensor([8])), whole)
    # Frames 6 and 7 fill no window of three: the last is out of every convolution's reach, the one before is not.
    for frame, seen in ((7, False), (6, True)):
        other = frames.clone()
        other[0, frame] = 0
        assert torch.equal(network(other, torch.tensor([8])), whole) is not seen


def test_the_power_is_trained():
    network = make("single", "norm").train()
    network(frames_of(11, 2, 3), torch.tensor([3, 3])).square().sum().backward()
    assert "pool.power" in dict(network.named_parameters())
    assert network.pool.power.grad is not None and network.pool.power.grad.item() != 0


@pytest.mark.parametrize("head", HEADS)
def test_classifiers(head: str):
    network = make("single", head)
    classifier = network.classifier(9)
    logits = classifier(torch.randn(2, 64, DIMS))
    assert logits.shape == (2, 64, 9)
    assert bool((logits.abs() <= 1 + 1e-6).all()) == (head == "necks")
    assert not {id(p) for p in classifier.parameters()} & {id(p) for p in network.parameters()}


@pytest.mark.parametrize(
    ("channels", "embedding", "doubled", "halving"),
    [((32, 64, 128), 128, False, 3), ((32, 64, 128, 256), 256, True, 1)],
)
@torch.no_grad()
def test_published_sizes(channels: tuple[int, ...], embedding: int, doubled: bool, halving: int):
    network = GaitGL(channels, embedding, doubled, halving, "norm", "stacked").eval()
    assert network(frames_of(12, 1, 3), torch.tensor([3])).shape == (1, 64, embedding)
    assert (network.parts, network.dims, network.ordered) == (64, embedding, True)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv3d)]
    assert len(convolutions) == (2 + 1 + 6 * 2 if doubled else 1 + 1 + 3 * 2)
    assert all(m.bias is None for m in convolutions)
    assert [m.stride for m in convolutions].count((3, 1, 1)) == 1
    assert network.head.weight.shape == (64, channels[-1], embedding)
    bound = (6 / ((channels[-1] + 64) * embedding)) ** 0.5  # Xavier's fans of the whole [64,C,D] tensor
    assert 0.98 * bound < float(network.head.weight.abs().max()) <= bound


@torch.no_grad()
def test_the_memory_layout_does_not_matter():
    frames, lengths = frames_of(13, 3, 7), torch.tensor([7, 4, 1])
    plain = make("doubled", "norm")(frames, lengths)
    for channels_last in (False, True):
        placed = Device(torch.device("cpu"), "fp32", channels_last, 64).place(make("doubled", "norm"))
        near(placed(frames, lengths), plain)
