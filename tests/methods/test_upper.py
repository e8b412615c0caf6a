"""Upper and Pretrain: the losses of decision ``upper-loss``, and a classifier that stays behind after training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from harness import config
from harness.cli import wiring
from harness.cli.networks import backbone_weights, network_of
from harness.errors import UserError
from harness.training import checkpoint
from harness.training.device import Device
from harness.types import Batch, Pool, SequenceLabels
from methods.parts.classified import Classified
from methods.parts.losses import batch_all_triplet, part_cross_entropy
from methods.upper import Upper

CPU = Device(torch.device("cpu"), "fp32", False, 64)
PEOPLE = 3


@pytest.fixture
def settings(settings_tree: dict[str, Any]) -> config.Settings:
    settings_tree["backbones"]["gaitgl"] |= {"channels": [2, 3, 4], "embedding": 5}
    settings_tree["backbones"]["gaitset"] |= {"channels": [2, 3, 4], "embedding": 5}
    settings_tree["methods"]["upper"]["label_smoothing"] = 0.0
    return config.check(settings_tree, "tiny")


def run_of(settings: config.Settings, backbone: str = "gaitgl", method: str = "upper") -> wiring.Run:
    return wiring.resolve(settings, method, backbone, "target", 0)


def batch_of(seed: int = 0) -> Batch:
    """Six sequences of three people, of three to five frames."""
    frames = torch.rand(6, 5, 64, 44, generator=torch.Generator().manual_seed(seed))
    return Batch(frames, torch.tensor([5, 3, 4, 5, 3, 5]), torch.tensor([0, 0, 1, 1, 2, 2]), np.arange(6))


@pytest.mark.parametrize("head", ["norm", "necks"])
def test_gaitgl_trains_with_its_classifier(settings_tree: dict[str, Any], settings: config.Settings, head: str):
    settings_tree["backbones"]["gaitgl"]["head"] = head
    run = run_of(config.check(settings_tree, "tiny"))
    network = wiring.build_network(run, CPU, PEOPLE)
    assert isinstance(network, Classified) and network.ordered and isinstance(run.method, Upper)
    batch = batch_of()
    embeddings, logits = network.train()(batch.frames, batch.lengths)
    assert embeddings.shape == (6, 64, 5) and logits.shape == (6, 64, PEOPLE)
    loss = run.method.loss(batch, (embeddings, logits))
    triplet = batch_all_triplet(embeddings, batch.labels, settings.methods.upper.margin)
    entropy = part_cross_entropy(logits, batch.labels, 0.0)
    torch.testing.assert_close(loss, triplet + entropy)
    assert triplet > 0 and entropy > 0
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert any(p.grad is not None and p.grad.any() for p in network.classifier.parameters())
    before = loss.item()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        optimiser.zero_grad()
        run.method.loss(batch, network(batch.frames, batch.lengths)).backward()
        optimiser.step()
    assert run.method.loss(batch, network(batch.frames, batch.lengths)).item() < 0.9 * before


def test_label_smoothing_is_on_only_when_asked_for(settings_tree: dict[str, Any], settings: config.Settings):
    settings_tree["methods"]["upper"]["label_smoothing"] = 0.2
    plain, smooth = (run_of(own).method for own in (settings, config.check(settings_tree, "smooth")))
    batch = batch_of()
    draw = torch.Generator().manual_seed(0)
    output = torch.randn(6, 64, 5, generator=draw), 3 * torch.randn(6, 64, PEOPLE, generator=draw)
    difference = part_cross_entropy(output[1], batch.labels, 0.2) - part_cross_entropy(output[1], batch.labels, 0.0)
    assert difference.abs() > 1e-3
    torch.testing.assert_close(smooth.loss(batch, output) - plain.loss(batch, output), difference)


def test_gaitset_trains_with_the_triplet_loss_alone(settings: config.Settings):
    run, batch = run_of(settings, "gaitset"), batch_of()
    network = wiring.build_network(run, CPU, PEOPLE)
    assert not isinstance(network, Classified)
    embeddings = network(batch.frames, batch.lengths)
    wanted = batch_all_triplet(embeddings, batch.labels, settings.methods.upper.margin)
    assert torch.equal(run.method.loss(batch, embeddings), wanted)


@pytest.mark.parametrize("method", ["upper", "pretrain"])
def test_its_checkpoint_reloads_into_a_plain_backbone(
    settings: config.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
):
    monkeypatch.chdir(tmp_path)
    run = run_of(settings, method=method)
    network = wiring.build_network(run, CPU, PEOPLE)
    nn.init.uniform_(next(network.parameters()))  # as if it had been trained
    network.eval()
    content = wiring.checkpoint_of(run, network, "f" * 16)
    checkpoint.save(run.name.checkpoint, content)
    assert content["prefix"] == "backbone." and content["backbone"]["kind"] == "gaitgl"
    assert any(key.startswith("classifier.") for key in content["network"])
    assert not any(key.startswith("classifier") for key in backbone_weights(content))
    batch = batch_of(1)
    with torch.no_grad():
        wanted = network.embed(batch.frames, batch.lengths)  # pyright: ignore[reportCallIssue]
        plain: Any = wiring.new_backbone(run)
        assert wiring.load_weights(plain, run.name.checkpoint) == "f" * 16
        trained, identity = wiring.trained_network(run, CPU)
        networks: tuple[Any, ...] = (plain, trained)
        rebuilt: Any = network_of(checkpoint.load(run.name.checkpoint), run.name.checkpoint)
        assert identity == "f" * 16 and not isinstance(trained, Classified)
        for other in (*networks, rebuilt):
            assert torch.equal(other.eval().embed(batch.frames, batch.lengths), wanted)


def test_what_goes_on_from_it_starts_with_its_backbone(
    settings: config.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    parent = run_of(settings, method="pretrain")
    network = wiring.build_network(parent, CPU, PEOPLE)
    nn.init.uniform_(next(network.parameters()))
    checkpoint.save(parent.name.checkpoint, wiring.checkpoint_of(parent, network, "a" * 16))
    child = wiring.build_network(run_of(settings, method="cc"), CPU, 0)
    ours, theirs = child.state_dict(), network.state_dict()
    assert all(torch.equal(value, theirs[f"backbone.{key}"]) for key, value in ours.items())


def test_weights_of_another_form_are_refused(
    settings_tree: dict[str, Any], settings: config.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    run = run_of(settings)
    checkpoint.save(run.name.checkpoint, wiring.checkpoint_of(run, wiring.build_network(run, CPU, PEOPLE), "0" * 16))
    settings_tree["backbones"]["gaitgl"]["embedding"] = 7
    other = run_of(config.check(settings_tree, "other"))
    with pytest.raises(UserError, match="made with another architecture") as caught:
        wiring.load_weights(wiring.new_backbone(other), run.name.checkpoint)
    assert "\n" not in str(caught.value)


def test_a_batch_of_more_people_than_there_are(settings: config.Settings):
    rows = np.arange(4)
    pool = Pool(rows, np.ones_like(rows), SequenceLabels(*(rows.astype(str) for _ in range(3))))
    with pytest.raises(UserError, match=r"methods\.upper\.training\.subjects: a batch needs 8 subjects.*has 4"):
        run_of(settings).method.plan_epoch(0, pool, None)  # pyright: ignore[reportArgumentType]
