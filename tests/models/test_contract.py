"""What every backbone of ours promises."""

from __future__ import annotations

import pkgutil
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

import models
from harness.config import check as checked
from harness.config import settings_for, value_at
from harness.registry import find, names
from harness.types import Network

SMALL: dict[str, dict[str, Any]] = {
    "gaitset": {"channels": (2, 3, 4), "embedding": 5, "norm": "none", "head_init": "stacked"},
    "gaitgl": {
        "channels": (2, 3, 4),
        "embedding": 5,
        "doubled": False,
        "halving": 3,
        "head": "norm",
        "head_init": "stacked",
    },
    "view_classifier": {"channels": (2, 3, 4), "embedding": 5, "norm": "batch", "head_init": "stacked"},
}
"""Arguments of a small network; a new backbone adds its own."""
BACKBONES = sorted(module.name for module in pkgutil.iter_modules(models.__path__) if not module.ispkg)


def make(name: str) -> Any:
    torch.manual_seed(0)
    return find("backbone", name)(**SMALL[name]).eval()


def frames_of(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, 64, 44, generator=torch.Generator().manual_seed(seed))


def test_every_backbone_is_tried():
    assert set(BACKBONES) == set(SMALL) <= set(names("backbone"))


@pytest.mark.parametrize("name", BACKBONES)
def test_what_a_backbone_says_of_itself(name: str):
    network: Any = make(name)
    assert isinstance(network.ordered, bool) and network.parts > 0 and network.dims > 0
    assert isinstance(network, nn.Module) and isinstance(network, Network)
    assert find("backbone", name).parts == network.parts


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_shapes_and_numbers(name: str):
    network = make(name)
    for frames, lengths in ((1, [1, 1]), (5, [5, 2]), (8, [3, 8])):
        got = network.embed(frames_of(1, 2, frames), torch.tensor(lengths))
        assert got.shape == (2, network.parts, network.dims) and got.dtype == torch.float32
        assert got.isfinite().all()
    assert network.embed(torch.zeros(1, 4, 64, 44), torch.tensor([4])).isfinite().all()
    assert network.embed(torch.ones(1, 4, 64, 44), torch.tensor([4])).isfinite().all()


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_neither_mates_nor_padding_nor_order_of_the_batch_matter(name: str):
    network, frames, lengths = make(name), frames_of(2, 4, 6), torch.tensor([6, 1, 4, 2])
    together = network.embed(frames, lengths)
    for row, length in enumerate(lengths.tolist()):
        frames[row, length:] = float("nan")
        alone = network.embed(frames[row : row + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(alone[0], together[row], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(network.embed(frames, lengths), together, rtol=0, atol=0)
    order = torch.tensor([2, 3, 0, 1])
    torch.testing.assert_close(network.embed(frames[order], lengths[order]), together[order], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_it_is_ordered_if_the_order_of_frames_matters(name: str):
    network, frames, lengths = make(name), frames_of(3, 2, 6), torch.tensor([6, 6])
    same = torch.allclose(network.embed(frames.flip(1), lengths), network.embed(frames, lengths), rtol=1e-4, atol=1e-6)
    assert same is not network.ordered


@pytest.mark.parametrize("name", BACKBONES)
def test_every_weight_is_trained(name: str):
    network, frames = make(name).train(), frames_of(4, 3, 4)
    network(frames, torch.tensor([4, 2, 3])).square().sum().backward()
    idle = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert idle == []


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_weights_carry_everything(name: str):
    one, two = make(name), find("backbone", name)(**SMALL[name]).eval()
    frames, lengths = frames_of(5, 2, 4), torch.tensor([4, 3])
    assert not torch.equal(one.embed(frames, lengths), two.embed(frames, lengths))
    two.load_state_dict(one.state_dict())
    assert torch.equal(one.embed(frames, lengths), two.embed(frames, lengths))


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_frames_stay_as_they_were(name: str):
    frames = frames_of(6, 2, 4)
    before = frames.clone()
    make(name).embed(frames, torch.tensor([4, 2]))
    assert torch.equal(frames, before)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_classifier_if_it_has_one(name: str):
    network = make(name)
    if not callable(getattr(type(network), "classifier", None)):
        pytest.skip("brings no classifier")
    logits = network.classifier(7)(torch.randn(3, network.parts, network.dims))
    assert logits.shape == (3, network.parts, 7)


def test_table_2(root, monkeypatch):
    """Sizes, batches and schedules of the paper's Table 2, as the paper's suite composes them."""
    from harness.cli.suite import compose

    monkeypatch.chdir(root)
    settings = checked(yaml.safe_load(compose("paper")), "paper")
    sizes = {name: (own.channels, own.embedding) for name, own in settings.backbones.items()}  # pyright: ignore
    assert sizes["gaitset"] == ((32, 64, 128), 256)
    assert sizes["gaitset-grew"] == ((32, 64, 128, 256), 256)
    assert sizes["gaitgl"] == ((32, 64, 128), 128)
    assert sizes["gaitgl-doubled"] == ((32, 64, 128, 256), 256)
    for name in sizes:
        own = settings.backbones[name]
        network: Any = find("backbone", own.kind)(**own.model_dump(exclude={"kind"}))
        assert network.dims == own.embedding and network.head.weight.shape[1] == own.channels[-1]  # pyright: ignore

    def training(dataset: str, backbone: str, method: str) -> dict[str, Any]:
        return value_at(settings_for(settings, dataset, backbone), f"methods.{method}.training")

    batches = {("oumvlp", "pretrain"): (32, 16), ("casia-b", "cc"): (8, 16), ("casia-b", "fusion"): (8, 16)}
    batches |= {("outdoor-gait", "cc"): (8, 8), ("outdoor-gait", "fusion"): (8, 8), ("grew", "cc"): (8, 16)}
    for (dataset, method), wanted in batches.items():
        own = training(dataset, "gaitset", method)
        assert (own["subjects"], own["sequences"]) == wanted, (dataset, method)
        assert own["frames"] == 30 and own["optimiser"]["weight_decay"] == 5e-4
        assert own["optimiser"]["lr"] == (0.1 if method == "pretrain" else 1e-4)
        if method != "pretrain":
            assert own["epochs"] == 50 and own["optimiser"]["milestones"] == [3500, 8500]
            assert own["iterations"] == (1000 if dataset == "grew" else 50 if method == "cc" else 100)
    milestones = {
        ("oumvlp", "gaitset", "pretrain"): [50000, 100000, 125000],
        ("oumvlp", "gaitgl", "pretrain"): [150000, 200000, 210000],
        ("casia-b", "gaitset", "upper"): [20000, 40000, 60000, 80000],
        ("casia-b", "gaitgl", "upper"): [70000, 80000],
        ("outdoor-gait", "gaitset", "upper"): [10000, 20000, 30000, 35000],
        ("grew", "gaitset-grew", "upper"): [10000, 20000, 30000, 35000],
    }
    for place, wanted in milestones.items():
        own = training(*place)
        assert own["optimiser"]["milestones"] == wanted, place
        assert own["epochs"] * own["iterations"] >= wanted[-1], place
