"""Options that a command would not use are refused, not left out without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import files


@pytest.mark.parametrize(
    ("words", "unused"),
    [
        ("tables --update README.md --table 3", "--update does not use --table"),
        ("tables --update README.md --write --format md", "--update does not use --format or --write"),
        ("tables --write --brief", "--write does not use --brief"),
        ("tables --write --why", "--write does not use --why"),
        ("tables --why --format json", "--why does not use --format"),
        ("across smoke --update README.md --json", "--update does not use --format or --json"),
        ("across smoke --json --format md", "--json and --format md ask for different things"),
        ("claims --json --format md", "--json and --format md ask for different things"),
        ("claims --simulate 4 --claim sf-cc-cl --json", "--simulate does not use --claim or --format or --json"),
        ("claims --with walkers --update README.md --json", "--update does not use --format or --json"),
    ],
)
def test_what_an_option_does_not_use(empty, harness, words, unused):
    Path("README.md").write_text("as it was\n")
    before = files()
    code, _, err = harness(*words.split())
    assert code == 2 and err.startswith(f"error: {unused}") and err.count("\n") == 1
    assert files() == before
