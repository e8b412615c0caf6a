"""What every method promises, and that SF without its stages is CC."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import config
from harness.clustering.infomap import Clustering
from harness.errors import UserError
from harness.registry import find, names
from harness.training.checkpoint import Resume
from harness.training.device import Device
from harness.training.trainer import Trainer, TrainingTools
from harness.types import Network, Pool, SequenceLabels

METHODS = names("method")
CPU = Device(torch.device("cpu"), "fp32", False, 64)
TINY = {"channels": [4, 8, 8], "embedding": 8, "norm": "batch"}


@pytest.fixture
def settings(settings_tree: dict[str, Any]) -> config.Settings:
    """The smoke suite with networks and schedules of the smallest size."""
    settings_tree["backbones"]["gaitset"] |= TINY
    settings_tree["methods"]["view_classifier"]["backbone"] |= TINY
    for own in settings_tree["methods"].values():
        if "training" in own:
            own["training"].update(epochs=1, iterations=2, subjects=2, sequences=3, frames=2)
            own["training"]["optimiser"].update(milestones=[], warmup=0)
    settings_tree["methods"]["cc"].update(n=5, s_up=0.2)
    settings_tree["methods"]["fusion"].update(s_up=0.1)
    return config.check(settings_tree, "tiny")


def people(labels: bool) -> tuple[torch.Tensor, Pool]:
    """Twenty sequences of two to four frames of five people, whose patterns differ."""
    rng = np.random.default_rng(0)
    subject, length = np.repeat(np.arange(5), 4), rng.integers(2, 5, 20)
    patterns = rng.random((5, 16, 11)).repeat(4, axis=1).repeat(4, axis=2)
    frames = np.concatenate([patterns[[s] * n] + rng.normal(0, 0.1, (n, 64, 44)) for s, n in zip(subject, length)])
    truth = SequenceLabels(subject.astype(str), np.full(20, "nm-01"), np.tile(["000", "045", "090", "180"], 5))
    pool = Pool(np.cumsum(length) - length, length, truth if labels else None)
    return torch.from_numpy((frames.clip(0, 1) * 255).astype(np.uint8)), pool


def start(method: Any, settings: config.Settings) -> TrainingTools:
    """Everything around a method: network with seeded weights, frames, pool, clustering, a view classifier's word."""
    frames, pool = people(method.uses_labels)
    torch.manual_seed(0)
    kind = "view_classifier" if hasattr(method, "backbone") else "gaitset"
    backbone = getattr(method, "backbone", settings.backbones["gaitset"])
    network = method.build(find("backbone", kind)(**backbone.model_dump(exclude={"kind"})))
    cluster = Clustering(True, False, settings.assumed.min_cluster, 1, "torch", 1).fit

    def front_back() -> np.ndarray:
        assert method.uses_view_classifier
        return np.arange(20) < 4

    return TrainingTools(0, network, frames, pool, CPU, cluster, front_back)


def trained(
    method: Any, settings: config.Settings, folder: Path
) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    tools = start(method, settings)
    folder.mkdir()
    history = Trainer(CPU, Resume(folder), lambda metrics: None, lambda plan: {}).fit(method, tools.network, tools)
    return tools.network.state_dict(), history


def test_all_the_papers_methods_are_there():
    assert set(METHODS) >= {"pretrain", "upper", "view_classifier", "cc", "ssf", "scf", "sf", "gaitssb"}
    supervised = {name for name in METHODS if find("method", name).uses_labels}
    assert supervised.isdisjoint({"cc", "ssf", "scf", "sf", "gaitssb"})


@pytest.mark.parametrize("name", METHODS)
def test_plan_labels_every_sequence(name: str, settings: config.Settings):
    method = find("method", name)(settings)
    tools = start(method, settings)
    assert isinstance(tools.network, Network)
    assert (tools.pool.labels is None) == (not method.uses_labels)
    plan = method.plan_epoch(0, tools.pool, tools)
    assert plan.labels.shape == (20,) and plan.labels.dtype == np.int64
    used = np.unique(plan.labels[plan.labels >= 0])
    np.testing.assert_array_equal(used, np.arange(used.size))  # no gaps
    assert plan.classes is None or 2 <= plan.classes <= used.size
    assert all(math.isfinite(value) for value in plan.metrics.values())


@pytest.mark.parametrize("name", METHODS)
def test_training_changes_weights(name: str, settings: config.Settings, tmp_path: Path):
    method = find("method", name)(settings)
    before = {key: value.clone() for key, value in start(method, settings).network.state_dict().items()}
    after, history = trained(method, settings, tmp_path / "a")
    assert len(history) == 1 and math.isfinite(history[0]["loss"])
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert any("weight" in key for key in changed)
    assert all(value.isfinite().all() for value in after.values())
    again, _ = trained(find("method", name)(settings), settings, tmp_path / "b")
    assert all(torch.equal(after[key], again[key]) for key in after)


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_says_of_itself(name: str, settings: config.Settings):
    method = find("method", name)(settings)
    assert method.parent() in (None, *METHODS)
    for key in method.params:
        config.value_at(settings, key)
    other = find("method", name)(settings)
    other.restore(method.state())


def test_labels_of_supervised_plans(settings: config.Settings):
    upper, views = find("method", "upper")(settings), find("method", "view_classifier")(settings)
    tools = start(upper, settings)
    assert upper.plan_epoch(0, tools.pool, tools).labels.tolist() == np.repeat(np.arange(5), 4).tolist()
    tools = start(views, settings)
    assert views.plan_epoch(0, tools.pool, tools).labels.tolist() == [1, 0, 0, 1] * 5


@pytest.mark.parametrize("name", ["sf", "ssf", "scf"])
def test_fusion_without_its_stages_is_cc(name: str, settings: config.Settings, tmp_path: Path):
    cc, fusion = find("method", "cc")(settings), find("method", name)(settings)
    assert fusion.stages and not cc.stages
    fusion.stages, fusion.training, fusion.s_up, fusion.first_step = (), cc.training, cc.s_up, cc.first_step
    wanted, history = trained(cc, settings, tmp_path / "cc")
    got, other = trained(fusion, settings, tmp_path / "fusion")
    assert history == other
    assert got.keys() == wanted.keys() and all(torch.equal(got[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("name", ["ssf", "scf"])
def test_stages_do_something(name: str, settings: config.Settings, tmp_path: Path):
    whole, none = (find("method", name)(settings) for _ in range(2))
    none.stages = ()
    one, _ = trained(whole, settings, tmp_path / "whole")
    two, _ = trained(none, settings, tmp_path / "none")
    assert any(not torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", ["cc", "sf"])
def test_no_cluster_is_a_user_error(name: str, settings: config.Settings):
    method = find("method", name)(settings)
    method.s_up = 1.0
    tools = start(method, settings)
    tools.cluster = Clustering(True, False, 100, 1, "torch", 1).fit
    with pytest.raises(UserError, match="clusters"):
        method.plan_epoch(0, tools.pool, tools)
