"""GREW has 102,887 sequences: nothing may grow with their square. (The index of so large a store: tests/data.)"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from peak import with_helpers


@pytest.mark.slow
def test_nothing_grows_with_the_square_of_the_sequences(root: Path):
    """Each structure takes less than half a byte for each pair, where a table of flags would take one."""
    count = 20_000
    environment = with_helpers()
    environment |= {"PYTHONPATH": os.pathsep.join((environment["PYTHONPATH"], str(root))), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(root / "tests" / "helpers" / "many.py"), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 8 and max(found.values()) < count**2 / 2, found
