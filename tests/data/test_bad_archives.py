"""Bad archives: one clear line and nothing written, or counted and named in the report."""

from __future__ import annotations

import io
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import raw_sets
from raw_sets import mask, pack, png, write_archive

from harness.data import journal
from harness.data.ingest import Request, prepare, working_folder
from harness.data.sets import data_set
from harness.data.spots import MIB, Limits
from harness.data.store import SequenceStore
from harness.errors import PausedError, UserError

GOOD = "001/nm-01/000"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """One good sequence of six frames."""
    raw_sets.walk(tmp_path / "raw" / GOOD, 1)
    return tmp_path / "raw"


def findings(raw: Path, name: str = "casia-b") -> dict[str, tuple[int, list[str]]]:
    return prepare(Request(data_set(name), raw, raw.parent / "store"), 1)["findings"]


def frames_of(raw: Path) -> list[int]:
    return SequenceStore(raw.parent / "store").length.tolist()


def refused(raw: Path, limits: Limits | None = None, name: str = "casia-b") -> str:
    """The line of a refusal; nothing may be left of the attempt."""
    before = sorted(raw.parent.iterdir())
    with pytest.raises(UserError) as caught:
        prepare(Request(data_set(name), raw, raw.parent / "store", limits=limits or Limits()), 1)
    assert sorted(raw.parent.iterdir()) == before
    line = str(caught.value)
    assert "\n" not in line and not isinstance(caught.value, PausedError)
    return line


# --- frames ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["truncated", "flipped", "no picture", "empty file", "text"])
def test_unreadable_frames_are_left_out_and_named(raw: Path, fault: str):
    place = raw / GOOD / "002.png"
    data = place.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 255
    header_only = data[:33] + data[-12:]
    bad = {
        "truncated": data[:-20],
        "flipped": bytes(flipped),
        "no picture": header_only,
        "empty file": b"",
        "text": b"x",
    }
    place.write_bytes(bad[fault])
    assert findings(raw)["unreadable"] == (1, [f"{GOOD}/002.png"])
    assert frames_of(raw) == [5]


def test_colour_is_turned_grey_and_sixteen_bits_to_eight(raw: Path):
    wanted = prepare(Request(data_set("casia-b"), raw, raw.parent / "plain"), 1)
    assert wanted["findings"] == {}
    image = cv2.imread(str(raw / GOOD / "001.png"), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    (raw / GOOD / "001.png").write_bytes(png(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)))
    (raw / GOOD / "002.png").write_bytes(png(mask(1, 2).astype(np.uint16) * 257))
    found = findings(raw)
    assert found == {"colour": (1, [f"{GOOD}/001.png"]), "16 bit": (1, [f"{GOOD}/002.png"])}
    assert SequenceStore(raw.parent / "store").digest == SequenceStore(raw.parent / "plain").digest


def test_frames_of_another_size_are_used_and_counted(raw: Path):
    (raw / GOOD / "004.png").write_bytes(png(mask(1, 4, rows=90, columns=120)))
    assert findings(raw) == {"other size": (1, [f"{GOOD}/004.png"])}
    assert frames_of(raw) == [6]


def test_a_picture_of_more_pixels_than_the_limit_is_never_decoded(raw: Path):
    data = bytearray((raw / GOOD / "003.png").read_bytes())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (raw / GOOD / "003.png").write_bytes(bytes(data))
    assert findings(raw) == {"too large": (1, [f"{GOOD}/003.png"])}


def test_nobody_short_one_frame_and_empty(raw: Path):
    black = png(np.zeros((60, 80), np.uint8))
    (raw / GOOD / "001.png").write_bytes(black)
    (raw / "001/nm-02/000").mkdir(parents=True)  # nothing in it
    raw_sets.walk(raw / "001/nm-03/000", 1, frames=1)
    raw_sets.walk(raw / "001/nm-04/000", 1, frames=3)
    raw_sets.walk(raw / "001/nm-05/000", 1, frames=2)
    for file in (raw / "001/nm-05/000").iterdir():
        file.write_bytes(black)
    assert findings(raw) == {
        "empty folder": (1, ["001/nm-02/000"]),
        "empty": (1, ["001/nm-05/000"]),
        "short": (1, ["001/nm-04/000"]),
        "one frame": (1, ["001/nm-03/000"]),
        "nobody": (3, [f"{GOOD}/001.png", "001/nm-05/000/001.png", "001/nm-05/000/002.png"]),
    }
    assert frames_of(raw) == [5, 1, 3]
    assert SequenceStore(raw.parent / "store").about["counts"]["empty"] == 1


def test_grew_frames_that_do_not_come_cut_are_cut(tmp_path: Path):
    raw_sets.walk(tmp_path / "raw/train/00001/ab12", 1)
    assert findings(tmp_path / "raw", "grew")["not aligned"][0] == 6


# --- names ----------------------------------------------------------------------------------------------------


def test_unknown_names_are_counted_not_guessed(raw: Path):
    for place in ("001/nm-01/045", "001/nm-09/000", "200/nm-01/000", "Ærøskøbing/nm-01/000", "notes"):
        raw_sets.walk(raw / place, 1, frames=2)
    (raw / "readme.txt").write_text("x")
    (raw / "001" / "nm-01" / "gei.png").write_bytes(png(mask(1, 1)))
    assert findings(raw) == {
        "unknown subject": (2, ["200/nm-01/000", "Ærøskøbing/nm-01/000"]),
        "unknown condition": (1, ["001/nm-09/000"]),
        "unknown view": (1, ["001/nm-01/045"]),
        "not in the layout": (1, ["notes"]),
        "other file": (2, ["001/nm-01/gei.png", "readme.txt"]),
    }
    assert frames_of(raw) == [6]


@pytest.mark.parametrize("name", ["walks at Ærø 步态", "a'b\"c [red]"])
def test_odd_names_of_the_archive_itself(raw: Path, name: str):
    renamed = raw.rename(raw.parent / name)
    assert findings(renamed) == {}
    for kind in (".zip", ".tgz"):
        assert findings(pack(renamed, raw.parent / f"{name}{kind}")) == {}


def test_names_that_are_no_text(raw: Path):
    folder = os.fsencode(raw) + b"/\xff\xfe"
    os.makedirs(folder)  # noqa: PTH103 (Path takes no bytes)
    with open(folder + b"/001.png", "wb") as stream:
        stream.write(png(mask(1, 1)))
    assert findings(raw)["not in the layout"] == (1, ["\\udcff\\udcfe"])


def test_a_sequence_there_twice_is_taken_from_where_its_name_sorts_first(raw: Path):
    raw_sets.walk(raw / "copy" / GOOD, 2, frames=3)
    assert findings(raw) == {"duplicate": (1, [f"copy/{GOOD} (kept: {GOOD})"])}
    assert frames_of(raw) == [6]


def test_a_frame_there_twice_is_taken_from_the_later(raw: Path):
    members = [(f"{GOOD}/{n:03d}.png", png(mask(1, n))) for n in (1, 2, 3, 4, 5, 6)]
    wanted = [(name, data) for name, data in members[:-1]] + [(members[-1][0], png(mask(9, 1)))]
    found = findings(write_archive(raw.parent / "raw.tar", [*members, (members[-1][0], png(mask(9, 1)))]))
    digest = SequenceStore(raw.parent / "store").digest
    assert found == {"twice": (1, [f"{GOOD}/006.png"])}
    findings(write_archive(raw.parent / "wanted.tar", wanted))
    assert SequenceStore(raw.parent / "store").digest == digest


# --- links, members that leave, bombs -------------------------------------------------------------------------


def test_links_that_leave_the_folder_are_left_out_and_others_followed(raw: Path):
    outside = raw.parent / "outside"
    raw_sets.walk(outside / "nm-02" / "000", 2)
    (raw / "001" / "nm-02").symlink_to(outside / "nm-02")
    (raw / "001" / "nm-03").symlink_to(raw / "001" / "nm-01")
    (raw / "001" / "nm-04").symlink_to(raw / "001")  # a circle
    (raw / GOOD / "000.png").symlink_to(outside / "nm-02" / "000" / "001.png")
    (raw / "002").symlink_to(raw / "nowhere")
    links = [f"{GOOD}/000.png", "001/nm-02", "001/nm-03/000/000.png", "001/nm-04", "002"]
    assert findings(raw) == {"link": (5, links)}
    assert frames_of(raw) == [6, 6]


def test_links_in_archives_are_left_out(raw: Path):
    tar = raw.parent / "raw.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(raw, "raw")
        for kind, name in ((tarfile.SYMTYPE, "a.png"), (tarfile.LNKTYPE, "b.png")):
            info = tarfile.TarInfo(f"raw/001/nm-02/000/{name}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert findings(tar) == {"link": (2, ["raw/001/nm-02/000/a.png", "raw/001/nm-02/000/b.png"])}
    zipped = pack(raw, raw.parent / "raw.zip")
    with zipfile.ZipFile(zipped, "a") as archive:
        info = zipfile.ZipInfo("raw/001/nm-02/000/a.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert findings(zipped) == {"link": (1, ["raw/001/nm-02/000/a.png"])}


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tgz"])
@pytest.mark.parametrize("name", ["../001/nm-01/000/001.png", "a/../../b.png", "/etc/x.png", "C:/x.png", "..\\x.png"])
def test_members_that_leave_the_archive_are_refused(tmp_path: Path, kind: str, name: str):
    if "\\" in name and kind != ".zip":
        pytest.skip("a backslash is a letter in a tar")
    good = [(f"{GOOD}/{n:03d}.png", png(mask(1, n))) for n in (1, 2)]
    line = refused(write_archive(tmp_path / f"raw{kind}", [*good, (name, png(mask(1, 1)))]))
    assert f"raw{kind}" in line and "outside the archive" in line


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tgz"])
def test_a_bomb_is_refused_by_what_it_says_it_unpacks_to(tmp_path: Path, kind: str):
    raw = write_archive(tmp_path / f"raw{kind}", [(f"{GOOD}/001.png", bytes(3 * MIB))])
    assert "001.png: unpacks to more than 2 MiB" in refused(raw, Limits(member=2 * MIB))
    many = write_archive(tmp_path / f"many{kind}", [(f"{GOOD}/{n:03d}.png", bytes(MIB)) for n in range(5)])
    assert "--max-total-gib" in refused(many, Limits(total=4 * MIB))


def test_a_bomb_that_lies_about_its_size_is_never_unpacked(tmp_path: Path):
    good = [(f"{GOOD}/{n:03d}.png", png(mask(1, n))) for n in (1, 2)]
    raw = write_archive(tmp_path / "raw.zip", [*good, (f"{GOOD}/003.png", bytes(50 * MIB))])
    data = raw.read_bytes().replace(struct.pack("<I", 50 * MIB), struct.pack("<I", 1000))
    raw.write_bytes(data)
    assert findings(raw)["unreadable"] == (1, [f"{GOOD}/003.png"])


def test_a_bomb_in_a_tar_within_a_zip(tmp_path: Path):
    inner = write_archive(tmp_path / "001.tar.gz", [("001/nm-01/000/001.png", bytes(3 * MIB))])
    raw = write_archive(tmp_path / "raw.zip", [("001.tar.gz", inner.read_bytes())])
    assert "unpacks to more than 2 MiB" in refused(raw, Limits(member=2 * MIB))


def test_archives_that_hold_themselves(tmp_path: Path):
    data = png(mask(1, 1))
    name = f"{GOOD}/001.png"
    for depth in range(7):
        place = write_archive(tmp_path / f"{depth}.tgz", [(name, data)])
        name, data = "inner.tgz", place.read_bytes()
        if depth < 6:
            place.unlink()
    assert "more than 4 deep" in refused(tmp_path / "6.tgz")


# --- whole archives -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tgz"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_an_archive_that_is_cut_short(raw: Path, kind: str, share: float):
    whole = pack(raw, raw.parent / f"raw{kind}").read_bytes()
    place = raw.parent / f"cut{kind}"
    place.write_bytes(whole[: int(share * len(whole))])
    if kind == ".tar" and share == 0.97:
        pytest.skip("only padding is missing")
    assert f"cut{kind}" in refused(place)


def test_a_tgz_that_is_damaged_anywhere_is_refused(raw: Path):
    """Not taken for one that ends there: its checksum stands at its very end."""
    whole = pack(raw, raw.parent / "raw.tgz").read_bytes()
    for place in range(20, len(whole) - 8, len(whole) // 40):
        broken = bytearray(whole)
        broken[place] ^= 0x55
        damaged = raw.parent / "broken.tgz"
        damaged.write_bytes(broken)
        assert "broken.tgz: " in refused(damaged), place


@pytest.mark.parametrize("packed", [".tar", ".tgz", ".zip"])
@pytest.mark.parametrize("member", [0, 3])
def test_a_damaged_header_is_not_taken_for_the_end(raw: Path, packed: str, member: int):
    """Of a tar, and of a tar within an archive that is whole itself."""
    data = bytearray(pack(raw, raw.parent / "001.tar").read_bytes())
    headers = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    data[headers[member] + 3] ^= 1
    outer = raw.parent / f"outer{packed}"
    if packed == ".tar":
        outer.write_bytes(data)
    else:
        write_archive(outer, [("001.tar", bytes(data))])
    assert "damaged or cut short (bad checksum)" in refused(outer)


def test_a_tar_within_a_zip_whose_checksum_is_wrong(raw: Path):
    outer = raw.parent / "outer.zip"
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_STORED) as archive:
        archive.write(pack(raw, raw.parent / "001.tar"), "001.tar")
    data = bytearray(outer.read_bytes())
    picture = data.find(b"IDAT")
    data[picture + 10] ^= 1
    outer.write_bytes(data)
    assert "wrong checksum" in refused(outer)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_name_that_would_fill_memory_is_refused(tmp_path: Path, kind: bytes):
    place = tmp_path / "raw.tgz"
    with tarfile.open(place, "w:gz") as archive:
        header = tarfile.TarInfo("x")
        header.type, header.size = kind, 50 * MIB
        archive.addfile(header, io.BytesIO(bytes(header.size)))
    assert "a name or attribute of 52428800 bytes" in refused(place)


def test_a_frame_with_a_hole_in_a_tar_that_keeps_holes(raw: Path):
    """GNU tar -S leaves zeros out: what is read is the file, not what stands in the tar."""
    wanted = prepare(Request(data_set("casia-b"), raw, raw.parent / "plain"), 1)
    assert wanted["findings"] == {}
    frame = raw / GOOD / "001.png"
    data = frame.read_bytes()
    with frame.open("wb") as stream:
        stream.write(data)
        stream.truncate(1 << 20)  # what follows a picture's end does no harm
    tar = raw.parent / "raw.tar"
    subprocess.run(["tar", "-cSf", tar, "raw"], cwd=raw.parent, check=True)
    assert tar.stat().st_size < 1 << 20 and findings(tar) == {}
    assert SequenceStore(raw.parent / "store").digest == SequenceStore(raw.parent / "plain").digest


def test_a_zip_with_a_password(raw: Path):
    place = pack(raw, raw.parent / "raw.zip")
    data = bytearray(place.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(magic)
        data[at + flags] |= 1
    place.write_bytes(bytes(data))
    assert "password" in refused(place)


def test_nothing_of_the_data_set_in_there(tmp_path: Path):
    (tmp_path / "raw").mkdir()
    assert "no usable sequence of CASIA-B in there" in refused(tmp_path / "raw")
    raw_sets.walk(tmp_path / "raw/00001/a/b", 1)
    assert "unknown subject: 1 (as 00001/a/b)" in refused(tmp_path / "raw")


def test_no_archive_at_all(tmp_path: Path):
    assert "no such folder or archive" in refused(tmp_path / "nowhere.zip")
    (tmp_path / "raw.rar").write_bytes(b"x")
    assert "neither a folder nor" in refused(tmp_path / "raw.rar")


def test_a_place_that_is_no_store_is_left_alone(raw: Path):
    store = raw.parent / "store"
    store.mkdir()
    (store / "thesis.tex").write_text("x")
    assert "exists and is no store" in refused(raw)
    assert (store / "thesis.tex").read_text() == "x"


def test_a_pickle_that_would_run_code_does_not(tmp_path: Path):
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {marker}",)

    import pickle

    keys = [("001", "nm-01", "000"), ("001", "nm-02", "000")]
    raw = raw_sets.opengait(tmp_path, keys)
    (raw / "001/nm-02/000/000.pkl").write_bytes(pickle.dumps(Evil()))
    found = findings(raw)
    assert not marker.exists()
    assert found["bad pickle"][0] == 1 and "posix.system" in found["bad pickle"][1][0]
    assert len(SequenceStore(tmp_path / "store")) == 1


# --- the machine ----------------------------------------------------------------------------------------------


def _is_root() -> bool:
    return os.geteuid() == 0


@contextmanager
def as_nobody(*places: Path):
    """Runs the block without root's rights; ``places`` stay reachable."""
    if not _is_root():
        yield
        return
    for place in places:
        for part in (place, *place.parents):
            part.chmod(part.stat().st_mode | 0o755) if part != Path("/") else None
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission_to_read(raw: Path):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place = Path(folder) / "raw"
        shutil.copytree(raw, place)
        out = Path(folder) / "out"
        out.mkdir()
        (place / GOOD / "003.png").chmod(0)
        if _is_root():
            os.chown(out, 65534, 65534)
        with as_nobody(place, out):
            request = Request(data_set("casia-b"), place, out / "store")
            with pytest.raises(UserError, match=r"003\.png: no permission to read"):
                prepare(request, 1)
            assert not request.store.exists()
        (place / GOOD / "003.png").chmod(0o644)
        (place / "001").chmod(0)
        with as_nobody(out), pytest.raises(UserError, match=r"001.*: no permission to read"):
            prepare(request, 1)
        (place / "001").chmod(0o755)


def test_no_permission_to_write(raw: Path):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place, out = Path(folder) / "raw", Path(folder) / "out"
        shutil.copytree(raw, place)
        out.mkdir()
        out.chmod(0o555)
        with as_nobody(place), pytest.raises(UserError, match="no permission to write"):
            prepare(Request(data_set("casia-b"), place, out / "store"), 1)
        assert list(out.iterdir()) == []


@pytest.mark.parametrize("free_kib", [84, 277, 1020])
def test_no_space_left_is_one_line_and_the_work_goes_on(tmp_path: Path, free_kib: int):
    """While the list of what is done is opened, in the midst of the work, and near its end."""
    raw = raw_sets.casia_b(tmp_path, subjects=(1, 2))
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1400k", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    request = Request(data_set("casia-b"), raw, disk / "store")
    try:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes((1400 - free_kib) * 1024))
        with pytest.raises(PausedError, match="no space left; free some and run the same command again"):
            prepare(request, 1)
        assert not request.store.exists()
        ballast.unlink()
        report = prepare(request, 1)
        assert report["resumed"] > 0 or free_kib < 100
        SequenceStore(request.store).verify()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_no_space_left_without_a_disk_to_fill(raw: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal.Journal, "add", full)
    request = Request(data_set("casia-b"), raw, raw.parent / "store")
    with pytest.raises(PausedError, match=f"no space left.*{working_folder(request.store).name}"):
        prepare(request, 1)
    assert not request.store.exists()
    monkeypatch.undo()
    prepare(request, 1)
    assert frames_of(raw) == [6]


@pytest.mark.parametrize("name", ["report.json", "store"])
def test_no_space_left_at_the_very_end_keeps_the_work(raw: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    original = tempfile.mkdtemp

    def full(**how: Any) -> str:
        if how["prefix"] == f".{name}.":
            raise OSError(28, "No space left on device")
        return original(**how)

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    request = Request(data_set("casia-b"), raw, raw.parent / "store")
    with pytest.raises(PausedError, match=f"{name}: no space left; free some"):
        prepare(request, 1)
    assert not request.store.exists()
    monkeypatch.undo()
    assert prepare(request, 1)["resumed"] == 1
