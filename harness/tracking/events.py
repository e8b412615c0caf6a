"""A run's own event file: one JSON line each, appended; the truth that MLflow mirrors."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from harness.layout import events

logger = logging.getLogger(__name__)


class Events:
    """Appends to the event file of a run. A line that a kill cut off is ignored by readers.

    Where it cannot be written, as on a full disk, this is said once and the run goes on: only MLflow's mirror is the
    poorer.
    """

    def __init__(self, run_id: str) -> None:
        self.path, self.warned = events(run_id), False

    def write(self, kind: str, **content: Any) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._append(kind, content)
        except OSError as error:
            if not self.warned:
                logger.warning("%s: not written (%s); the run goes on", self.path, error.strerror or error)
            self.warned = True

    def _append(self, kind: str, content: dict[str, Any]) -> None:
        line = json.dumps({"kind": kind, "time": round(time.time(), 3), **content})
        with open(self.path, "a+b") as stream:
            # A killed writer may have left half a line: close it first.
            if stream.tell() and not self.path.read_bytes().endswith(b"\n"):
                stream.write(b"\n")
            stream.write(line.encode() + b"\n")


def read_events(path: Path) -> list[dict[str, Any]]:
    """The whole lines of an event file, in order."""
    out = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            out.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return out
