"""The most resident memory that a process has had so far."""

from __future__ import annotations

import os
import re
from pathlib import Path


def peak_kib() -> int:
    """KiB, of this process alone: what ``getrusage`` gives begins with the peak of the process that started it."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def with_helpers() -> dict[str, str]:
    """The environment of a process that imports from here."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))}
