"""Checkpoints: atomic, checksummed, loaded without running code."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from harness.errors import UserError
from harness.files import atomic_path

_MAGIC = b"GAITSF1\n"
_KEEP = 2


def save(path: Path, content: dict[str, Any]) -> None:
    """Writes tensors and plain values as one file: a magic line, a SHA-256, then torch's own format."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    body = buffer.getvalue()
    with atomic_path(path) as scratch:
        scratch.write_bytes(_MAGIC + hashlib.sha256(body).digest() + body)


def load(path: Path) -> dict[str, Any]:
    """Reads what :func:`save` wrote, onto the CPU; a missing or damaged file is a :class:`UserError`."""
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such checkpoint; run the stage that makes it first") from None
    start = len(_MAGIC) + 32
    if not raw.startswith(_MAGIC):
        raise UserError(f"{path}: not a checkpoint of this harness; delete it and run again")
    if hashlib.sha256(raw[start:]).digest() != raw[len(_MAGIC) : start]:
        raise UserError(f"{path}: damaged (checksum differs); delete it and run again")
    try:
        return torch.load(io.BytesIO(raw[start:]), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        raise UserError(f"{path}: holds more than tensors and plain values; it is not loaded, delete it") from None


class Resume:
    """The last two checkpoints of a run that may be killed at any moment, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, epoch: int, content: dict[str, Any]) -> None:
        """Keeps the state after ``epoch`` and forgets all but the one before."""
        save(self.folder / f"epoch-{epoch:05d}.pt", content)
        for old in self._files()[:-_KEEP]:
            old.unlink()

    def latest(self) -> tuple[dict[str, Any] | None, list[str]]:
        """The newest state that is whole, or None; and a line for each damaged one that was passed over."""
        notes = []
        for path in reversed(self._files()):
            try:
                return load(path), notes
            except UserError as error:
                notes.append(f"{error}; going on from the one before")
        return None, notes

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*.pt"))
