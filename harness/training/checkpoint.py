"""Checkpoints: atomic, checksummed, loaded without running code."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import shutil
import time
from pathlib import Path
from typing import Any, BinaryIO

import torch
from filelock import FileLock, Timeout

from harness.errors import UserError
from harness.files import atomic_path

_MAGIC = b"GAITSF1\n"
_DIGEST = hashlib.sha256().digest_size
_KEEP = 2


def save(path: Path, content: dict[str, Any]) -> None:
    """Writes tensors and plain values as one file: a magic line, a SHA-256, then torch's own format."""
    with atomic_path(path) as scratch, scratch.open("wb") as file:
        file.write(_MAGIC + bytes(_DIGEST))
        body = _Hashed(file)
        try:
            torch.save(content, body)  # pyright: ignore[reportArgumentType]
        except RuntimeError:  # torch tells of a full disk in words of its own
            if body.trouble is None:
                raise
            raise body.trouble from None
        file.seek(len(_MAGIC))
        file.write(body.digest.digest())


class _Hashed:
    """Passes on what is written, and digests it: a state is never in memory a second time."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest = file, hashlib.sha256()
        self.trouble: OSError | None = None

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        try:
            return self.file.write(data)
        except OSError as error:
            self.trouble = error
            raise

    def flush(self) -> None:
        self.file.flush()


def load(path: Path) -> dict[str, Any]:
    """Reads what :func:`save` wrote, onto the CPU; a missing or damaged file is a :class:`UserError`."""
    try:
        raw = memoryview(Path(path).read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: no such checkpoint; run the stage that makes it first") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a checkpoint") from None
    head, body = raw[: len(_MAGIC) + _DIGEST], raw[len(_MAGIC) + _DIGEST :]
    if head[: len(_MAGIC)] != _MAGIC:
        raise UserError(
            f"{path}: not a checkpoint of this harness; run its stage again, or bring OpenGait's in with "
            "`harness checkpoint import`"
        )
    if hashlib.sha256(body).digest() != head[len(_MAGIC) :]:
        raise UserError(f"{path}: damaged (checksum differs); delete it and run again")
    try:
        content = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        raise UserError(f"{path}: holds more than tensors and plain values; it is not loaded, delete it") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a checkpoint of this harness; delete it and run again")
    return content


class Resume:
    """The last two states of a run that may be killed at any moment, in a folder that is this process's alone.

    every: seconds after which :meth:`due` asks for a state in the middle of an epoch; by the monotonic clock, so that
    setting the machine's time changes nothing, and without a trace in any result. keep: the step whose state is kept
    apart as ``kept``, for ``harness verify``.
    """

    def __init__(self, folder: Path, every: float = 120.0, keep: int | None = None) -> None:
        self.folder, self.every, self.keep = folder, every, keep
        self.kept = folder / "kept.pt"
        self._saved = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise UserError(f"{folder}: another process is training this very run; wait for it or stop it") from None
        for left in folder.glob(".*"):  # what a killed process was writing
            shutil.rmtree(left, ignore_errors=True)

    def due(self) -> bool:
        """Whether it is time for a state in the middle of an epoch."""
        return time.monotonic() - self._saved >= self.every

    def save(self, step: int, content: dict[str, Any]) -> str | None:
        """Keeps the state after ``step`` optimiser steps and the one before; a line if it cannot be written.

        A full disk stops no run: the states on it stay as they are.
        """
        self._saved = time.monotonic()
        path = self._path(step)
        try:
            save(path, content)
        except (OSError, UserError) as error:
            reason = getattr(error, "strerror", None) or error
            return f"{self.folder}: no checkpoint after step {step} ({reason}); the run goes on"
        if step == self.keep:
            self._keep(path)
        # Those of later steps were damaged, or the run had not come here again.
        states = self.files()
        now = states.index(path) + 1
        for other in (*states[: max(0, now - _KEEP)], *states[now:]):
            other.unlink(missing_ok=True)
        return None

    def latest(self) -> tuple[dict[str, Any] | None, list[str]]:
        """The newest state that is whole, or None; and a line for each damaged one that was passed over."""
        notes = []
        for path in reversed(self.files()):
            try:
                state = load(path)
            except UserError as error:
                notes.append(f"{error}; going on from the one before")
                continue
            if self.keep is not None and path == self._path(self.keep) and not self.kept.is_file():
                self._keep(path)  # killed between the two
            return state, notes
        return None, notes

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}.pt"

    def _keep(self, path: Path) -> None:
        """Keeps a state under a second name, or a copy where the file system knows none; without it runs go on."""
        with contextlib.suppress(OSError, UserError):
            self.kept.unlink(missing_ok=True)
            try:
                os.link(path, self.kept)
            except OSError:
                with atomic_path(self.kept) as scratch:
                    shutil.copyfile(path, scratch)

    def files(self) -> list[Path]:
        """The states, oldest first."""
        return sorted(self.folder.glob("step-*.pt"))

    def close(self) -> None:
        """Lets others have the folder; one without a state goes."""
        (self.folder / "lock").unlink(missing_ok=True)
        self._lock.release()
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def remove(self) -> None:
        """Ends with the folder: the run is finished and written."""
        for path in self.folder.glob("*.pt"):
            path.unlink()
        self.close()
