"""Stores: what goes in comes out, damage is noticed, and half a store never exists."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from peak import with_helpers

from harness.data import store as store_module
from harness.data.store import HEADER_BYTES, Row, Sequence, SequenceStore, seal, write_store
from harness.errors import UserError
from harness.files import sha256


def walks(seed: int = 0, count: int = 7) -> list[Sequence]:
    rng = np.random.default_rng(seed)
    return [
        Sequence(
            subject=f"{i // 2:03d}",
            condition=("nm-01", "bg-01")[i % 2],
            view=f"{18 * i:03d}",
            split="train" if i < 5 else "test",
            frames=rng.integers(0, 256, (int(rng.integers(1, 9)), 64, 44), dtype=np.uint8),
        )
        for i in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_store(tmp_path / "store", walks(), {"dataset": "random"})
    return tmp_path / "store"


def test_round_trip(path: Path):
    store = SequenceStore(path)
    store.verify()
    assert len(store) == 7 and store.about["dataset"] == "random"
    assert store.about["counts"] == {
        "sequences": 7,
        "frames": sum(len(w.frames) for w in walks()),
        "subjects": 4,
        "empty": 0,
    }
    labels = store.labels(np.arange(7))
    for row, walk in enumerate(walks()):
        np.testing.assert_array_equal(store.sequence(row), walk.frames)
        assert (labels.subject[row], labels.condition[row], labels.view[row]) == (
            walk.subject,
            walk.condition,
            walk.view,
        )
    assert store.rows("train").tolist() == [0, 1, 2, 3, 4] and store.rows("test").tolist() == [5, 6]
    assert labels.view_deg.tolist() == [18 * i for i in range(7)]


def test_digest_follows_content_alone(path: Path, tmp_path: Path):
    digest = SequenceStore(path).digest
    write_store(tmp_path / "same", iter(walks()), {"dataset": "other name"})
    write_store(tmp_path / "other", walks(seed=1), {"dataset": "random"})
    write_store(tmp_path / "order", walks()[::-1], {"dataset": "random"})
    assert SequenceStore(tmp_path / "same").digest == digest
    assert len({digest, SequenceStore(tmp_path / "other").digest, SequenceStore(tmp_path / "order").digest}) == 3


def flip(file: Path, place: int) -> None:
    raw = bytearray(file.read_bytes())
    raw[place] ^= 1
    file.write_bytes(raw)


def test_flipped_byte_in_frames(path: Path):
    flip(path / "frames.npy", -100)
    store = SequenceStore(path)
    with pytest.raises(UserError, match=r"frames\.npy"):
        store.verify()


def test_damaged_index(path: Path):
    flip(path / "index.npz", 200)
    with pytest.raises(UserError, match=r"index\.npz"):
        SequenceStore(path)


@pytest.mark.parametrize("name", ["store.json", "index.npz"])
def test_missing_file(path: Path, name: str):
    (path / name).unlink()
    with pytest.raises(UserError, match=name):
        SequenceStore(path)


@pytest.mark.parametrize("left", [-1000, 60, None], ids=["cut short", "header only", "missing"])
def test_frames_cut_short_or_missing_are_a_user_error(path: Path, left: int | None):
    file = path / "frames.npy"
    if left is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(UserError, match=r"frames\.npy"):
        SequenceStore(path).verify()


def test_other_format(path: Path):
    about = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps({**about, "format": 99}))
    with pytest.raises(UserError, match=r"store.json: not a store of format 1"):
        SequenceStore(path)


def test_labels_are_hidden_on_request(path: Path):
    store = SequenceStore(path)
    pool = store.pool("train", labels=False)
    assert pool.labels is None and len(pool) == 5
    np.testing.assert_array_equal(pool.start, store.start[:5])
    np.testing.assert_array_equal(pool.length, store.length[:5])
    seen = store.pool("train", labels=True).labels
    assert seen is not None and seen.subject.tolist() == ["000", "000", "001", "001", "002"]


def test_unknown_split_names_those_that_exist(path: Path):
    with pytest.raises(UserError, match=r"'validation'.*test.*train"):
        SequenceStore(path).rows("validation")


def test_nothing_to_store_leaves_nothing_behind(tmp_path: Path):
    folder = tmp_path / "there"
    with pytest.raises(UserError, match="no frame"):
        write_store(folder / "store", [], {})
    assert list(folder.iterdir()) == []


def test_failure_midway_leaves_nothing_behind(tmp_path: Path):
    def broken() -> Iterator[Sequence]:
        yield from walks()[:3]
        raise RuntimeError("disk full")

    folder = tmp_path / "there"
    with pytest.raises(RuntimeError, match="disk full"):
        write_store(folder / "store", broken(), {})
    assert list(folder.iterdir()) == []


def test_failure_midway_keeps_the_store_before(path: Path):
    def broken() -> Iterator[Sequence]:
        yield walks(seed=5)[0]
        raise KeyboardInterrupt

    digest = SequenceStore(path).digest
    with pytest.raises(KeyboardInterrupt):
        write_store(path, broken(), {})
    store = SequenceStore(path)
    store.verify()
    assert store.digest == digest and list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_store_opens_at_once_and_keeps_its_frames_on_the_disk(tmp_path: Path):
    """100,000 sequences; their frames are a hole in the file, which takes no room."""
    count, length = 100_000, 30
    rows = (Row(f"{i // 5:05d}train", "00", f"{i:08x}", "train", length) for i in range(count))
    folder = tmp_path / "store"
    folder.mkdir()
    with (folder / "frames.npy").open("wb") as stream:
        stream.truncate(HEADER_BYTES)
    digest = hashlib.sha256(b"").hexdigest()

    def no_frames(*paths: Path) -> str:
        return digest if paths[0].name == "frames.npy" else sha256(*paths)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "sha256", no_frames)  # nobody reads 8 GB of nothing
        seal(folder, rows, {}, {"dataset": "large"})
    os.truncate(folder / "frames.npy", HEADER_BYTES + count * length * 64 * 44)
    code = (
        "import sys, time\n"
        "from harness.data.store import SequenceStore\n"
        "from peak import peak_kib\n"
        "before = peak_kib()\n"
        "began = time.process_time()\n"
        "store = SequenceStore(sys.argv[1])\n"
        "print(time.process_time() - began, peak_kib() - before, len(store))\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=with_helpers())
    seconds, kib, found = (float(part) for part in done.stdout.split())
    index = sum(array.nbytes for array in np.load(folder / "index.npz").values())
    assert found == count and seconds < 1
    assert kib * 1024 < index + 4e6


def test_the_same_sequences_are_the_same_bytes_with_any_python(path: Path):
    """Measured with 3.11.7 and 3.11.2, whose zipfile modules make different files of ``np.savez``."""
    files = json.loads((path / "store.json").read_text())["files"]
    assert files["index.npz"] == "faf0e4eacbedfc0dc1211060b87a3223696fe3c5716508ba59eeacfcaae00425"
