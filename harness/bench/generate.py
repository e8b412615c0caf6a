"""Walkers: one subject's walk, seen by every camera, drawn and normalised."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.bench import material
from harness.bench.hardware import Work
from harness.bench.turns import Tick
from harness.data.prepare import normalise
from harness.data.walkers import generate
from harness.data.walkers.structure import Walk, walks_of

ABOUT = "walkers"
SIZE = {"frames": 12}
UNIT = "walks"


def _person(size: dict[str, Any]) -> tuple[Any, Any, Walk]:
    tree = material.paper_settings(size).walkers["target"]
    domain = tree.model_copy(update={"frames": size["frames"], "subjects": tree.subjects.model_copy(update={
        "train": 1, "val": 0, "test": 0})})  # fmt: skip
    (person,) = generate.draw_people("target", domain)
    return domain, person, walks_of(domain, person.name)[0]


def ours(size: dict[str, Any], tick: Tick) -> None:
    """As the harness makes them: posed once, all frames of a camera together."""
    domain, person, walk = _person(size)
    while True:
        for sequence in generate.render_walk("target", domain, person, walk):
            normalise(sequence.frames)
        tick()


def plain(size: dict[str, Any], tick: Tick) -> None:
    """A frame at a time: the body is posed and drawn anew for each frame of each camera."""
    domain, person, walk = _person(size)
    while True:
        one = domain.model_copy(update={"frames": 1})
        for view in walk.views:
            for _ in range(domain.frames):
                seen = Walk(**{**walk.__dict__, "views": (view,)})
                for sequence in generate.render_walk("target", one, person, seen):
                    normalise(sequence.frames)
        tick()


def work(size: dict[str, Any]) -> Work:
    """Every frame of every camera written once."""
    domain, _, walk = _person(size)
    return Work(0.0, float(np.prod((domain.image, domain.image, domain.frames, len(walk.views)))))
