"""How a training run is watched: a live view on a terminal, plain lines elsewhere; and how it is stopped."""

from __future__ import annotations

import gc
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from harness.cli.console import console
from harness.training.listener import Listener

_PLAIN_EVERY = 60.0
"""Seconds between lines in the middle of an epoch, where there is no terminal."""


class Watch(Listener):
    """Shows stage, epoch, loss, clusters, sequences a second and the time left."""

    def __init__(
        self,
        stem: str,
        epochs: int,
        iterations: int,
        record: Callable[[dict[str, Any]], None],
        stop: Stop,
        progress: Progress | None,
    ) -> None:
        self.stem, self.epochs, self.iterations = stem, epochs, iterations
        self.record, self.stop = record, stop
        self.progress = progress
        self.task = progress.add_task(stem, total=epochs * iterations) if progress else None
        self.at = self.found = ""
        self.seen = 0
        self.rate, self.last = 0.0, time.monotonic()
        self.said = self.last

    def stopping(self) -> bool:
        return self.stop.asked

    def note(self, text: str) -> None:
        console.print(text, markup=False)

    def planning(self, epoch: int) -> None:
        self.at, self.seen = f"epoch {epoch + 1}/{self.epochs}", 0
        self._show(epoch * self.iterations, "planning")

    def extracted(self, sequences: int, total: int) -> None:
        self.stop.at_once = "RANK" not in os.environ  # of several processes none leaves the others alone
        self.seen += sequences
        more = "clustering" if self.seen % total == 0 else f"features {self.seen % total}/{total}"
        self._show(None, more)
        self.last = time.monotonic()

    def step(self, epoch: int, step: int, loss: float, sequences: int) -> None:
        self.stop.at_once = False
        now = time.monotonic()
        rate = sequences / max(now - self.last, 1e-9)
        self.rate = 0.9 * self.rate + 0.1 * rate if self.rate else rate
        self.last = now
        text = f"loss {loss:.4f}, {self.rate:.0f} sequences/s{self.found}"
        self._show(epoch * self.iterations + step + 1, text)
        if self.progress is None and now - self.said >= _PLAIN_EVERY:
            self.said = now
            console.print(f"  {self.at}, step {step + 1}/{self.iterations}, {text}", markup=False)

    def epoch(self, metrics: dict[str, Any]) -> None:
        self.record(metrics)
        self.found = f", {metrics['clusters']:.0f} clusters" if "clusters" in metrics else ""
        self.said = time.monotonic()
        console.print(epoch_line(metrics, self.epochs), markup=False)

    def _show(self, done: int | None, text: str) -> None:
        if self.progress is not None and self.task is not None:
            line = f"{self.stem}  {self.at}, {text}"
            self.progress.update(self.task, description=line, completed=done)


def epoch_line(metrics: dict[str, Any], epochs: int) -> str:
    """What a line says of a finished epoch."""
    shown = [f"epoch {metrics['epoch'] + 1}/{epochs}", f"loss {metrics['loss']:.4f}"]
    for key, text in (("clusters", "clusters"), ("outliers", "outliers")):
        if key in metrics:
            shown.append(f"{text} {metrics[key]:.0f}")
    for key, text in (("links_removed", "s_up removes"), ("purity", "purity"), ("nmi", "NMI")):
        if key in metrics:
            shown.append(f"{text} {metrics[key]:.1%}" if key == "links_removed" else f"{text} {metrics[key]:.3f}")
    return "  " + ", ".join([*shown, f"{metrics['seconds']:.1f} s"])


@contextmanager
def watched(
    stem: str, epochs: int, iterations: int, record: Callable[[dict[str, Any]], None] = lambda metrics: None
) -> Iterator[Watch]:
    """A watch for one run; while it lasts, Ctrl-C, SIGTERM and SIGHUP let the step end and its state be written."""
    with _stoppable() as stop:
        if not console.is_terminal:
            yield Watch(stem, epochs, iterations, record, stop, None)
            return
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
            yield Watch(stem, epochs, iterations, record, stop, progress)


@dataclass
class Stop:
    """asked: a signal has come; at_once: the next need not wait for a step, as extraction and clustering change nothing
    that a state on disk lacks."""

    asked: bool = False
    at_once: bool = False


@contextmanager
def _stoppable() -> Iterator[Stop]:
    """A signal stops after the step under way, or at once while pseudo-labels are made; a second one at once."""
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked or stop.at_once:
            raise KeyboardInterrupt
        stop.asked = True
        console.print("stopping after this step (again: at once)")

    with _answered(ask):
        yield stop


def deaf() -> AbstractContextManager[None]:
    """Where processes share a run, the first one answers signals that stop, and the others stop when it does."""
    return _answered(signal.SIG_IGN)


@contextmanager
def _answered(answer: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup has it ignored
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, answer) for number in numbers}
    try:
        yield
    except BaseException as error:
        # What runs in several processes lets go of its network here, while their group is still there. After it,
        # torch's destructor would keep the interpreter and wait for a thread that wants it: now and then for ever.
        traceback.clear_frames(error.__traceback__)
        gc.collect()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
