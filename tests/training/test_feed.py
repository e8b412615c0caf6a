"""Work one step ahead: in order, in a thread of its own, and gone when nobody wants it any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import torch

from harness.training.feed import ahead

CPU = torch.device("cpu")


def noting(seen: list[tuple[int, str]]) -> Callable[[int], int]:
    def make(item: int) -> int:
        seen.append((item, threading.current_thread().name))
        return item * item

    return make


@pytest.mark.parametrize("device", [None, CPU])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_every_item_comes_in_order(device: torch.device | None, count: int):
    assert list(ahead(noting([]), range(count), device)) == [i * i for i in range(count)]


def test_without_a_device_each_is_made_when_it_is_asked_for():
    seen: list[tuple[int, str]] = []
    made = ahead(noting(seen), range(3), None)
    next(made)
    assert seen == [(0, threading.current_thread().name)]


def test_a_thread_makes_the_next_one_while_the_last_is_in_use():
    seen: list[tuple[int, str]] = []
    made = ahead(noting(seen), range(4), CPU)
    assert next(made) == 0
    until = time.monotonic() + 30
    while len(seen) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert [item for item, _ in seen] == [0, 1]  # one ahead and no more: batches do not pile up
    assert {name.split("_")[0] for _, name in seen} == {"feed"}
    made.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert not any(thread.name.startswith("feed") for thread in threading.enumerate())


def test_an_error_in_the_thread_is_raised_where_the_item_is_wanted():
    def make(item: int) -> int:
        return 1 // (2 - item)

    made = ahead(make, range(4), CPU)
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(made)
