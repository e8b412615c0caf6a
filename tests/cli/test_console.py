"""What commands show on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.cli import console
from harness.cli.console import Rate


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in its only element."""
    now = [100.0]
    monkeypatch.setattr(console.time, "perf_counter", lambda: now[0])
    return now


def test_a_log_says_the_rate_and_the_time_left(monkeypatch: pytest.MonkeyPatch, clock: list[float]):
    """400 parts were done before: they are passed in no time, which says nothing about the other 600."""
    out = io.StringIO()
    monkeypatch.setattr(console, "console", Console(file=out, width=200, highlight=False))
    with Rate("prepare casia-b") as shown:
        for done in range(1, 401):
            shown(done, 1000, 0)
        for done in range(401, 1001):
            clock[0] += 2
            shown(done, 1000, 100 * (done - 400))
    lines = out.getvalue().splitlines()
    assert len(lines) == 11 and lines[4] == "prepare casia-b: 40%, done before"
    assert lines[5] == "prepare casia-b: 50%, 10000 frames, 50/s, 0:16:40 left"
    assert lines[10] == "prepare casia-b: 100%, 60000 frames, 50/s, 0:00:00 left"
