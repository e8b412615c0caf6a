"""Archives into stores: the same bytes whatever the archive's form, the order in it and the number of processes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
import raw_sets
from peak import with_helpers
from raw_sets import pack

from harness.data import ingest, workers
from harness.data.dataset import Key
from harness.data.ingest import Request, State, prepare, working_folder
from harness.data.prepare import square
from harness.data.sets import data_set
from harness.data.store import SequenceStore
from harness.errors import PausedError, UserError


def made(name: str, raw: Path, store: Path, jobs: int = 1, **how) -> SequenceStore:
    prepare(Request(data_set(name), raw, store, **how), jobs)
    opened = SequenceStore(store)
    opened.verify()
    return opened


def keys(store: SequenceStore) -> list[Key]:
    labels = store.labels(np.arange(len(store)))
    return [Key(*key) for key in zip(labels.subject.tolist(), labels.condition.tolist(), labels.view.tolist())]


@pytest.fixture(scope="module")
def casia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return raw_sets.casia_b(tmp_path_factory.mktemp("casia"))


@pytest.fixture(scope="module")
def plain(casia: Path, tmp_path_factory: pytest.TempPathFactory) -> SequenceStore:
    return made("casia-b", casia, tmp_path_factory.mktemp("plain") / "store")


def test_a_folder_becomes_the_fields_silhouettes_in_the_order_of_their_names(casia: Path, plain: SequenceStore):
    assert len(plain) == 4 * 10 * 2 and keys(plain) == sorted(keys(plain))
    assert plain.about["dataset"] == "casia-b" and plain.about["counts"]["frames"] == 80 * raw_sets.FRAMES
    for row in (0, 17, 79):
        key = keys(plain)[row]
        files = sorted((casia / key.subject / key.condition / key.view).iterdir())
        images = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files]
        wanted = [square(np.asarray(image, dtype=np.uint8)) for image in images]
        np.testing.assert_array_equal(plain.sequence(row), np.stack([w[:, 10:54] for w in wanted if w is not None]))
    assert {plain.splits()[i]: keys(plain)[i].subject for i in range(len(plain))} == {"train": "002", "test": "076"}


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tgz", ".tar.gz"])
@pytest.mark.parametrize("order", [None, 5])
def test_an_archive_is_its_folder_whatever_the_order_of_its_members(casia, plain, tmp_path, kind, order):
    raw = pack(casia, tmp_path / f"GaitDatasetB-silh{kind}", order)
    assert made("casia-b", raw, tmp_path / "store").digest == plain.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([raw.name, "store"])


def test_any_number_of_processes(casia, plain, tmp_path):
    assert made("casia-b", casia, tmp_path / "store", jobs=3).digest == plain.digest


def test_the_doubled_folder_that_some_unpackers_leave(casia, plain, tmp_path):
    shutil.copytree(casia, tmp_path / "GaitDatasetB-silh" / "GaitDatasetB-silh")
    assert made("casia-b", tmp_path / "GaitDatasetB-silh", tmp_path / "store").digest == plain.digest


@pytest.mark.parametrize("kind", ["folder", ".zip", ".tar", ".tgz"])
def test_a_tar_gz_for_each_subject(casia, plain, tmp_path, kind):
    top = tmp_path / "GaitDatasetB-silh"
    shutil.copytree(casia, top)
    raw_sets.pack_subjects(top)
    assert {path.suffix for path in top.iterdir()} == {".gz"}
    raw = top if kind == "folder" else pack(top, tmp_path / f"raw{kind}")
    assert made("casia-b", raw, tmp_path / "store").digest == plain.digest


def test_archives_that_lie_beside_their_unpacked_folders_are_not_read_twice(casia, plain, tmp_path):
    top = tmp_path / "raw"
    shutil.copytree(casia, top)
    pack(top / "001", top / "001.tar.gz")
    report = prepare(Request(data_set("casia-b"), top, tmp_path / "store"), 1)
    assert SequenceStore(tmp_path / "store").digest == plain.digest
    assert report["findings"] == {"unpacked beside": (1, ["001.tar.gz"])}


def test_a_long_sequence_in_several_pieces_of_a_shuffled_archive(tmp_path):
    top = tmp_path / "raw"
    raw_sets.walk(top / "001" / "nm-01" / "000", 1, frames=1100, digits=4)
    whole = made("casia-b", top, tmp_path / "a")
    assert len(whole) == 1 and whole.length.tolist() == [1100]
    assert made("casia-b", pack(top, tmp_path / "raw.tar", order=1), tmp_path / "b").digest == whole.digest


def test_frames_are_sorted_as_people_count(tmp_path):
    top = tmp_path / "raw" / "001" / "nm-01" / "000"
    top.mkdir(parents=True)
    for number in (1, 2, 10):
        (top / f"{number}.png").write_bytes(raw_sets.png(raw_sets.mask(number, 0)))
    store = made("casia-b", tmp_path / "raw", tmp_path / "store")
    for place, number in enumerate((1, 2, 10)):
        wanted = square(raw_sets.mask(number, 0))
        assert wanted is not None
        np.testing.assert_array_equal(store.sequence(0)[place], wanted[:, 10:54])


# --- the other data sets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", ".zip", ".tgz"])
def test_oumvlp(tmp_path, kind):
    top = raw_sets.oumvlp(tmp_path)
    raw = pack(top, tmp_path / f"raw{kind}", order=2) if kind else top
    store = made("oumvlp", raw, tmp_path / "store")
    assert len(store) == 4 * 2 * 14 and keys(store) == sorted(keys(store))
    split = {key.subject: split for key, split in zip(keys(store), store.splits().tolist())}
    assert split == {"00001": "train", "00002": "test", "00003": "train", "00004": "test"}
    rearranged = tmp_path / "rearranged"
    for folder in top.glob("*/*"):
        view, sequence = folder.parent.name.removeprefix("Silhouette_").split("-")
        shutil.copytree(folder, rearranged / folder.name / sequence / view)
    assert made("oumvlp", rearranged, tmp_path / "again").digest == store.digest


def test_outdoor_gait(tmp_path):
    top = raw_sets.outdoor_gait(tmp_path)
    raw_sets.walk(top / "001" / "scene1_nm_H_090_1", 7, frames=3)
    report = prepare(Request(data_set("outdoor-gait"), pack(top, tmp_path / "raw.tar"), tmp_path / "store"), 1)
    store = SequenceStore(tmp_path / "store")
    assert len(store) == 4 * 36 and keys(store)[0] == ("001", "scene1-bg-01", "090")
    assert store.splits().tolist() == ["train"] * 72 + ["test"] * 72
    assert report["findings"]["unknown view"] == (1, ["OutdoorGait/001/scene1_nm_H_090_1"])


def test_grew(tmp_path):
    top = raw_sets.grew(tmp_path)
    store = made("grew", top, tmp_path / "store")
    assert made("grew", pack(top, tmp_path / "raw.zip", order=4), tmp_path / "again").digest == store.digest
    counts = {split: int((store.splits() == split).sum()) for split in ("train", "test", "probe")}
    assert counts == {"train": 9, "test": 24, "probe": 5} and len(store) == 38
    labels = store.labels(store.rows("test"))
    for subject in set(labels.subject.tolist()):
        mine = np.flatnonzero(labels.subject == subject)
        assert labels.condition[mine].tolist() == ["01", "02"]
        assert labels.view[mine].tolist() == sorted(
            p.name for p in (top / "test/gallery" / subject).iterdir() if p.is_dir()
        )
    assert set(store.labels(store.rows("train")).subject.tolist()) == {"00001train", "00002train", "00003train"}
    frame = cv2.imread(str(top / "test/gallery/00001" / labels.view[0] / "00001.png"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(store.sequence(store.rows("test")[0])[0], np.asarray(frame)[:, 10:54])


def test_grew_as_it_is_packed(tmp_path):
    """train.zip holds train.tgz, which holds a tgz for each subject."""
    top = raw_sets.grew(tmp_path, train=2)
    wanted = made("grew", top, tmp_path / "store").digest
    for place in ("train", "test/gallery", "test/probe"):
        for folder in sorted(path for path in (top / place).iterdir() if path.is_dir()):
            pack(folder, top / place / f"{folder.name}.tgz")
            shutil.rmtree(folder)
        for stray in (top / place).glob("*.png"):
            stray.unlink()
    outer = tmp_path / "outer"
    outer.mkdir()
    for name in ("train", "test"):
        inner = tmp_path / name
        inner.mkdir()
        pack(top / name, inner / f"{name}.tgz")
        pack(inner, outer / f"{name}.zip", inside="")
    assert made("grew", outer, tmp_path / "again").digest == wanted


def test_validation_subjects_come_from_the_end_of_the_training_subjects(casia, tmp_path):
    store = made("casia-b", casia, tmp_path / "store", validation=1)
    assert {k.subject: s for k, s in zip(keys(store), store.splits().tolist())} == {
        "001": "train", "002": "val", "075": "test", "076": "test",
    }  # fmt: skip
    with pytest.raises(UserError, match="2 of 2 training subjects would leave nobody"):
        made("casia-b", casia, tmp_path / "none", validation=2)


@pytest.mark.parametrize("width", [64, 44])
def test_opengait_pickles_and_partition(tmp_path, width):
    keyed = [(s, "nm-01", v) for s in ("001", "002", "003", "075") for v in ("000", "018")]
    top = raw_sets.opengait(tmp_path, keyed, width)
    given = raw_sets.partition(tmp_path / "CASIA-B.json", ["001"], ["075", "003"])
    report = prepare(Request(data_set("casia-b"), top, tmp_path / "store", str(given)), 1)
    store = SequenceStore(tmp_path / "store")
    split = {key.subject: split for key, split in zip(keys(store), store.splits().tolist())}
    assert split == {"001": "train", "003": "test", "075": "test"} and set(store.length) == {7}
    assert report["findings"]["outside the partition"][0] == 2
    frames = [cv2.resize(raw_sets.mask(0, f), (width, 64)) for f in range(7)]
    np.testing.assert_array_equal(store.sequence(0), np.stack(frames)[..., (width - 44) // 2 : (width + 44) // 2])


# --- interruptions --------------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from harness.data.ingest import Request, prepare
from harness.data.sets import data_set
if __name__ == "__main__":
    raw, store, jobs = sys.argv[1:]
    print(prepare(Request(data_set("casia-b"), Path(raw), Path(store)), int(jobs))["resumed"])
"""


def kept(work: Path) -> int:
    """Pieces in the journal of a preparation that was killed."""
    if not (work / "journal.sqlite").is_file():
        return 0
    with closing(sqlite3.connect(work / "journal.sqlite")) as db:
        known = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'piece'").fetchone()[0]
        return db.execute("SELECT count(*) FROM piece").fetchone()[0] if known else 0


@pytest.mark.parametrize("kind", ["", ".tgz"])
def test_killed_at_random_moments_it_goes_on_to_the_same_store(casia, plain, tmp_path, kind):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    raw = pack(casia, tmp_path / f"raw{kind}", order=1) if kind else casia
    store = tmp_path / "store"
    command = [sys.executable, str(script), str(raw), str(store), "2"]
    rng = random.Random(kind)
    longest, done, kills = 3.0, 0, 0
    while kills < 4:
        before = kept(working_folder(store))
        assert before >= done
        done = before
        began = time.monotonic()
        shutil.rmtree(store, ignore_errors=True)
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            out, _ = child.communicate(timeout=rng.uniform(0.3, longest))
        except subprocess.TimeoutExpired:
            child.kill()  # its processes notice by themselves
            child.communicate()
            kills += 1
            done = 0 if (store / "store.json").is_file() else done  # killed after the end
            continue
        assert child.returncode == 0 and int(out) == before
        longest = max(0.5, 0.9 * (time.monotonic() - began))
        assert SequenceStore(store).digest == plain.digest
        shutil.rmtree(store)
        done, kills = 0, kills + 1
    before = kept(working_folder(store))
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(out) == before
    assert SequenceStore(store).digest == plain.digest and not working_folder(store).exists()


class StopError(Exception):
    pass


def stopped_after(pieces: int, request: Request) -> None:
    def stop(state: State) -> None:
        if state.frames >= pieces * raw_sets.FRAMES:
            raise StopError

    with pytest.raises(StopError):
        prepare(request, 1, stop)


def test_nothing_finished_is_done_again_and_what_changed_is(casia, plain, tmp_path, monkeypatch):
    raw = tmp_path / "raw"
    shutil.copytree(casia, raw)
    request = Request(data_set("casia-b"), raw, tmp_path / "store")
    stopped_after(30, request)
    changed = raw / "001" / "bg-01" / "000"  # the first of all
    (changed / "001-bg-01-000-006.png").unlink()
    again = []
    original = workers.prepare_run
    monkeypatch.setattr(workers, "prepare_run", lambda run, *rest: (again.append(run.place), original(run, *rest))[1])
    report = prepare(request, 1)
    assert report["resumed"] == 29 and len(again) == 80 - 29 and "001/bg-01/000" in again
    store = SequenceStore(tmp_path / "store")
    assert store.digest != plain.digest and store.length[0] == raw_sets.FRAMES - 1


def test_damaged_state_is_done_again(casia, plain, tmp_path):
    request = Request(data_set("casia-b"), casia, tmp_path / "store")
    stopped_after(30, request)
    spool = working_folder(request.store) / "frames.raw"
    content = bytearray(spool.read_bytes())
    content[128 + 2816 * 20] ^= 1
    spool.write_bytes(content[:-1000])
    report = prepare(request, 1)
    assert report["resumed"] == 28 and SequenceStore(request.store).digest == plain.digest


def test_state_of_another_archive_or_data_set_is_not_taken_up(casia, plain, tmp_path):
    other = raw_sets.casia_b(tmp_path, subjects=(3,))
    stopped_after(5, Request(data_set("casia-b"), other, tmp_path / "store"))
    report = prepare(Request(data_set("casia-b"), casia, tmp_path / "store"), 1)
    assert report["resumed"] == 0 and SequenceStore(tmp_path / "store").digest == plain.digest


def test_an_old_store_stays_until_the_new_one_is_whole(casia, plain, tmp_path):
    small = raw_sets.casia_b(tmp_path, subjects=(3,))
    old = made("casia-b", small, tmp_path / "store").digest
    stopped_after(5, Request(data_set("casia-b"), casia, tmp_path / "store"))
    assert SequenceStore(tmp_path / "store").digest == old
    assert made("casia-b", casia, tmp_path / "store").digest == plain.digest


def test_state_that_shares_its_frames_with_a_finished_store_leaves_them_alone(casia, tmp_path, monkeypatch):
    """Killed after the store was in place and before the state was removed."""
    raw = tmp_path / "raw"
    shutil.copytree(casia, raw)
    request = Request(data_set("casia-b"), raw, tmp_path / "store")
    work = working_folder(request.store)
    monkeypatch.setattr(ingest, "_remove", lambda _: None)
    digest = made("casia-b", raw, request.store).digest
    monkeypatch.undo()
    assert (work / "frames.raw").stat().st_nlink == 2
    shutil.rmtree(raw / "076" / "nm-06")
    raw_sets.walk(raw / "003" / "nm-01" / "000", 5)
    stopped_after(1, request)  # the new sequence is written
    store = SequenceStore(request.store)
    store.verify()
    assert store.digest == digest
    assert prepare(request, 1)["resumed"] == 79


def test_two_at_a_time_on_one_store(casia, tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "_PATIENCE", 0.1)
    request = Request(data_set("casia-b"), casia, tmp_path / "store")

    def second(_: State) -> None:
        with pytest.raises(PausedError, match="another process"):
            prepare(request, 1)
        raise StopError

    with pytest.raises(StopError):
        prepare(request, 1, second)


def test_a_killed_process_is_one_line_and_the_work_goes_on(casia, plain, tmp_path, monkeypatch):
    request = Request(data_set("casia-b"), casia, tmp_path / "store")
    monkeypatch.setattr(workers, "_start", _die_soon)
    with pytest.raises(PausedError, match="a process was killed"):
        prepare(request, 2)
    monkeypatch.undo()
    prepare(request, 1)
    assert SequenceStore(request.store).digest == plain.digest


def _die_soon() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("kind", ["folder", ".zip", ".tgz", "subjects", "subjects in a zip", "tgz in zips"])
def test_progress_goes_evenly_from_nothing_to_the_total(casia, tmp_path, kind):
    """Also where one archive holds everything: GREW's is a tgz of tgz in a zip."""
    raw = tmp_path / "GaitDatasetB-silh"
    shutil.copytree(casia, raw)
    if kind != "folder":
        for number, subject in enumerate(raw.iterdir()):  # more than what readers take at once
            (subject / "about.bin").write_bytes(np.random.default_rng(number).bytes(400_000))
    if kind in (".zip", ".tgz"):
        raw = pack(raw, tmp_path / f"raw{kind}")
    elif kind != "folder":
        raw_sets.pack_subjects(raw)
    if kind == "subjects in a zip":
        raw = pack(raw, tmp_path / "raw.zip")
    elif kind == "tgz in zips":
        (tmp_path / "inner").mkdir()
        pack(raw, tmp_path / "inner" / "train.tgz")
        (tmp_path / "outer").mkdir()
        pack(tmp_path / "inner", tmp_path / "outer" / "train.zip")
        raw = tmp_path / "outer"
    seen: list[State] = []
    prepare(Request(data_set("casia-b"), raw, tmp_path / "store"), 1, seen.append)
    total, frames = seen[0].total, 80 * raw_sets.FRAMES
    assert seen[-1].frames == frames and 0.8 * total < seen[-1].done <= total
    assert [s.done for s in seen] == sorted(s.done for s in seen)
    assert all(abs(s.done / total - s.frames / frames) < 0.5 for s in seen)


MEASURED = """
import sys
from pathlib import Path
from peak import peak_kib
from harness.data.ingest import Request, prepare
from harness.data.sets import data_set
prepare(Request(data_set("casia-b"), Path(sys.argv[1]), Path(sys.argv[2])), 1)
print(peak_kib())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", [".zip", ".tar", ".tgz"])
def test_memory_does_not_grow_with_the_archive(tmp_path, kind):
    """Eight times as much of it: 35 MB more silhouettes and 12,000 members more take less than 4 MB more."""
    frame = raw_sets.png(raw_sets.mask(1, 1))

    def peak(subjects: int) -> int:
        one = data_set("casia-b")
        keys = [key for key in (one.complete() if one.complete else ()) if int(key.subject) <= subjects]
        members = (("/".join((*key, f"{n:03d}.png")), frame) for key in keys for n in range(4))
        raw = raw_sets.write_archive(tmp_path / f"raw-{subjects}{kind}", members)
        command = [sys.executable, "-c", MEASURED, str(raw), str(tmp_path / "store")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=with_helpers())
        return int(done.stdout)

    assert peak(32) - peak(4) < 4 * 1024
