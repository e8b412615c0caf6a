"""Shell completion offers what exists here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

START = [sys.executable, "-c", "import sys; sys.argv[0] = 'harness'; from harness.cli.start import main; main()"]


def offered(folder: Path, line: str) -> list[str]:
    """What bash would offer at the end of ``line``."""
    words = line.split(" ")
    shell = {"_HARNESS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(START, cwd=folder, env={**os.environ, **shell}, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("harness sui", ["suite"]),
        ("harness train gaits", ["gaitssb"]),
        ("harness suite use ti", ["tiny"]),
        ("harness run smoke-t", ["smoke-table8", "smoke-table9"]),
        ("harness data show t", ["target"]),
        ("harness train cc --dataset w", ["wild"]),
        ("harness score --protocol ou", ["oumvlp", "outdoor-gait"]),
        ("harness data prepare --dataset casia-b", ["casia-b", "casia-bn"]),
        ("harness run --only gaits", ["gaitssb"]),
        ("harness verify ssf-", ["ssf-gaitset-target-s0", "ssf-gaitset-target-s1"]),
        ("harness figures --figure po", ["polar"]),
    ],
)
def test_names_are_offered(root: Path, line: str, wanted: list[str]):
    assert offered(root, line) == wanted


def test_elsewhere_nothing_is_offered_and_nothing_breaks(tmp_path: Path):
    assert offered(tmp_path, "harness suite use s") == []


def test_it_can_be_shown_for_the_shell(root: Path):
    named = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [*START, "--show-completion", "zsh"]
    done = subprocess.run(command, cwd=root, env=named, capture_output=True, text=True)
    assert done.returncode == 0 and "_HARNESS_COMPLETE=complete_zsh" in done.stdout
