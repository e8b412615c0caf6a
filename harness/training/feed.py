"""Work that is done one step ahead, beside the GPU's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

import torch
from torch import Tensor

A = TypeVar("A")
B = TypeVar("B")


def ahead(make: Callable[[A], B], items: Iterable[A], device: torch.device | None) -> Iterator[B]:
    """``make`` of every item, in order. For ``device``, a thread makes the next one while the last is in use.

    It pays where frames come from the host to a GPU: there the thread has a stream of its own, so that its copies and
    kernels run beside those of the steps, which would otherwise come first. An error in the thread is raised here.
    ``device`` None: each is made when it is asked for.
    """
    if device is None:
        yield from map(make, items)
        return
    side = _side(device)

    def made(item: A) -> tuple[B, torch.Event | None]:
        return make(item), side.record_event() if side else None

    # It sets the thread's device too, which would else be the machine's first.
    begin = partial(torch.cuda.set_stream, side) if side else None
    with ThreadPoolExecutor(1, "feed", initializer=begin) as pool:
        waiting = None
        for item in items:
            following = pool.submit(made, item)
            if waiting is not None:
                yield _handed_over(waiting, device)
            waiting = following
        if waiting is not None:
            yield _handed_over(waiting, device)


@cache
def _side(device: torch.device) -> torch.cuda.Stream | None:
    """The one stream beside a GPU's main one: torch has few, and keeps freed memory for each apart."""
    return torch.cuda.Stream(device) if device.type == "cuda" else None


def _handed_over(waiting: Future[tuple[B, torch.Event | None]], device: torch.device) -> B:
    """What the thread has made, for the caller's stream: it waits for the copies, and their memory for its kernels."""
    found, copied = waiting.result()
    if copied is not None:
        here = torch.cuda.current_stream(device)
        here.wait_event(copied)
        for tensor in _tensors(found):
            tensor.record_stream(here)
    return found


def _tensors(found: Any) -> Iterator[Tensor]:
    """The GPU's tensors in a tuple or in the fields of a dataclass."""
    for part in found if isinstance(found, tuple) else vars(found).values():
        if isinstance(part, Tensor) and part.is_cuda:
            yield part
