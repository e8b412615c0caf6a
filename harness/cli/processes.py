"""Other commands as processes: one, or several side by side that are stopped together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from harness.cli.console import console


def environment() -> dict[str, str]:
    """Children find this installation's commands first and share the cores instead of fighting for them."""
    here = str(Path(sys.executable).parent)
    quiet = {"DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, **quiet, "PATH": here + os.pathsep + os.environ.get("PATH", "")}


def call(command: Sequence[str], log: Path | None = None) -> int:
    """Runs a command, its words into a file; returns its exit code."""
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    with open(log or os.devnull, "wb") as stream:
        return subprocess.run(command, env=environment(), stdout=stream, stderr=subprocess.STDOUT).returncode


class Children:
    """Commands under way.

    Each is a process group of its own, out of the terminal's reach: what stops them comes from here, so that one signal
    to one process (from a container's engine, a batch system) stops all. They are sent SIGINT: DVC lives through it and
    tells what became of its command, which writes a state to go on from; srun passes it on to both.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._groups: set[int] = set()
        self._lock = threading.Lock()

    def call(self, command: Sequence[str], log: Path) -> int:
        """As :func:`call`; of several threads too."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as stream, self._lock:
            if self.stopping:
                return 130
            child = subprocess.Popen(
                command,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._groups.add(child.pid)
        try:
            return child.wait()
        finally:
            with self._lock:
                self._groups.discard(child.pid)

    def ask(self) -> None:
        """Asks all to end, and lets none begin."""
        with self._lock:
            self.stopping = True
            for group in self._groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGINT)

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Passes Ctrl-C, SIGTERM and the end of the terminal on while it lasts; then it is a KeyboardInterrupt."""

        def pass_on(number: int, frame: FrameType | None) -> None:
            if not self.stopping:
                console.print("stopping: what is under way ends its step and writes its state (again: at once)")
            self.ask()

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {n: signal.signal(n, pass_on) for n in numbers if signal.getsignal(n) is not signal.SIG_IGN}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self.stopping:
            raise KeyboardInterrupt
