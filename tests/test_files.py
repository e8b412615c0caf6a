"""Files and folders are whole or absent."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from harness.errors import UserError
from harness.files import atomic_path, parse_yaml, read_json, sha256, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("existed", [True, False])
def test_a_failed_file_leaves_what_was(tmp_path, existed):
    target = tmp_path / "a.txt"
    if existed:
        target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as scratch:
        scratch.write_text("half")
        raise RuntimeError
    assert names(tmp_path) == (["a.txt"] if existed else [])
    assert not existed or target.read_text() == "old"


@pytest.mark.parametrize("existed", [True, False])
def test_a_failed_folder_leaves_what_was(tmp_path, existed):
    target = tmp_path / "store"
    if existed:
        target.mkdir()
        (target / "old").write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as scratch:
        scratch.mkdir()
        (scratch / "new").write_text("half")
        raise RuntimeError
    assert names(tmp_path) == (["store"] if existed else [])
    assert not existed or names(target) == ["old"]


def test_nothing_stands_at_the_target_before_the_end(tmp_path):
    with atomic_path(tmp_path / "deep" / "a.txt") as scratch:
        scratch.write_text("new")
        assert not (tmp_path / "deep" / "a.txt").exists()
        assert scratch.parent.parent == tmp_path / "deep"
    assert (tmp_path / "deep" / "a.txt").read_text() == "new"
    assert names(tmp_path / "deep") == ["a.txt"]


def test_a_file_replaces_a_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("a longer old text")
    with atomic_path(target) as scratch:
        scratch.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_replaces_a_folder_with_all_in_it(tmp_path):
    target = tmp_path / "tables"
    target.mkdir()
    (target / "old").write_text("old")
    with atomic_path(target) as scratch:
        scratch.mkdir()
        (scratch / "new").write_text("new")
    assert names(target) == ["new"]
    assert names(tmp_path) == ["tables"]


def test_json_round_trip_is_byte_identical(tmp_path):
    value = {"b": 1, "a": [1.5, None, "é"], "n": {"x": True}}
    write_json(tmp_path / "1.json", value)
    write_json(tmp_path / "2.json", read_json(tmp_path / "1.json"))
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
    assert read_json(tmp_path / "2.json") == value


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [None, b"", b'{"a": 1', b"\xff\xfe"])
def test_a_missing_or_broken_json_file_is_named(tmp_path, content):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_json(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_sha256_is_of_the_contents_in_order(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_bytes(b"x" * (1 << 20) + b"y")
    second.write_bytes(b"z")
    assert sha256(first, second) == hashlib.sha256(b"x" * (1 << 20) + b"yz").hexdigest()
    assert sha256(first, second) != sha256(second, first)


def test_a_file_never_replaces_a_folder(tmp_path):
    target = tmp_path / "results"
    target.mkdir()
    (target / "mine").write_text("kept")
    with pytest.raises(UserError, match="results: is a folder; name a file to write"):
        write_json(target, {})
    assert names(tmp_path) == ["results"] and (target / "mine").read_text() == "kept"


@pytest.mark.parametrize(
    ("place", "reason"),
    [("file/x.json", "file is a file"), ("file/deeper/x.json", "file is a file"), ("/proc/x.json", "")],
)
def test_a_place_that_cannot_be_written(tmp_path, place, reason):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UserError, match=rf"x\.json: cannot be written \(.*{reason}\); name another place") as caught:
        write_json(tmp_path / place, {})
    assert "\n" not in str(caught.value) and names(tmp_path) == ["file"]


def test_json_that_cannot_be_read(tmp_path):
    (tmp_path / "file").write_text("{}")
    for path in (tmp_path, tmp_path / "file" / "x.json"):
        with pytest.raises(UserError, match="cannot be read"):
            read_json(path)


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, "{" * 200_000, "- " * 200_000, "? " * 200_000, "x: 2024-99-99", "x: !!map [a]", "x: !!bool abc",
     "x: !!int ''", "x: !!timestamp foo",
     "x: " + "9" * 5000],
    ids=["lists", "mappings", "rows", "keys", "date", "map", "bool", "number", "time", "digits"],
)  # fmt: skip
def test_yaml_that_would_end_the_process_or_the_loader(text):
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text)


def test_a_key_given_twice_is_refused_and_a_merge_is_none():
    with pytest.raises(yaml.YAMLError, match="'a' is given twice"):
        parse_yaml("b: {a: 1, c: 2, a: 3}")
    assert parse_yaml("x: &x {a: 1}\ny: {<<: *x, a: 2}") == {"x": {"a": 1}, "y": {"a": 2}}
    assert parse_yaml("x: &x {a: 1}\nw: {y: &y {<<: *x, a: 2}}\nz: {<<: *y}")["z"] == {"a": 2}
    assert parse_yaml("{1: a, '1': b}") == {1: "a", "1": "b"}
    assert len(parse_yaml("".join(f"k{n}: []\n" for n in range(6000)))) == 6000


def test_json_that_is_nested_too_deeply(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 200_000)
    with pytest.raises(UserError, match=r"deep\.json: not valid JSON"):
        read_json(tmp_path / "deep.json")
