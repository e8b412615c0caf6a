"""Silhouette sequences on disk: packed frames and an index.

A store is a folder with ``frames.npy`` (uint8 [F,64,44], memory-mapped), ``index.npz`` (one row a
sequence) and ``store.json`` (what made it, counts, and the digests of the other two). It is written
whole or not at all, and never changed.
"""

from __future__ import annotations

import hashlib
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

    def labels(self, rows: npt.NDArray[np.int64]) -> SequenceLabels:
        """Subject, condition and view of rows: for supervised methods, evaluation and diagnostics only."""
        return SequenceLabels(*(self._text[name][rows] for name in ("subject", "condition", "view")))

    def pool(self, split: str, labels: bool) -> Pool:
        """The sequences of a split as a method sees them; ``labels=False`` hides subject, condition and view."""
        rows = self.rows(split)
        return Pool(self.start[rows], self.length[rows], self.labels(rows) if labels else None)


def write_store(path: Path, sequences: Iterable[Sequence], about: dict[str, Any]) -> None:
    """Writes a store from ``sequences`` in the order given; ``about`` says what made it.

    A sequence without a frame is left out and counted as "empty".
    """
    index: dict[str, list[Any]] = {name: [] for name in (*_TEXT, "length")}
    with atomic_path(path) as folder:
        folder.mkdir()
        raw = folder / "frames.raw"
        total = empty = 0
        with open(raw, "wb") as stream:
            for sequence in sequences:
                frames = np.ascontiguousarray(sequence.frames, dtype=np.uint8)
                if len(frames) == 0:
                    empty += 1
                    continue
                stream.write(frames.data)
                total += len(frames)
                for name in _TEXT:
                    index[name].append(getattr(sequence, name))
                index["length"].append(len(frames))
        if total == 0:
            raise UserError(f"{path}: no frame to store")
        _wrap_npy(raw, folder / "frames.npy", total)
        length = np.asarray(index["length"], dtype=np.int64)
        arrays = {name: np.asarray(index[name], dtype=np.str_) for name in _TEXT}
        arrays |= {"start": np.cumsum(length) - length, "length": length}
        np.savez(folder / "index.npz", allow_pickle=False, **arrays)
        files = {name: sha256(folder / name) for name in ("frames.npy", "index.npz")}
        counts = {"sequences": len(length), "frames": total, "subjects": len(set(index["subject"])), "empty": empty}
        content = {"format": FORMAT, "digest": _combined(files), "files": files, "counts": counts}
        write_json(folder / "store.json", {**content, **about})


def _combined(files: Any) -> str | None:
    """The digest of a store from those of its files; None when they are not there."""
    if not isinstance(files, dict) or set(files) != {"frames.npy", "index.npz"}:
        return None
    return hashlib.sha256(f"{files['frames.npy']} {files['index.npz']}".encode()).hexdigest()


def _wrap_npy(raw: Path, target: Path, frames: int) -> None:
    """Puts an .npy header before raw bytes without holding them in memory."""
    array = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=(frames, *FRAME))
    source = np.memmap(raw, dtype=np.uint8, mode="r", shape=(frames, *FRAME))
    for start in range(0, frames, 65536):
        array[start : start + 65536] = source[start : start + 65536]
    array.flush()
    del array, source
    raw.unlink()
