"""An image lays its sources out in an empty workspace, renews them, and leaves what is a user's alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.checks import repository
from harness.cli.workspace import lay_out
from harness.errors import UserError
from harness.identity import commit, image


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an image holds, and a workspace to run in."""
    folder = tmp_path / "opt"
    (folder / "harness/__pycache__").mkdir(parents=True)
    (folder / "harness/a.py").write_text("first")
    (folder / "harness/__pycache__/a.pyc").write_text("x")
    (folder / ".dvc").mkdir()
    for name in ("dvc.yaml", "params.yaml", ".dvc/config"):
        (folder / name).write_text(f"{name} of the image")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HARNESS_SOURCE", str(folder))
    monkeypatch.setenv("HARNESS_COMMIT", "abc")
    return folder


def test_an_empty_folder_is_filled(source: Path):
    lay_out()
    assert Path("harness/a.py").read_text() == "first"
    assert not Path("harness/__pycache__").exists()
    assert Path("params.yaml").exists() and Path(".dvc/config").exists()


def test_a_newer_image_renews_the_sources_and_keeps_what_is_the_users(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name in ("old.py", "gone.py", "b.py"):
        (source / "harness" / name).write_text("of the old image")
    lay_out()
    mine = ("params.yaml", ".dvc/config", "dvc.lock", "conf/suite/mine.yaml", "harness/b.py", "harness/gone.py")
    for name in mine:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("mine")
    for name in ("old.py", "gone.py"):
        (source / "harness" / name).unlink()
    (source / "harness/a.py").write_text("second")
    (source / "harness/b.py").write_text("second")
    (source / "conf/suite").mkdir(parents=True)
    (source / "conf/suite/smoke.yaml").write_text("second")
    (source / "dvc.lock").write_text("of the image")
    lay_out()
    assert Path("harness/a.py").read_text() == "first"
    monkeypatch.setenv("HARNESS_COMMIT", "abd")
    lay_out()
    assert Path("harness/a.py").read_text() == "second" and not Path("harness/old.py").exists()
    assert Path("conf/suite/smoke.yaml").read_text() == Path("harness/b.py").read_text() == "second"
    kept = {name: Path(name).read_text() for name in mine if name != "harness/b.py"}
    assert kept | {"b": Path("harness/b.py.mine").read_text()} == dict.fromkeys([*kept, "b"], "mine")
    assert "harness/b.py: this image has another than yours" in capsys.readouterr().err


def test_nothing_of_the_users_is_lost_whatever_comes_after_what(source: Path, monkeypatch: pytest.MonkeyPatch):
    """An image that brings a file of the user's name, a second edit, and a volume of before files were written down."""
    lay_out()
    Path("methods").mkdir()
    (source / "methods").mkdir()
    for edit, brought in (("one", "A"), ("two", "B"), ("three", "C")):
        Path("methods/ours.py").write_text(edit)
        (source / "methods/ours.py").write_text(brought)
        monkeypatch.setenv("HARNESS_COMMIT", brought)
        lay_out()
        assert Path("methods/ours.py").read_text() == brought
    Path(".image").write_text("old version\n")
    Path("harness/a.py").write_text("four")
    lay_out()
    kept = sorted(path.read_text() for path in Path().rglob("*.mine*"))
    assert kept == ["four", "one", "three", "two"]


def test_a_killed_renewal_goes_on_and_can_go_back(source: Path, monkeypatch: pytest.MonkeyPatch):
    lay_out()
    (source / "harness/a.py").write_text("second")
    (source / "harness/z.py").write_text("only in the second")
    real, copied = shutil.copyfile, []

    def once(one: Path, other: Path) -> None:
        if copied:
            raise KeyboardInterrupt
        copied.append(real(one, other))

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setenv("HARNESS_COMMIT", "second")
        patched.setattr("harness.cli.workspace.shutil.copyfile", once)
        lay_out()
    (source / "harness/a.py").write_text("first")
    (source / "harness/z.py").unlink()
    lay_out()  # the first image again: its version is not what the mark says
    assert Path("harness/a.py").read_text() == "first" and not Path("harness/z.py").exists()
    assert not list(Path().rglob("*.mine"))


def test_what_is_in_the_way_is_named(source: Path, monkeypatch: pytest.MonkeyPatch):
    lay_out()
    (source / "harness/new.py").write_text("second")
    Path("harness/new.py").mkdir()
    monkeypatch.setenv("HARNESS_COMMIT", "second")
    with pytest.raises(UserError, match=r"new\.py.*: cannot be written \(Is a directory\).*move what is in the way"):
        lay_out()
    assert not list(Path().rglob("*.new"))
    Path("harness/new.py").rmdir()
    lay_out()
    assert Path("harness/new.py").read_text() == "second"


def test_a_first_start_that_is_interrupted_goes_on(source: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("harness.cli.workspace.shutil.copyfile", killed)
        lay_out()
    lay_out()
    assert all(Path(name).is_file() for name in ("harness/a.py", "dvc.yaml", "params.yaml", ".dvc/config"))
    assert ".image" in {path.name for path in Path().iterdir()}


@pytest.mark.parametrize("name", ["models/mine.pt", "results/thesis.csv", "README.md"])
def test_a_folder_with_somebodys_own_files_is_refused(source: Path, name: str):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("mine")
    with pytest.raises(UserError, match=f"holds {name.split('/')[0]}, which would be replaced; mount an empty folder"):
        lay_out()
    assert [path.as_posix() for path in Path().rglob("*") if path.is_file()] == [name]


def test_a_mounted_checkout_is_left_alone(source: Path):
    Path("dvc.yaml").write_text("mine")
    lay_out()
    assert sorted(path.name for path in Path().iterdir()) == ["dvc.yaml"]
    assert commit() == "none"  # not the image's: its code is not what runs
    assert repository.git().state == "warning"
    assert Path("dvc.yaml").read_text() == "mine"


def test_outside_an_image_nothing_happens(source: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HARNESS_SOURCE")
    lay_out()
    assert list(Path().iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(source: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("harness.cli.workspace.atomic_path", refuse)
    with pytest.raises(UserError, match="mount a folder or a volume"):
        lay_out()


def test_provenance_names_the_image(source: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_IMAGE", "sha256:1234")
    monkeypatch.setenv("HARNESS_LOCK", "ef")
    assert image() == {"commit": "abc", "lock": "ef", "digest": "sha256:1234"}
    assert commit() == "none"  # no git here, and nothing that the image laid out
    lay_out()
    assert commit() == "abc"
    monkeypatch.delenv("HARNESS_SOURCE")
    assert image() is None and commit() == "none"
