"""Settings: every fault of a parameter file is one line that names the key."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.config import PluginNetwork, SetNetwork, VideoNetwork, check, load, settings_for, value_at
from harness.errors import UserError

GONE = object()


def changed(tree: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of the tree with one dotted key set, or removed."""
    copy = deepcopy(tree)
    *parents, last = key.split(".")
    place = copy
    for part in parents:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return copy


def fault(tree: Any) -> str:
    """The one line that a faulty tree gives."""
    with pytest.raises(UserError) as caught:
        check(tree, "params.yaml")
    line = str(caught.value)
    assert line.startswith("params.yaml: ")
    assert "\n" not in line
    return line


def test_a_good_tree_passes_and_keeps_its_values(settings_tree):
    settings = check(settings_tree, "params.yaml")
    assert settings.methods.scf.a == settings_tree["methods"]["scf"]["a"]
    assert value_at(settings, "assumed.link-threshold") == settings_tree["assumed"]["link-threshold"]
    assert value_at(settings, "methods.cc") == {
        **settings_tree["methods"]["cc"],
        "training": value_at(settings, "methods.cc.training"),
    }


@pytest.mark.parametrize(
    ("place", "wrong", "right"),
    [
        ("", "metods", "methods"),
        ("methods.", "gaitsb", "gaitssb"),
        ("methods.scf.", "cloth_probabilty", "cloth_probability"),
        ("assumed.", "link_threshold", "link-threshold"),
        ("walkers.target.camera.", "heigth", "height"),
        ("walkers.source.subjects.", "trian", "train"),
        ("methods.cc.training.optimiser.", "wieght_decay", "weight_decay"),
        ("methods.view_classifier.backbone.", "embeding", "embedding"),
        ("backbones.gaitset.", "chanels", "channels"),
        ("compute.", "thread", "threads"),
        ("suite.", "seed", "seeds"),
    ],
)
@pytest.mark.parametrize("instead", [True, False], ids=["renamed", "added"])
def test_a_misspelt_key_is_named_with_the_nearest(settings_tree, place, wrong, right, instead):
    tree = changed(settings_tree, place + wrong, 1)
    if instead:
        tree = changed(tree, place + right, GONE)
    line = fault(tree)
    assert f"unknown parameter '{place}{wrong}'" in line
    assert f"did you mean '{right}'?" in line


@pytest.mark.parametrize(
    "key", ["compute", "methods.scf.a", "assumed.min-cluster", "walkers.target.camera.height", "suite.seeds"]
)
def test_a_missing_key_is_named(settings_tree, key):
    assert f"parameter '{key}' is missing" in fault(changed(settings_tree, key, GONE))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("methods.scf.a", 0),
        ("methods.cc.s_up", 1.5),
        ("methods.cc.s_up", -1.5),
        ("methods.fusion.s_up", 1.001),
        ("methods.cc.tau", 0),
        ("methods.cc.infomap_seed", 0),
        ("methods.ssf.lambda_base", -0.001),
        ("methods.ssf.c_low", 1.1),
        ("methods.cc.training.optimiser.lr", 0.0),
        ("methods.cc.training.optimiser.milestones", [-1]),
        ("compute.threads", 0),
        ("suite.seeds", []),
        ("walkers.target.segmentation.hit", 1.2),
        ("backbones.gaitset.channels", [8, 16]),
    ],
)
def test_out_of_range(settings_tree, key, value):
    assert f"'{key}" in fault(changed(settings_tree, key, value))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("key", ["methods.cc.s_up", "methods.ssf.lambda_base", "walkers.target.camera.height"])
def test_numbers_are_finite(settings_tree, key, value):
    assert f"parameter '{key}'" in fault(changed(settings_tree, key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("methods.scf.a", "two"),
        ("methods.scf.a", 2.5),
        ("methods.cc.training", 3),
        ("methods.cc.training.epochs", [1]),
        ("methods.cc.training.freeze_norm", "perhaps"),
        ("methods.cc.training.optimiser.kind", "adamw"),
        ("walkers", ["target"]),
        ("suite.datasets", "target"),
        ("assumed.embedding", None),
        ("suite.name", "a/b"),
        ("suite.claims", "/etc/claims.yaml"),
        ("suite.claims", "conf/../../claims.yaml"),
        ("suite.claims", "params.yaml"),
        ("suite.claims", "conf/claims.json"),
        ("suite.claims", ""),
    ],
)
def test_wrong_types(settings_tree, key, value):
    assert f"parameter '{key}'" in fault(changed(settings_tree, key, value))


def test_limits_in_order(settings_tree):
    line = fault(changed(changed(settings_tree, "methods.cc.m_min", 0.6), "methods.cc.m_max", 0.5))
    assert "methods.cc" in line and "m_min (0.6) is larger than m_max (0.5)" in line
    check(changed(changed(settings_tree, "methods.cc.m_min", 0.5), "methods.cc.m_max", 0.5), "params.yaml")


@pytest.mark.parametrize(("key", "value"), [("suite.datasets", ["targt"]), ("suite.views", "targt")])
def test_a_suite_with_an_unknown_data_set(settings_tree, key, value):
    line = fault(changed(settings_tree, key, value))
    assert "data set 'targt'" in line and "did you mean 'target'?" in line


def test_a_suite_with_an_unknown_backbone_or_source(settings_tree):
    assert "did you mean 'gaitset'?" in fault(changed(settings_tree, "suite.backbones", ["gaitsett"]))
    assert "did you mean 'source'?" in fault(changed(settings_tree, "suite.pretraining", "sourc"))


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ({"method": "sff"}, "variants.a-4: unknown method 'sff'; did you mean 'sf'?"),
        ({"changes": {"methods": {"scf": {"aa": 3}}}}, "variants.a-4.methods.scf names the unknown parameter 'aa'"),
        ({"changes": {"asumed": {}}}, "variants.a-4 names the unknown parameter 'asumed'; did you mean 'assumed'?"),
    ],
)
def test_a_variant_of_what_is_not_there(settings_tree, variant, message):
    settings_tree["variants"]["a-4"] |= variant
    assert message in fault(settings_tree)


@pytest.mark.parametrize(("key", "value"), [("seeds", [0, 1, 0]), ("datasets", ["target", "target"])])
def test_what_a_suite_names_twice(settings_tree, key, value):
    assert f"names {value[0]} twice" in fault(changed(settings_tree, f"suite.{key}", value))


@pytest.mark.parametrize("tree", [None, [], "text", 3])
def test_a_tree_that_is_no_mapping(tree):
    assert "holds no parameters; `harness suite use smoke`" in fault(tree)


def test_a_key_that_is_given_twice(tmp_path, settings_tree):
    """YAML would keep the last."""
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(settings_tree).replace("  scf:\n", "  scf:\n    a: 9\n", 1))
    with pytest.raises(UserError, match=r"params\.yaml: not valid YAML: 'a' is given twice in .*, line \d+"):
        load(path)


@pytest.mark.parametrize("content", [b"a: [1, 2\nb: 3", b"a: 1\n\tb: 2", b"\xff\xfe\x00", b""])
def test_a_file_that_is_not_yaml(tmp_path, content):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file():
    with pytest.raises(UserError, match=r"^nowhere/params\.yaml: no such file; .*harness suite use") as caught:
        load(Path("nowhere/params.yaml"))
    assert "\n" not in str(caught.value)


def test_load_reads_what_was_written(tmp_path, settings_tree):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(settings_tree))
    assert load(path) == check(settings_tree, "a tree")


def overridden(tree: dict[str, Any], **changes: Any) -> Any:
    tree["overrides"] |= changes
    return check(tree, "params.yaml")


def test_overrides_of_a_data_set_and_of_a_backbone_on_it(settings_tree):
    steps = {"milestones": [3], "lr": 0.5}
    settings = overridden(
        settings_tree,
        target={
            "methods": {"cc": {"n": 9, "training": {"frames": 7}}, "upper": {"margin": 0.4}},
            "backbones": {"gaitgl": {"methods": {"cc": {"n": 4}, "upper": {"training": {"optimiser": steps}}}}},
        },
    )
    plain = settings_for(settings, "source", "gaitgl")
    gaitset, gaitgl = (settings_for(settings, "target", name) for name in ("gaitset", "gaitgl"))
    assert plain == settings
    assert [s.methods.cc.n for s in (plain, gaitset, gaitgl)] == [settings.methods.cc.n, 9, 4]
    assert [s.methods.cc.training.frames for s in (gaitset, gaitgl)] == [7, 7]
    assert [s.methods.upper.margin for s in (plain, gaitset, gaitgl)] == [settings.methods.upper.margin, 0.4, 0.4]
    # What is not named stays: the backbone's section changes two values of one optimiser.
    before, after = gaitset.methods.upper.training, gaitgl.methods.upper.training
    assert (after.optimiser.milestones, after.optimiser.lr) == ((3,), 0.5)
    assert after.model_copy(update={"optimiser": before.optimiser}) == before
    kept = {"milestones": before.optimiser.milestones, "lr": before.optimiser.lr}
    assert after.optimiser.model_copy(update=kept) == before.optimiser
    assert gaitgl.model_copy(update={"methods": plain.methods}) == plain
    assert settings_for(settings, "target", "") == gaitset  # a method with a network of its own


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": {"backbones": {"gaitgll": {}}}}, "overrides name the backbone 'gaitgll'"),
        ({"targit": {}}, "overrides name the data set 'targit', which has no settings; did you mean 'target'?"),
        ({"target": {"backbones": ["gaitgl"]}}, "overrides.target.backbones must hold a section for each backbone"),
    ],
)
def test_overrides_of_nobody(settings_tree, changes, message):
    settings_tree["overrides"] |= changes
    assert message in fault(settings_tree)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"compute": {"threads": 2}}, "overrides.target: only 'methods' can differ, got ['compute']"),
        ({"backbones": {"gaitgl": {"cc": {}}}}, "overrides.target.backbones.gaitgl: only 'methods' can differ"),
        ({"methods": {"cc": {"m": 4}}}, "overrides.target: unknown parameter 'methods.cc.m'"),
        ({"backbones": {"gaitgl": {"methods": {"cc": {"n": 0}}}}}, "overrides.target: parameter 'methods.cc.n'"),
        ({"methods": None}, "overrides.target"),
        ({"backbones": {"gaitgl": {"methods": 3}}}, "overrides.target"),
    ],
)
def test_overrides_of_what_cannot_differ(settings_tree, changes, place):
    settings = overridden(settings_tree, target=changes)
    with pytest.raises(UserError) as caught:
        settings_for(settings, "target", "gaitgl")
    assert place in str(caught.value) and "\n" not in str(caught.value)


def test_the_kinds_of_backbones(settings_tree):
    settings_tree["backbones"]["mine"] = {"kind": "mine", "depth": 3}
    settings = check(settings_tree, "params.yaml")
    kinds = {name: type(own) for name, own in settings.backbones.items()}
    assert kinds["gaitset"] is SetNetwork and kinds["gaitgl"] is VideoNetwork and kinds["mine"] is PluginNetwork
    assert value_at(settings, "backbones.mine") == {"kind": "mine", "depth": 3}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("gaitgl.channels", [2, 3, 4, 5], "the single form has 3 stages, got [2, 3, 4, 5]"),
        ("gaitgl.doubled", True, "the doubled form has 4 stages"),
        ("gaitgl.halving", 5, "'backbones.gaitgl.halving'"),
        ("gaitgl.head", "neck", "'backbones.gaitgl.head'"),
        ("gaitgl.norm", "batch", "unknown parameter 'backbones.gaitgl.norm'"),
        ("gaitset.head", "norm", "unknown parameter 'backbones.gaitset.head'"),
        ("gaitgl.haed", "norm", "unknown parameter 'backbones.gaitgl.haed'; did you mean 'head'?"),
        ("gaitset.kind", GONE, "backbones.gaitset"),
    ],
)
def test_faults_of_a_backbone(settings_tree, key, value, message):
    assert message in fault(changed(settings_tree, f"backbones.{key}", value))
