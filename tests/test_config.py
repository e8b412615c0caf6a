"""Settings: every fault of a parameter file is one line that names the key."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.config import check, load, value_at
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
    ],
)
def test_wrong_types(settings_tree, key, value):
    assert f"parameter '{key}'" in fault(changed(settings_tree, key, value))


def test_limits_in_order(settings_tree):
    line = fault(changed(changed(settings_tree, "methods.cc.m_min", 0.6), "methods.cc.m_max", 0.5))
    assert "methods.cc" in line and "m_min (0.6) is larger than m_max (0.5)" in line
    check(changed(changed(settings_tree, "methods.cc.m_min", 0.5), "methods.cc.m_max", 0.5), "params.yaml")


@pytest.mark.parametrize("key", ["suite.datasets", "suite.domains"])
def test_a_suite_with_an_unknown_data_set(settings_tree, key):
    line = fault(changed(settings_tree, key, ["targt"]))
    assert "data set 'targt'" in line and "did you mean 'target'?" in line


def test_a_suite_with_an_unknown_backbone_or_source(settings_tree):
    assert "did you mean 'gaitset'?" in fault(changed(settings_tree, "suite.backbones", ["gaitsett"]))
    assert "did you mean 'source'?" in fault(changed(settings_tree, "suite.pretraining", "sourc"))


@pytest.mark.parametrize("tree", [None, [], "text", 3])
def test_a_tree_that_is_no_mapping(tree):
    fault(tree)


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
