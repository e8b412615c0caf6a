"""Controls: what each does differently from the method that it is compared with, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
import yaml

from harness import config
from harness.registry import find
from harness.tables.grid import CONTROLS
from harness.testing.tiny import shrink, smoke_tree, start, trained
from harness.types import SequenceLabels
from methods.parts import truth

SEES_TRUTH = {"cc_random", "cc_true", "cc_true_clothes", "scf_true", "ssf_true_views", "ssf_shuffled_views"}


@pytest.fixture
def settings() -> config.Settings:
    return shrink(smoke_tree())


def labels(count=24) -> SequenceLabels:
    people = np.array([f"{i % 4:03d}" for i in range(count)])
    conditions = np.array([("nm-01", "cl-01", "scene1-cl-02")[i // 4 % 3] for i in range(count)])
    return SequenceLabels(people, conditions, np.array([("000", "090", "180")[i % 3] for i in range(count)]))


def test_the_lists_of_controls_are_one(root: Path):
    names = set(get_args(config.Control))
    assert names == set(CONTROLS) and all((root / "methods" / f"{name}.py").is_file() for name in names)
    for suite in ("smoke", "walkers", "paper"):
        tree = yaml.safe_load((root / "conf/suite" / f"{suite}-controls.yaml").read_text())
        assert set(tree["suite"]["controls"]) == names
    assert {name for name in names if find("method", name).uses_labels} == SEES_TRUTH


def test_only_controls_see_the_truth(root: Path):
    """No method of the paper imports what looks at true labels."""
    users = {p.stem for p in (root / "methods").glob("*.py") if "methods.parts.truth" in p.read_text()}
    assert users == SEES_TRUTH - {"ssf_shuffled_views"} | {"scf_random"}  # that one only draws at random


def test_relabelling():
    known = labels()
    found = np.repeat([0, 1, 2, -1], 6)
    rng = np.random.default_rng
    assert len(set(truth.identities(found, known, rng(0)).tolist())) == 4
    classes = truth.identities_in_clothes(found, known, rng(0))
    assert len(set(classes.tolist())) == 8
    for label in set(classes.tolist()):
        rows = classes == label
        assert len(set(known.subject[rows])) == 1 and len(set(truth.in_coat(known)[rows])) == 1
    mixed = truth.shuffled(found, known, rng(0))
    assert np.array_equal(np.bincount(mixed[mixed >= 0]), np.bincount(found[found >= 0]))
    assert np.array_equal(mixed < 0, found < 0) and not np.array_equal(mixed, found)
    assert np.array_equal(mixed, truth.shuffled(found, known, rng(0)))
    assert not np.array_equal(mixed, truth.shuffled(found, known, rng(1)))


def plan(name: str, settings: config.Settings):
    method = find("method", name)(settings)
    tools = start(method, settings)
    return method, method.plan_epoch(0, tools.pool, tools), tools


def test_true_clusters_are_people(settings: config.Settings):
    _, made, tools = plan("cc_true", settings)
    assert tools.pool.labels is not None
    people = tools.pool.labels.subject
    assert (made.labels[:, None] == made.labels[None]).tolist() == (people[:, None] == people[None]).tolist()


def test_links_of_fusion_controls(settings: config.Settings):
    method, made, tools = plan("scf_true", settings)
    links = method.memory.links.tolist()
    count = len(links)
    assert tools.pool.labels is not None
    owners = [
        max(own := tools.pool.labels.subject[made.labels == k].tolist(), key=lambda s: (own.count(s), -ord(s[-1])))
        for k in range(count)
    ]
    assert [[k for k in row if k >= 0] for row in links] == [
        [k for k in range(count) if owners[k] == a] for a in owners
    ]
    size = settings.methods.scf.a
    random, _, _ = plan("scf_random", settings)
    sets = random.memory.links.tolist()
    assert all(k in row and len(set(row)) == min(size, len(sets)) for k, row in enumerate(sets))


def test_views_that_are_told(settings: config.Settings):
    shares = {}
    for name in ("ssf_true_views", "ssf_shuffled_views"):
        _, made, tools = plan(name, settings)
        shares[name] = made.metrics["ssf_front_back"]
        assert tools.pool.labels is not None
        true = np.isin(tools.pool.labels.view_deg, truth.FRONT_BACK).mean()
        assert shares[name] == pytest.approx(true)  # dealt out anew, but as many


def test_equal_compute_is_cc_with_the_schedule_of_sf(settings: config.Settings):
    cc, sf, long = (find("method", name)(settings) for name in ("cc", "sf", "cc_long"))
    assert long.training == sf.training and long.s_up == cc.s_up != sf.s_up and long.stages == ()
    assert long.parent() == sf.parent() == "cc" and long.first_step == sf.first_step
    assert find("method", "sf_scratch")(settings).parent() is None


def test_a_refresh_moves_statistics_and_no_weight(settings: config.Settings, tmp_path: Path):
    method = find("method", "norm_refresh")(settings)
    network = start(method, settings).network
    before = {key: value.clone() for key, value in network.state_dict().items()}
    after, history = trained(method, settings, tmp_path / "a")
    weights = {name for name, _ in network.named_parameters()}
    assert all(torch.equal(after[key], before[key]) for key in weights)
    moved = {key for key in after if not torch.equal(after[key], before[key])}
    assert any("running_mean" in key for key in moved) and history[0]["loss"] == 0.0
