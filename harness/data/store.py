"""Silhouette sequences on disk: packed frames and an index.

A store is a folder with ``frames.npy`` (uint8 [F,64,44], memory-mapped), ``index.npz`` (one row a
sequence) and ``store.json`` (what made it, counts, and the digests of the other two). It is written
whole or not at all, and never changed.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import UserError
from harness.files import atomic_path, read_json, sha256, write_json
from harness.types import FRAME, Pool, SequenceLabels

FORMAT = 1
HEADER_BYTES = 128
_TEXT = ("subject", "condition", "view", "split")


@dataclass(frozen=True)
class Sequence:
    """One walk under one camera: ``frames`` uint8[T,64,44]; subject, condition, view as the data set names them."""

    subject: str
    condition: str
    view: str
    split: str
    frames: npt.NDArray[np.uint8]


class SequenceStore:
    """Read access to a store. ``frames`` uint8[F,64,44]; ``start``, ``length`` i64[N] in frames."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.about = read_json(self.path / "store.json")
        if not isinstance(self.about, dict) or self.about.get("format") != FORMAT or "digest" not in self.about:
            raise UserError(f"{self.path / 'store.json'}: not a store of format {FORMAT}; make the store again")
        if self.about.get("digest") != _combined(self.about.get("files")):
            raise UserError(f"{self.path / 'store.json'}: its digests contradict each other; make the store again")
        self._check("index.npz")
        with np.load(self.path / "index.npz", allow_pickle=False) as index:
            self._text = {name: index[name] for name in _TEXT}
            self.start, self.length = index["start"], index["length"]
        try:
            # Copy-on-write: nothing is written to disk, and torch accepts the array without a copy.
            frames = np.load(self.path / "frames.npy", mmap_mode="c", allow_pickle=False)
        except (OSError, ValueError):
            raise UserError(f"{self.path / 'frames.npy'}: missing or damaged; make the store again") from None
        self.frames: npt.NDArray[np.uint8] = frames

    @property
    def digest(self) -> str:
        """Hex digest of the content: the same sequences in the same order give the same digest."""
        return self.about["digest"]

    def __len__(self) -> int:
        return len(self.start)

    def _check(self, name: str) -> None:
        path = self.path / name
        if not path.is_file():
            raise UserError(f"{path}: missing from the store; make the store again")
        if sha256(path) != self.about["files"][name]:
            raise UserError(f"{path}: content does not match the digest in store.json; make the store again")

    def verify(self) -> None:
        """Reads every frame and compares with the digest; a mismatch is a :class:`UserError`."""
        self._check("frames.npy")

    def sequence(self, row: int) -> npt.NDArray[np.uint8]:
        """Frames uint8[T,64,44] of one sequence."""
        return self.frames[self.start[row] : self.start[row] + self.length[row]]

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """Rows of a split, in the store's order."""
        rows = np.flatnonzero(self._text["split"] == split)
        if rows.size == 0:
            raise UserError(f"{self.path}: no sequence in split '{split}'; it has {sorted(set(self._text['split']))}")
        return rows

    def splits(self) -> npt.NDArray[np.str_]:
        """The split of every sequence, text [N]."""
        return self._text["split"]

    def labels(self, rows: npt.NDArray[np.int64]) -> SequenceLabels:
        """Subject, condition and view of rows: for supervised methods, evaluation and diagnostics only."""
        return SequenceLabels(*(self._text[name][rows] for name in ("subject", "condition", "view")))

    def pool(self, split: str, labels: bool) -> Pool:
        """The sequences of a split as a method sees them; ``labels=False`` hides subject, condition and view."""
        rows = self.rows(split)
        return Pool(self.start[rows], self.length[rows], self.labels(rows) if labels else None)


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An .npz whose bytes depend on the arrays alone: those of ``np.savez`` differ between patch releases of Python."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())


@dataclass(frozen=True)
class Row:
    """One sequence of an index: ``length`` frames."""

    subject: str
    condition: str
    view: str
    split: str
    length: int


def write_store(path: Path, sequences: Iterable[Sequence], about: dict[str, Any]) -> None:
    """Writes a store from ``sequences`` in the order given; ``about`` says what made it.

    A sequence without a frame is left out and counted as "empty".
    """
    rows: list[Row] = []
    empty = 0
    with atomic_path(path) as folder:
        folder.mkdir()
        with open(folder / "frames.npy", "wb") as stream:
            stream.write(bytes(HEADER_BYTES))
            for sequence in sequences:
                frames = np.ascontiguousarray(sequence.frames, dtype=np.uint8)
                if len(frames) == 0:
                    empty += 1
                    continue
                stream.write(frames.data)
                rows.append(Row(sequence.subject, sequence.condition, sequence.view, sequence.split, len(frames)))
        if not rows:
            raise UserError(f"{path}: no frame to store")
        seal(folder, rows, {"empty": empty}, about)


def seal(folder: Path, rows: Iterable[Row], counts: dict[str, int], about: dict[str, Any]) -> None:
    """Makes a store of a folder whose ``frames.npy`` holds :data:`HEADER_BYTES` bytes and then ``rows``' frames."""
    index: dict[str, list[Any]] = {name: [] for name in (*_TEXT, "length")}
    for row in rows:
        for name, values in index.items():
            values.append(getattr(row, name))
    length = np.asarray(index["length"], dtype=np.int64)
    total = int(length.sum())
    with open(folder / "frames.npy", "r+b") as stream:
        stream.write(_header(total))
        stream.flush()
        os.fsync(stream.fileno())
    arrays = {name: np.asarray(index[name], dtype=np.str_) for name in _TEXT}
    arrays |= {"start": np.cumsum(length) - length, "length": length}
    _write_arrays(folder / "index.npz", arrays)
    files = {name: sha256(folder / name) for name in ("frames.npy", "index.npz")}
    subjects = len(set(index["subject"]))
    counted = {"sequences": len(length), "frames": total, "subjects": subjects, **counts}
    content = {"format": FORMAT, "digest": _combined(files), "files": files, "counts": counted}
    write_json(folder / "store.json", {**content, **about})


def _combined(files: Any) -> str | None:
    """The digest of a store from those of its files; None when they are not there."""
    if not isinstance(files, dict) or set(files) != {"frames.npy", "index.npz"}:
        return None
    return hashlib.sha256(f"{files['frames.npy']} {files['index.npz']}".encode()).hexdigest()


def _header(frames: int) -> bytes:
    """What stands before the frames in ``frames.npy``: always :data:`HEADER_BYTES` bytes, so that it can come last."""
    stream = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": (frames, *FRAME)}
    np.lib.format.write_array_header_1_0(stream, about)
    header = stream.getvalue()
    assert len(header) == HEADER_BYTES
    return header
