"""What commands show: progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Bar:
    """A progress bar on a terminal; elsewhere about ten lines."""

    def __init__(self, progress: Progress | None, title: str) -> None:
        self.progress, self.title = progress, title
        self.task = progress.add_task(title, total=None) if progress else None
        self.said = -1

    def __call__(self, done: int, total: int) -> None:
        if self.progress is not None and self.task is not None:
            self.progress.update(self.task, completed=done, total=total)
            return
        tenth = 10 * done // max(total, 1)
        if tenth != self.said:
            self.said = tenth
            console.print(f"{self.title}: {done}/{total}")


class Rate:
    """Progress of work over frames: how far, frames a second and time left. Nothing is drawn before the first call."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._progress: Progress | None = None
        self._began = time.perf_counter()
        self._passed, self._said = 0, -1

    def __enter__(self) -> Rate:
        return self

    def __call__(self, done: int, total: int, frames: int) -> None:
        """``done`` of ``total`` parts, and the frames that this took."""
        if not frames:
            # Parts that an earlier call left behind are passed in no time: they say nothing about the others.
            self._passed, self._began = done, time.perf_counter()
        seconds = max(time.perf_counter() - self._began, 1e-9)
        rate = f"{frames} frames, {frames / seconds:.0f}/s"
        if not console.is_terminal:
            tenth = 10 * done // max(total, 1)
            if tenth != self._said:
                self._said = tenth
                left = timedelta(seconds=round(seconds * (total - done) / max(done - self._passed, 1)))
                how = f"{rate}, {left} left" if frames else "done before"
                console.print(f"{self.title}: {100 * done // max(total, 1)}%, {how}")
            return
        if self._progress is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, TimeRemainingColumn(), console=console)
            self._task = self._progress.add_task(self.title, total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total, description=f"{self.title}  {rate}")

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


@contextmanager
def bar(title: str) -> Iterator[Bar]:
    """Shows how far a piece of work is; call the result with (done, total)."""
    if not console.is_terminal:
        yield Bar(None, title)
        return
    count = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*count, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        yield Bar(progress, title)
