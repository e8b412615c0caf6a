"""Work that is done one step ahead, beside the GPU's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def ahead(make: Callable[[A], B], items: Iterable[A], beside: bool) -> Iterator[B]:
    """``make`` of every item, in order. ``beside``: a thread makes the next one while the last is in use.

    It pays where frames come from the host to a GPU. An error in the thread is raised here.
    """
    if not beside:
        yield from map(make, items)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="feed") as pool:
        waiting = None
        for item in items:
            following = pool.submit(make, item)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
