"""Which stages a suite has follows from what is there."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from harness.config import check, load
from harness.errors import UserError
from harness.plan import absent, check_plan, plan_of, refresh, with_plan, without_plan
from harness.presets import compose


@pytest.fixture
def tree(settings_tree: dict[str, Any]) -> dict[str, Any]:
    """The paper's data sets with the smoke suite's sizes; nothing is there."""
    settings_tree["suite"] |= {"pretraining": "oumvlp", "views": "oumvlp", "datasets": ["casia-b", "outdoor-gait"]}
    return settings_tree


def settings_of(tree: dict[str, Any], **raws: str):
    for name, raw in raws.items():
        tree["archives"][name.replace("_", "-")]["raw"] = raw
    return check(tree, "params.yaml")


def test_walkers_are_always_there(settings_tree):
    plan = plan_of(check(settings_tree, "params.yaml"))
    assert plan.domains == ("source", "target") and plan.archives == ()
    assert plan.datasets == plan.adapted == plan.fused == ("target",)
    assert plan.methods == ("upper", "gaitssb", "cc", "ssf", "scf", "sf")
    assert plan.trained == ("gaitset",) and plan.imported == () and plan.view_seeds == (0, 1)
    assert plan.tables == ("smoke",) and plan.layouts == {"source": "oumvlp", "target": "casia-b"}


def test_nothing_there_is_nothing_to_do_and_every_set_is_named(tree):
    settings = settings_of(tree)
    plan = plan_of(settings)
    assert plan.model_dump(mode="json") == without_plan()
    reasons = absent(settings)
    assert list(reasons) == ["casia-b", "outdoor-gait", "oumvlp"]
    assert "checkpoints.gaitset" in reasons["oumvlp"] and "suite.pretraining" in reasons["oumvlp"]


def test_everything_there(tree):
    settings = settings_of(tree, casia_b="/a", outdoor_gait="/b", oumvlp="/c")
    plan = plan_of(settings)
    assert plan.archives == ("oumvlp", "casia-b", "outdoor-gait") and plan.domains == ()
    assert plan.datasets == plan.fused == ("casia-b", "outdoor-gait") and plan.trained == ("gaitset",)
    assert absent(settings) == {}


def test_a_target_without_a_source_has_the_methods_that_need_none(tree):
    plan = plan_of(settings_of(tree, casia_b="/a"))
    assert plan.datasets == ("casia-b",) and plan.adapted == plan.fused == () and plan.trained == ()
    assert plan.methods == ("upper", "gaitssb") and plan.archives == ("casia-b",)


def test_a_checkpoint_stands_for_pre_training_but_teaches_no_views(tree):
    tree["checkpoints"]["gaitset"] = "/weights.pt"
    settings = settings_of(tree, casia_b="/a")
    plan = plan_of(settings)
    assert plan.imported == ("gaitset",) and plan.trained == () and plan.adapted == ("casia-b",)
    assert plan.methods == ("upper", "gaitssb", "cc", "scf") and plan.view_seeds == ()
    assert "suite.views" in (said := absent(settings)["oumvlp"]) and "controls" not in said
    tree["suite"]["controls"] = ["cc_long"]
    assert "and with them all controls" in absent(settings_of(tree, casia_b="/a"))["oumvlp"]
    tree["suite"]["views"] = "source"
    plan = plan_of(settings_of(tree))
    assert plan.fused == ("casia-b",) and plan.domains == ("source",) and "sf" in plan.methods


@pytest.mark.parametrize(
    ("source", "target", "domains", "archives"),
    [("source", "casia-b", ("source",), ("casia-b",)), ("oumvlp", "target", ("target",), ("oumvlp",))],
)
def test_mixed_sources(tree, source, target, domains, archives):
    tree["suite"] |= {"pretraining": source, "views": source, "datasets": [target]}
    plan = plan_of(settings_of(tree, casia_b="/a", oumvlp="/b"))
    assert (plan.domains, plan.archives) == (domains, archives)
    assert plan.fused == (target,) and plan.trained == ("gaitset",)


def test_continued_gaitssb_waits_for_pre_training(tree):
    tree["assumed"]["gaitssb"] = "pretrained"
    tree["suite"] |= {"scratch": [], "continued": ["gaitssb"]}
    plan = plan_of(settings_of(tree, casia_b="/a"))
    assert plan.methods == ("upper",) and plan.continued == () and plan.scratch == ()


def test_only_the_plan_of_a_file_is_renewed(tree, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("# mine\n" + yaml.safe_dump({**tree, "plan": without_plan()}, sort_keys=False))
    assert refresh(path, load(path)) is False
    text = path.read_text()
    edited = text.replace("raw: null", "raw: /data/casia.zip", 1)
    path.write_text(edited)
    with pytest.raises(UserError, match="harness suite refresh"):
        check_plan(load(path))
    assert refresh(path, load(path)) is True
    check_plan(load(path))
    assert path.read_text().startswith(edited[: edited.index("\nplan:")])
    assert load(path).plan.datasets == ("casia-b",)
    assert refresh(path, load(path)) is False


def test_renewing_twice_changes_nothing(settings_tree):
    plan = plan_of(check(settings_tree, "params.yaml"))
    text = with_plan("a: 1\nplan:\n  domains:\n  - x\nb: 2\n", plan)
    assert text.startswith("a: 1\nb: 2\nplan:\n") and with_plan(text, plan) == text
    assert yaml.safe_load(text)["plan"] == plan.model_dump(mode="json")


def test_one_name_in_walkers_and_archives(settings_tree):
    settings_tree["archives"]["target"] = settings_tree["archives"]["casia-b"]
    with pytest.raises(UserError, match="'target' is among walkers and among archives"):
        check(settings_tree, "params.yaml")


@pytest.mark.parametrize("family", ["smoke", "walkers"])
def test_a_familys_page_shows_what_its_sittings_compute(family, root):
    """`smoke-all` and `walkers-all`: no run of a sitting is left out of the tables that it was made for."""

    def suite(name: str) -> dict[str, Any]:
        return yaml.safe_load(compose(name, root / "conf"))["suite"]

    whole = suite(f"{family}-all")
    others = [path.stem for path in (root / "conf/suite").glob(f"{family}*.yaml")]
    sittings = [own for name in others if (own := suite(name))["name"] == whole["name"]]
    assert len(sittings) > 5
    for own in sittings:
        for key in ("datasets", "backbones", "controls", "scratch", "seeds"):
            assert set(own[key]) <= set(whole[key]), (own["preset"], key)
        for method, names in own["variants"].items():
            assert set(names) <= set(whole["variants"][method]), own["preset"]
