"""Raw PNG silhouettes of a data set into a store: :mod:`harness.bench.prepare`'s material and reference, in turns."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

import cv2

from harness.bench.hardware import Work
from harness.bench.turns import Tick

ABOUT = "preparation"
SIZE = {"sequences": 100, "length": 40}
UNIT = "data sets"


def _material() -> Any:
    return importlib.import_module("harness.bench.prepare")


def ours(size: dict[str, Any], tick: Tick) -> None:
    material = _material()
    cv2.setNumThreads(size["threads"])  # which takes every core otherwise
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        material.make_raw(raw, size["sequences"], size["length"])
        request = material.Request(material.bench_set(), raw, Path(folder) / "store")
        while True:
            material.prepare(request, size["threads"])
            tick()


def plain(size: dict[str, Any], tick: Tick) -> None:
    """A file at a time, a numpy operation for each step of the rule."""
    material = _material()
    cv2.setNumThreads(size["threads"])  # which takes every core otherwise
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        material.make_raw(raw, size["sequences"], size["length"])
        while True:
            material.reference(raw)
            tick()


def work(size: dict[str, Any]) -> Work:
    """Every pixel of every file read once."""
    material = _material()
    return Work(0.0, float(size["sequences"] * size["length"] * material.ROWS * material.COLUMNS))
