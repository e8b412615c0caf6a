"""Checkpoint files: whole, checked, never code; and the states that a run keeps."""

import errno
import hashlib
import io
import os
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch

from harness import config
from harness.errors import UserError
from harness.registry import find
from harness.training import checkpoint
from harness.training.checkpoint import Resume


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.target,)


def wrapped(body: bytes) -> bytes:
    """A body with the head and the checksum that the harness itself would give it."""
    return checkpoint._MAGIC + hashlib.sha256(body).digest() + body


def test_checkpoint_round_trip(tiny: Any, tmp_path: Path):
    content = {"network": tiny.small().state_dict(), "epoch": 3, "history": [{"loss": 0.5}], "none": None}
    checkpoint.save(tmp_path / "a.pt", content)
    got = checkpoint.load(tmp_path / "a.pt")
    assert tiny.equal(got.pop("network"), content.pop("network")) and got == content
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


def test_what_is_saved_is_not_in_memory_twice(tmp_path: Path):
    content = {"weights": torch.zeros(4_000_000)}
    tracemalloc.start()
    checkpoint.save(tmp_path / "a.pt", content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "a.pt").stat().st_size > 16_000_000 > 8 * peak


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped", "torch's own", "pickle", "magic only"])
def test_damaged_or_foreign_checkpoint(damage: str, tiny: Any, tmp_path: Path):
    file = tmp_path / "a.pt"
    checkpoint.save(file, {"network": tiny.small().state_dict()})
    raw = file.read_bytes()
    half = len(raw) // 2
    if damage == "missing":
        file.unlink()
    elif damage == "torch's own":
        torch.save({"network": tiny.small().state_dict()}, file)
    else:
        file.write_bytes(
            {
                "empty": b"",
                "truncated": raw[:-1],
                "flipped": raw[:half] + bytes([raw[half] ^ 4]) + raw[half + 1 :],
                "pickle": pickle.dumps(Bomb(tmp_path / "went off")),
                "magic only": raw[:8],
            }[damage]
        )
    with pytest.raises(UserError, match=r"a\.pt"):
        checkpoint.load(file)
    assert not (tmp_path / "went off").exists()


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_code_behind_a_right_checksum_does_not_run(form: str, tmp_path: Path):
    bomb, file = Bomb(tmp_path / "went off"), tmp_path / "a.pt"
    if form == "torch":
        torch.save({"network": bomb}, file)
    else:
        file.write_bytes(pickle.dumps({"network": bomb}))
    file.write_bytes(wrapped(file.read_bytes()))
    with pytest.raises(UserError, match=r"a\.pt"):
        checkpoint.load(file)
    assert not (tmp_path / "went off").exists()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Writing a state fails half-way, as on a full disk, once the list that this returns is not empty."""
    plain, full = Path.open, []

    class Filling(io.BufferedWriter):
        def write(self, data: Any) -> int:
            if self.tell() > 1000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    def opened(self: Path, mode: str = "r", *words: Any, **more: Any) -> Any:
        if full and mode == "wb" and self.name.startswith("step-"):
            return Filling(io.FileIO(self, "w"))
        return plain(self, mode, *words, **more)

    monkeypatch.setattr(Path, "open", opened)
    return full


def test_a_full_disk_stops_no_run_and_spoils_no_state(
    full_disk: list[Path], settings: config.Settings, tiny: Any, tmp_path: Path
):
    make = find("method", "upper")
    wanted, place = tiny.fit(make(settings), tmp_path / "whole")

    class Filling(tiny.Ear):
        def planning(self, epoch: int) -> None:
            if epoch == 2:
                full_disk.append(tmp_path)

    ear = Filling()
    got, other = tiny.fit(make(settings), tmp_path / "parts", ear)
    assert tiny.equal(got, wanted) and other == place
    assert len(ear.notes) == 2 and all("No space left" in note and "goes on" in note for note in ear.notes)
    assert sorted(p.name for p in (tmp_path / "parts").iterdir()) == ["step-000000002.pt", "step-000000004.pt"]
    full_disk.clear()
    again = tiny.Ear()
    got, _ = tiny.fit(make(settings), tmp_path / "parts", again)
    assert again.notes == ["resumed after epoch 1"] and tiny.equal(got, wanted)


def test_a_damaged_newest_state_makes_way(tmp_path: Path):
    """It would otherwise count as one of the last two, and leave a single one to fall back on."""
    resume = Resume(tmp_path)
    for step in (10, 20):
        assert resume.save(step, {"step": step}) is None
    newest = tmp_path / "step-000000020.pt"
    newest.write_bytes(newest.read_bytes()[:-1])
    state, notes = resume.latest()
    assert state == {"step": 10} and len(notes) == 1 and "damaged" in notes[0]
    assert resume.save(15, {"step": 15}) is None
    assert [file.name for file in resume.files()] == ["step-000000010.pt", "step-000000015.pt"]
    for file in resume.files():
        file.write_bytes(b"")
    state, notes = resume.latest()
    assert state is None and len(notes) == 2
    assert resume.save(5, {"step": 5}) is None and resume.latest() == ({"step": 5}, [])
    resume.close()


@pytest.mark.skipif(not (sys.platform == "linux" and os.geteuid() == 0), reason="needs to mount a tmpfs")
def test_a_really_full_disk(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("may not mount here")
    try:
        resume = Resume(disk)
        content = {"weights": torch.arange(30_000.0)}
        assert resume.save(1, content) is None and resume.save(2, content) is None
        trouble = resume.save(3, content)
        assert trouble is not None and "after step 3" in trouble
        state, notes = resume.latest()
        assert [file.name for file in resume.files()] == ["step-000000001.pt", "step-000000002.pt"] and notes == []
        assert state is not None and torch.equal(state["weights"], content["weights"])
        resume.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_too_full_for_a_folder(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where folders take blocks, a full disk refuses the scratch folder before any byte is written."""

    def refuse(**_: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    resume = Resume(tmp_path)
    assert resume.save(1, {"a": 1}) is None
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    trouble = resume.save(2, {"a": 2})
    assert trouble is not None and "after step 2" in trouble and "o space left" in trouble
    assert resume.latest() == ({"a": 1}, [])
    resume.close()


def test_a_file_system_without_second_names_keeps_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    resume = Resume(tmp_path, keep=2)
    for step in range(1, 6):
        assert resume.save(step, {"step": step}) is None
    assert checkpoint.load(resume.kept) == {"step": 2} and len(resume.files()) == 2
    resume.close()


def test_killed_before_the_state_to_verify_from_was_kept(tmp_path: Path):
    resume = Resume(tmp_path, keep=2)
    resume.save(2, {"step": 2})
    resume.kept.unlink()
    resume.close()
    resume = Resume(tmp_path, keep=2)
    assert resume.latest() == ({"step": 2}, []) and checkpoint.load(resume.kept) == {"step": 2}
    resume.close()


def test_only_one_process_trains_a_run(tmp_path: Path):
    one = Resume(tmp_path)
    with pytest.raises(UserError, match="another process"):
        Resume(tmp_path)
    one.close()
    Resume(tmp_path).close()


def test_what_a_killed_writer_left_goes_away(tmp_path: Path):
    (tmp_path / ".step-000000003.pt.abc").mkdir()
    (tmp_path / ".step-000000003.pt.abc" / "step-000000003.pt").write_bytes(b"half")
    resume = Resume(tmp_path)
    assert resume.files() == [] and resume.latest() == (None, [])
    assert [file.name for file in tmp_path.iterdir()] == ["lock"]
    resume.remove()
    assert not tmp_path.exists()


def test_the_state_to_verify_from_is_kept(settings: config.Settings, tiny: Any, tmp_path: Path):
    make = find("method", "cc")
    wanted, place = tiny.fit(make(settings), tmp_path / "run", keep=4)
    (tmp_path / "again").mkdir()
    (tmp_path / "run" / "kept.pt").rename(tmp_path / "again" / "step-000000004.pt")
    ear = tiny.Ear()
    got, other = tiny.fit(make(settings), tmp_path / "again", ear)
    assert ear.steps[0] == (2, 0) and tiny.equal(got, wanted) and other == place
