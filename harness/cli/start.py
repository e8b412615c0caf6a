"""The console script's first line: a missing package is one sentence, not a traceback."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line, or says which package is missing and ends with exit code 1."""
    try:
        from harness.cli.app import main as run

        run()
    except ImportError as error:
        print(f"error: {error}; `make setup` installs what is missing", file=sys.stderr)
        sys.exit(1)
