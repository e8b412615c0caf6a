"""How a run is watched and stopped."""

from __future__ import annotations

import io
import os
import signal
import weakref
from typing import Any

import pytest
from rich.console import Console

from harness.cli import progress
from harness.cli.progress import deaf, watched

METRICS = {"epoch": 0, "loss": 2.5, "clusters": 7.0, "outliers": 3.0, "links_removed": 0.25, "nmi": 0.5, "seconds": 1.0}


def screen(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> io.StringIO:
    out = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=out, force_terminal=terminal, width=160, highlight=False))
    return out


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_shown(terminal: bool, monkeypatch: pytest.MonkeyPatch):
    out, recorded = screen(monkeypatch, terminal), []
    monkeypatch.setattr(progress, "_PLAIN_EVERY", 0.0)
    with watched("cc-gaitset-target-s0", 2, 3, recorded.append) as watch:
        watch.note("resumed after epoch 0")
        watch.planning(0)
        watch.extracted(40, 100)
        watch.step(0, 0, 2.5, 128)
        watch.epoch(dict(METRICS))
        watch.planning(1)
        watch.step(1, 0, 1.25, 128)
        if watch.progress is not None:
            watch.progress.refresh()
    shown = out.getvalue()
    assert recorded == [METRICS] and "resumed after epoch 0" in shown
    assert "epoch 1/2, loss 2.5000, clusters 7, outliers 3, s_up removes 25.0%, NMI 0.500" in shown
    assert "loss 1.2500" in shown and "7 clusters" in shown and "sequences/s" in shown
    assert ("\x1b[" in shown) == terminal and ("4/6" in shown) == terminal


def test_while_pseudo_labels_are_made_a_signal_stops_at_once(monkeypatch: pytest.MonkeyPatch):
    """Clustering may take minutes, and the state before it is on disk."""
    screen(monkeypatch, terminal=False)
    with pytest.raises(KeyboardInterrupt), watched("x", 2, 2) as watch:
        watch.planning(0)
        watch.extracted(8, 80)
        os.kill(os.getpid(), signal.SIGINT)
    with watched("x", 2, 2) as watch:
        watch.planning(0)
        watch.extracted(80, 80)
        watch.step(0, 0, 1.0, 8)
        os.kill(os.getpid(), signal.SIGINT)
        assert watch.stopping()


def test_a_terminal_that_goes_away_is_answered_unless_that_is_ignored(monkeypatch: pytest.MonkeyPatch):
    screen(monkeypatch, terminal=False)
    with watched("x", 1, 1) as watch:
        os.kill(os.getpid(), signal.SIGHUP)
        assert watch.stopping()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with watched("x", 1, 1) as watch:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not watch.stopping()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_and_a_second_one_stops(number: int, monkeypatch: pytest.MonkeyPatch):
    screen(monkeypatch, terminal=False)
    before: Any = signal.getsignal(number)
    with watched("x", 1, 1) as watch:
        assert not watch.stopping()
        os.kill(os.getpid(), number)
        assert watch.stopping()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_a_run_that_is_stopped_lets_go_of_its_network_at_once():
    class Network:
        pass

    seen: list[weakref.ref[Network]] = []

    def fit() -> None:
        network = Network()
        network.itself = network  # pyright: ignore[reportAttributeAccessIssue]
        seen.append(weakref.ref(network))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        try:
            with deaf():
                fit()
        finally:
            assert seen[0]() is None  # while the exception, and with it the frames, are still there
    assert caught.value.__traceback__ is not None
