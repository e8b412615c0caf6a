"""What commands show: progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

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


@contextmanager
def bar(title: str) -> Iterator[Bar]:
    """Shows how far a piece of work is; call the result with (done, total)."""
    if not console.is_terminal:
        yield Bar(None, title)
        return
    count = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*count, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        yield Bar(progress, title)
