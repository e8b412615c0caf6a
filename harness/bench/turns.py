"""Two ways to do the same work, timed in turns, each in a process of its own: neither inherits the other's set-up.

A *side* is a function ``side(size, tick)``: it prepares, calls ``tick()`` once when it is ready and once after each
piece of work, and goes on until ``tick`` raises :class:`EnoughError`. Turns meet whatever else the machine is doing
alike, so that their ratio holds where their seconds do not.
"""

from __future__ import annotations

import importlib
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from harness.errors import UserError

Tick = Callable[[], None]
Side = Callable[[dict[str, Any], Tick], None]


class EnoughError(Exception):
    """No more turns."""


@dataclass(frozen=True)
class Times:
    """Seconds of each turn by the clock, and of the processor in the same turn."""

    wall: list[float]
    cpu: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.wall)


def take_turns(sides: dict[str, str], size: dict[str, Any], repeats: int, warm_up: int) -> dict[str, Times]:
    """Times ``sides`` (name -> "module:function"), ``repeats`` turns of each after ``warm_up`` that are not counted."""
    context = multiprocessing.get_context("spawn")
    lines: dict[str, Connection] = {}
    children = []
    for name, place in sides.items():
        ours, theirs = context.Pipe()
        child = context.Process(target=_serve, args=(theirs, place, size))
        child.start()
        theirs.close()
        lines[name] = ours
        children.append(child)
    taken: dict[str, Times] = {name: Times([], []) for name in sides}
    try:
        for name in sides:
            _hear(lines[name], name)
        for turn in range(warm_up + repeats):
            for name in sides:
                wall, cpu = _hear(lines[name], name, "go")
                if turn >= warm_up:
                    taken[name].wall.append(wall)
                    taken[name].cpu.append(cpu)
    finally:
        for line in lines.values():
            line.close()
        for child in children:
            child.join(timeout=10)
            if child.is_alive():
                child.kill()
    return taken


def _hear(line: Connection, name: str, word: str = "") -> tuple[float, float]:
    try:
        if word:
            line.send(word)
        return line.recv()
    except (EOFError, OSError):
        raise UserError(f"bench: the process of '{name}' ended; its message stands above") from None


def _processor() -> float:
    """Processor seconds of this process and of workers of its that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def _serve(line: Connection, place: str, size: dict[str, Any]) -> None:
    module, function = place.split(":")
    side: Side = getattr(importlib.import_module(module), function)
    began = (time.perf_counter(), _processor())

    def tick() -> None:
        nonlocal began
        try:
            line.send((time.perf_counter() - began[0], _processor() - began[1]))
            line.recv()
        except (EOFError, OSError):
            raise EnoughError from None
        began = (time.perf_counter(), _processor())

    try:
        side(size, tick)
    except EnoughError:
        return
