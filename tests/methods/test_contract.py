"""What every method promises, and that SF without its stages is CC."""

from pathlib import Path

import numpy as np
import pytest
import torch

from harness import config
from harness.clustering.infomap import Clustering
from harness.errors import UserError
from harness.registry import find, names
from harness.testing.contract import MethodContract
from harness.testing.tiny import shrink, smoke_tree, start, trained

METHODS = [name for name in names("method") if name != "norm_refresh"]  # which is made to change no weight
BACKBONES = ("gaitset", "gaitgl")


@pytest.fixture
def settings() -> config.Settings:
    return shrink(smoke_tree())


def test_all_the_papers_methods_are_there():
    assert set(METHODS) >= {"pretrain", "upper", "view_classifier", "cc", "ssf", "scf", "sf", "gaitssb"}
    supervised = {name for name in METHODS if find("method", name).uses_labels}
    assert supervised.isdisjoint({"cc", "ssf", "scf", "sf", "gaitssb"})


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("name", METHODS)
class TestEveryMethod(MethodContract):
    """The same tests that other packages run on theirs."""


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
    tools.cluster = Clustering(True, False, 100, 1, "exact", 1).fit
    with pytest.raises(UserError, match="clusters"):
        method.plan_epoch(0, tools.pool, tools)
