"""An image lays its sources out in an empty workspace, renews them, and leaves what is a user's alone."""

from __future__ import annotations

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


def test_a_newer_image_renews_the_sources_and_keeps_what_is_the_users(source: Path, monkeypatch: pytest.MonkeyPatch):
    lay_out()
    for name in ("params.yaml", ".dvc/config", "dvc.lock"):
        Path(name).write_text("mine")
    Path("harness/old.py").write_text("of the old image")
    (source / "harness/a.py").write_text("second")
    (source / "dvc.lock").write_text("of the image")
    lay_out()
    assert Path("harness/a.py").read_text() == "first"
    monkeypatch.setenv("HARNESS_COMMIT", "abd")
    lay_out()
    assert Path("harness/a.py").read_text() == "second" and not Path("harness/old.py").exists()
    assert {Path(name).read_text() for name in ("params.yaml", ".dvc/config", "dvc.lock")} == {"mine"}


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
