"""A run's id is made of all that its result depends on."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from harness.identity import code_files, commit, environment, run_id, same_kind


def test_the_order_of_keys_does_not_matter():
    first = {"method": "cc", "params": {"a": 1, "b": [1, 2]}, "seed": 0}
    second = {"seed": 0, "params": {"b": [1, 2], "a": 1}, "method": "cc"}
    assert run_id(first) == run_id(second)
    assert len(run_id(first)) == 16


@pytest.mark.parametrize("change", [{"seed": 1}, {"params": {"a": 2}}, {"params": {"a": "1"}}, {"parent": None}])
def test_every_value_matters(change):
    inputs = {"method": "cc", "params": {"a": 1}, "seed": 0}
    assert run_id({**inputs, **change}) != run_id(inputs)


def test_kernels_of_another_processor_are_another_kind_of_machine(monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    plain = environment()
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    forced = environment()
    assert same_kind(plain, environment()) == same_kind(forced, plain) == ["openblas"]
    assert same_kind(forced, environment()) == []
    older = {key: value for key, value in plain.items() if key != "openblas"}  # from before it was recorded
    assert same_kind(older, forced) == []


def test_code_files_are_those_that_a_method_imports(root):
    files = {path.relative_to(root).as_posix() for path in code_files(["methods.cc"])}
    assert {"methods/cc.py", "methods/parts/memory.py", "harness/types.py"} <= files
    assert "harness/config.py" not in files  # wiring
    assert files.isdisjoint({"methods/upper.py", "methods/parts/scf.py", "harness/cli/app.py"})


def test_code_files_hold_modules_that_are_imported_from_a_package(root):
    files = {path.relative_to(root).as_posix() for path in code_files(["harness.cli.track"])}
    assert "harness/tracking/mlflow.py" in files


def test_a_plug_in_of_somebody_else_counts_with_its_own_files(tmp_path, root, monkeypatch):
    package = tmp_path / "their_gait"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "extra.py").write_text("FACTOR = 1\n")
    (package / "mine.py").write_text("import their_gait.extra\nfrom methods.cc import METHOD\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    files = code_files(["their_gait.mine"])
    assert {package / "mine.py", package / "extra.py", root / "methods" / "cc.py"} <= set(files)
    for name in [name for name in sys.modules if name.startswith("their_gait")]:
        del sys.modules[name]


def test_commit_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit() == "none"


def test_commit_outside_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() == "none"


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_commit_marks_changed_sources(tmp_path, monkeypatch):
    def git(*words):
        me = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(["git", *me, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    try:
        git("init", "--quiet")
    except OSError:
        pytest.skip("no git here")
    for name in ("params.yaml", "models/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a = 1\n")
        git("add", name)
    git("commit", "--quiet", "--message", "first")
    monkeypatch.chdir(tmp_path)
    assert commit() == git("rev-parse", "--short=12", "HEAD").strip()
    (tmp_path / "notes.txt").write_text("not a source")
    (tmp_path / "params.yaml").write_text("a = 2\n")  # stands in provenance itself
    assert not commit().endswith("+")
    (tmp_path / "models/a.py").write_text("a = 2\n")
    assert commit().endswith("+")
