"""The console script's first line: a missing package or Ctrl-C on the way in is one sentence, not a traceback."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Runs the command line, or says which package is missing and ends with exit code 1."""
    # Ctrl-C while packages load waits for the command line, which unblocks it and says how to go on.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        from harness.cli.app import main as run

        run()
    except ImportError as error:
        print(f"error: {error}; `make setup` installs what is missing", file=sys.stderr)
        sys.exit(1)
