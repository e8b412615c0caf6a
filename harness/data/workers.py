"""Processes that prepare runs: started fast, results in order, gone when their parent is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import ModuleType

import cv2

from harness.data.archive import Run
from harness.data.dataset import Key
from harness.data.pieces import Piece, prepare_run
from harness.data.spots import Limits
from harness.errors import PausedError

_WAITING = 3  # runs for each process that are under way or wait to be kept


def _start() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says what happens on Ctrl-C
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


@contextmanager
def _nothing_to_import() -> Iterator[None]:
    """A new process imports its parent's main module again: the whole command line and torch, and needs neither."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


Prepared = Iterator[tuple[Run, Key, Piece]]


def prepare_runs(runs: Iterable[tuple[Run, Key]], aligned: bool, limits: Limits, jobs: int) -> Prepared:
    """Prepares runs in ``jobs`` processes; what comes out is in the order of what goes in, and little is in between."""
    if jobs == 1:
        for run, key in runs:
            yield run, key, prepare_run(run, aligned, limits)
        return
    waiting: deque[tuple[Run, Key, Future[Piece]]] = deque()
    # Never a fork: libraries keep threads that Python does not count, and a fork of those can wait for ever.
    context = multiprocessing.get_context("spawn")
    with _nothing_to_import(), ProcessPoolExecutor(jobs, context, _start) as pool:
        try:
            for run, key in runs:
                waiting.append((run, key, pool.submit(prepare_run, run, aligned, limits)))
                if len(waiting) >= _WAITING * jobs:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        except BrokenProcessPool:
            raise PausedError(
                "a process was killed, perhaps for lack of memory; run the same command again, with fewer --jobs: it "
                "goes on from here"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _next(waiting: deque[tuple[Run, Key, Future[Piece]]]) -> tuple[Run, Key, Piece]:
    run, key, future = waiting.popleft()
    return run, key, future.result()
