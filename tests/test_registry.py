"""Plug-ins are found by name."""

from __future__ import annotations

import sys

import pytest

from harness.errors import UserError, nearest
from harness.registry import find, module_of, names

METHODS = ("upper", "pretrain", "cc", "ssf", "scf", "sf", "gaitssb", "view_classifier")


def test_all_methods_and_backbones_are_known():
    assert set(METHODS) <= set(names("method"))
    assert {"gaitset", "view_classifier"} <= set(names("backbone"))
    assert "parts" not in names("method") + names("backbone")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_the_class_of_its_own_file(name):
    assert module_of("method", name) == f"methods.{name}"
    assert find("method", name).params


@pytest.mark.parametrize(
    ("kind", "word", "hint"),
    [
        ("method", "upperr", "did you mean 'upper'?"),
        ("method", "view-classifier", "did you mean 'view_classifier'?"),
        ("method", "12345", "known: cc, cc_long, "),
        ("backbone", "gaitest", "did you mean 'gaitset'?"),
    ],
)
def test_an_unknown_name_gives_the_nearest(kind, word, hint):
    with pytest.raises(UserError) as caught:
        find(kind, word)
    assert f"unknown {kind} '{word}'; {hint}" in str(caught.value)


def test_of_many_names_the_first_are_listed():
    assert nearest("x", [f"run-{i:03}" for i in range(50)]).endswith("run-039 and 10 more")
    assert nearest("x", []) == "known: none"


def test_a_package_of_somebody_else_adds_a_method(tmp_path, monkeypatch):
    (tmp_path / "their_plugin.py").write_text("class Theirs:\n    params = ()\n")
    about = tmp_path / "their_plugin-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their_plugin\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[harness.methods]\ntheirs = their_plugin:Theirs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "theirs" in names("method") and "theirs" not in names("backbone")
    assert find("method", "theirs").__name__ == "Theirs"
    assert module_of("method", "theirs") == "their_plugin"
    del sys.modules["their_plugin"]


def test_a_plug_in_may_not_take_a_name_of_ours(tmp_path, monkeypatch):
    about = tmp_path / "their_sf-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their_sf\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[harness.methods]\nsf = their_sf:SF\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match="their_sf brings a method 'sf', which the harness has itself"):
        find("method", "sf")


def test_a_broken_plug_in_is_named(tmp_path, monkeypatch):
    about = tmp_path / "broken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[harness.methods]\nbroken = no_such_module:X\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find("method", "sf")
    with pytest.raises(UserError, match=r"'broken'.*cannot be loaded"):
        find("method", "broken")
