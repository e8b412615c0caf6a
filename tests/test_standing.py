"""Changes of code that were shown to keep every number: under which digest a run goes on being known."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness import standing
from harness.cli.wiring import code_digest, code_of
from harness.config import load
from harness.files import sha256
from harness.registry import find, names


def change(code: dict[str, str], shown: tuple[str, ...] = ("cpu",)) -> dict[str, Any]:
    about = {"from": "a" * 12, "to": "b" * 12, "why": "faster", "files": {}}
    return {**about, "code": code, "shown": {device: {} for device in shown}}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def write(*changes: dict[str, Any]) -> None:
        (tmp_path / "standing.json").write_text(json.dumps({"changes": changes}))
        monkeypatch.setattr(standing, "FILE", tmp_path / "standing.json")
        standing._oldest.cache_clear()

    yield write
    standing._oldest.cache_clear()


def test_code_is_known_by_the_oldest_that_gives_its_numbers(written):
    written(change({"two": "one"}), change({"three": "two", "other": "another"}))
    assert [standing.standing(code, "cpu") for code in ("three", "two", "one", "other", "new")] == [
        "one", "one", "one", "another", "new",
    ]  # fmt: skip
    assert [c["code"] for c in standing.applied("one", "cpu")] == [{"two": "one"}, {"three": "two", "other": "another"}]
    assert len(standing.applied("two", "cpu")) == 1 and standing.applied("new", "cpu") == []


def test_what_was_shown_on_one_kind_of_device_says_nothing_of_another(written):
    written(change({"two": "one"}), change({"three": "two"}, ("cpu", "cuda")))
    assert standing.standing("two", "cuda") == "two" and standing.standing("three", "cuda") == "two"
    assert standing.applied("one", "cuda") == []


def test_where_else_it_was_shown_is_told(written):
    written(change({"two": "one"}), change({"three": "two"}))
    assert standing.elsewhere("one", "three") == ["cpu"] and standing.elsewhere("one", "two") == ["cpu"]
    assert standing.elsewhere("one", "new") == [] and standing.elsewhere("new", "new") == []


def test_a_runs_code_is_what_is_known(written):
    now = sha256(*code_of("cc", "gaitset", True))[:16]
    written(change({now: "0" * 16}))
    assert code_digest("cc", "gaitset", True, "cpu") == "0" * 16
    assert code_digest("cc", "gaitset", True, "cuda") == now


def test_what_is_committed_is_whole():
    codes: dict[str, str] = {}
    for entry in standing.changes():
        assert entry["why"] and entry["from"] != entry["to"] and entry["shown"]
        for new, old in entry["code"].items():
            assert re.fullmatch(r"[0-9a-f]{16}", new) and re.fullmatch(r"[0-9a-f]{16}", old) and new != old
            oldest: str = codes.get(old) or old
            assert codes.setdefault(new, oldest) == oldest
        for was, now in entry["files"].values():
            assert was != now and all(re.fullmatch(r"[0-9a-f]{32}", md5) and size > 0 for md5, size in (was, now))
        for about in entry["shown"].values():
            assert about.keys() >= {"on", "runs", "precisions", "digest", "machine"} and about["runs"] > 60


@pytest.fixture(scope="module")
def tool(root: Path) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("same_numbers", str(root / "tools/same-numbers"))
    spec = importlib.util.spec_from_loader("same_numbers", loader)
    assert spec is not None
    made = importlib.util.module_from_spec(spec)
    loader.exec_module(made)
    return made


def test_methods_are_tried_after_what_they_start_from(tool: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(root)
    settings, order = load(), tool.ordered(names("method"), find)
    assert sorted(order) == sorted(names("method"))
    for place, name in enumerate(order):
        parent = find("method", name)(settings).parent()
        assert parent is None or parent in order[:place]


def test_one_other_bit_is_noticed(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    sides = {"old": {"runs": {"cc": "a", "sf": "b"}}, "new": {"runs": {"cc": "a", "sf": "b"}}}
    monkeypatch.setattr(tool, "answers", lambda commit, folder, device: sides[commit])
    assert tool.compared("old", "new", "cpu") == (sides["old"], sides["new"])
    sides["new"]["runs"]["sf"] = "c"
    with pytest.raises(SystemExit, match="other numbers in 1 of 2: sf"):
        tool.compared("old", "new", "cpu")
    del sides["new"]["runs"]["sf"]
    with pytest.raises(SystemExit, match="only one of old and new has sf"):
        tool.compared("old", "new", "cpu")


def test_only_what_changed_is_entered(tool: ModuleType):
    before = {"code": {"cc": "1", "sf": "2"}, "files": {"a.py": ["x", 1], "b.py": ["y", 2], "gone.py": ["z", 3]}}
    after = {"code": {"cc": "1", "sf": "3"}, "files": {"a.py": ["w", 4], "b.py": ["y", 2], "new.py": ["v", 5]}}
    assert tool.changed(before, after) == {"code": {"3": "2"}, "files": {"a.py": [["x", 1], ["w", 4]]}}


LOCK = """schema: '2.0'
stages:
  cc@{suite}-0:
    cmd: harness train cc
    deps:
    - path: harness/a.py
      hash: md5
      md5: {md5}
      size: 12
    - path: harness/b.py
      hash: md5
      md5: 00000000000000000000000000000000
      size: 12
    outs:
    - path: runs/{suite}/cc
      hash: md5
      md5: 11111111111111111111111111111111
      size: 7
"""


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_locks_of_suites_on_that_device_name_the_new_files(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
):
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    folder = tmp_path / "results/mine/provenance"
    folder.mkdir(parents=True)
    (folder / "cc.json").write_text(json.dumps({"inputs": {"compute": {"device": device}}}))
    old, new = "a" * 32, "b" * 32
    (folder / "pretrain.json").write_text(json.dumps({"inputs": {"imported": "0" * 64}}))
    before = LOCK.format(suite="mine", md5=old)
    files = {"harness/a.py": [[old, 12], [new, 12]], "harness/b.py": [[old, 12], [new, 12]]}
    assert tool.relocked(before, files, "cpu") == (before.replace(old, new) if device == "cpu" else before)


@pytest.mark.slow
@pytest.mark.long
def test_the_last_change_is_shown_again(tool: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch):
    """In fp32, where git still knows both commits, as in a whole clone."""
    monkeypatch.setattr(tool, "PRECISIONS", ("fp32",))
    last = [entry for entry in standing.changes() if "cpu" in entry["shown"]][-1]
    for commit in (last["from"], last["to"]):
        if subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=root, capture_output=True).returncode:
            pytest.skip(f"git does not know {commit} here")
    assert tool.changed(*tool.compared(last["from"], last["to"], "cpu")) == {
        key: last[key] for key in ("code", "files")
    }
