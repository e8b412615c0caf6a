"""What has been prepared so far, so that a killed preparation goes on: silhouettes in one file, their list in another.

A piece's bytes are written before its line is, and its line carries their checksum: after a kill, or a power cut,
whatever is not whole is done again.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from harness.data.archive import Run
from harness.data.dataset import Key
from harness.data.pieces import Piece
from harness.data.store import HEADER_BYTES
from harness.types import FRAME

FRAME_BYTES = FRAME[0] * FRAME[1]
_TABLE = """
CREATE TABLE IF NOT EXISTS piece (
  place TEXT, first TEXT, raw INTEGER, stamp TEXT, subject TEXT, rank INTEGER, condition TEXT, view TEXT,
  names TEXT, start INTEGER, frames INTEGER, checksum INTEGER, findings TEXT, visit INTEGER,
  PRIMARY KEY (place, first, raw)
)
"""


class Line(NamedTuple):
    """A piece in the journal: first silhouette and count in the file of silhouettes, and its files' names."""

    key: Key
    place: str
    start: int
    frames: int
    names: list[str]
    findings: dict[str, Any]


class Journal:
    """The state of a preparation in ``folder``; use as a context. ``job`` identifies what is prepared from what.

    A folder that holds another job's state is emptied first.
    """

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        self.folder, self.spool = folder, folder / "frames.raw"
        about = folder / "job.json"
        text = json.dumps(job, sort_keys=True)
        if folder.exists() and not (about.is_file() and about.read_text() == text):
            for path in folder.iterdir():
                if path.name != "lock":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            # Whatever fails, here or while a full disk is written to: no file stays open, and none stays locked.
            self._db = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
            opened.callback(self._db.close)
            # Exclusive: no shared memory, which network file systems lack. Normal: a commit does not wait for the disk.
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.execute(_TABLE)
            about.write_text(text)
            self.visit = 1 + (self._db.execute("SELECT max(visit) FROM piece").fetchone()[0] or 0)
            self._end = self._settle()
            self._stream = opened.enter_context(self.spool.open("r+b"))
            self._opened = opened.pop_all()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _settle(self) -> int:
        """Drops lines whose bytes are not whole; returns the silhouettes that remain in use."""
        if not self.spool.exists():
            self._db.execute("DELETE FROM piece")
            self.spool.write_bytes(bytes(HEADER_BYTES))
        if self.spool.stat().st_nlink > 1:
            # Killed after a store had been put in place: that store's frames must not change with ours.
            copy = self.folder / "frames.copy"
            shutil.copyfile(self.spool, copy)
            os.replace(copy, self.spool)
        damaged = []
        with self.spool.open("rb") as stream:
            for row, start, frames, checksum in self._db.execute("SELECT rowid, start, frames, checksum FROM piece"):
                stream.seek(HEADER_BYTES + start * FRAME_BYTES)
                data = stream.read(frames * FRAME_BYTES)
                if len(data) != frames * FRAME_BYTES or zlib.crc32(data) != checksum:
                    damaged.append((row,))
        self._db.executemany("DELETE FROM piece WHERE rowid = ?", damaged)
        end = self._db.execute("SELECT max(start + frames) FROM piece").fetchone()[0] or 0
        os.truncate(self.spool, HEADER_BYTES + end * FRAME_BYTES)
        return end

    def has(self, run: Run) -> bool:
        """Whether a run has been prepared and has not changed since; it then counts as part of this visit."""
        sql = "UPDATE piece SET visit = ? WHERE place = ? AND first = ? AND raw = ? AND stamp = ?"
        where = (run.place, _first(run), len(run.spots), run.stamp)
        return self._db.execute(sql, (self.visit, *where)).rowcount == 1

    def add(self, run: Run, key: Key, rank: int, piece: Piece) -> None:
        """Keeps a prepared run."""
        data = piece.frames.tobytes()
        self._stream.seek(HEADER_BYTES + self._end * FRAME_BYTES)
        self._stream.write(data)
        self._stream.flush()
        self._db.execute(
            "INSERT OR REPLACE INTO piece VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                *(run.place, _first(run), len(run.spots), run.stamp, key.subject, rank, key.condition, key.view),
                *("/".join(piece.names), self._end, len(piece.frames), zlib.crc32(data)),
                *(json.dumps(piece.findings), self.visit),
            ),
        )
        self._end += len(piece.frames)

    def sequences(self) -> Iterator[list[Line]]:
        """This visit's pieces by subject, rank, condition and view; those of one sequence together, by place."""
        sql = (
            "SELECT subject, condition, view, place, start, frames, names, findings FROM piece WHERE visit = ? "
            "ORDER BY subject, rank, condition, view, place, start"
        )
        held: list[Line] = []
        for subject, condition, view, place, start, frames, names, findings in self._db.execute(sql, (self.visit,)):
            line = Line(
                Key(subject, condition, view),
                place,
                start,
                frames,
                names.split("/") if names else [],
                json.loads(findings),
            )
            if held and held[0].key != line.key:
                yield held
                held = []
            held.append(line)
        if held:
            yield held

    def subjects(self) -> list[str]:
        """Everybody of this visit, by name."""
        sql = "SELECT DISTINCT subject FROM piece WHERE visit = ? ORDER BY subject"
        return [row[0] for row in self._db.execute(sql, (self.visit,))]

    def flush(self) -> None:
        """Puts the silhouettes on the disk."""
        os.fsync(self._stream.fileno())


def _first(run: Run) -> str:
    return run.spots[0].name.encode("utf-8", "backslashreplace").decode()
