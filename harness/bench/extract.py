"""Embeddings of sequences of many lengths, from all their frames."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.bench import material
from harness.bench.hardware import Work
from harness.bench.plain import files
from harness.bench.plain.epoch import PlainRun
from harness.bench.turns import Tick
from harness.training.device import set_up
from harness.training.extract import extract

ABOUT = "feature extraction"
SIZE = {"backbone": "gaitset", "count": 24, "length": 20, "spread": 4}
LEAST = {"spread": 0}
GPU_SIZE = {"count": 256, "length": 88, "spread": 8}
UNIT = "passes"


def _walks(size: dict[str, Any]) -> list[np.ndarray]:
    return material.sequences(size["count"], size["length"], size["spread"])


def ours(size: dict[str, Any], tick: Tick) -> None:
    device = set_up(material.paper_settings(size).compute)
    frames, pool = material.pack(_walks(size))
    network, frames = device.place(material.network(size)), device.hold(frames)
    while True:
        extract(network, frames, pool, device).cpu()
        tick()


def plain(size: dict[str, Any], tick: Tick) -> None:
    """A sequence at a time, read from its file, in fp32."""
    with tempfile.TemporaryDirectory() as folder:
        run = PlainRun(size, files.write(Path(folder), _walks(size)))
        while True:
            run.features()
            tick()


def work(size: dict[str, Any]) -> Work:
    network = material.network(size).eval()
    frames = sum(len(walk) for walk in _walks(size))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 12, 64, 44), torch.tensor([12]))
    return Work(counter.get_total_flops() * frames / 12, frames * 64 * 44 * 4.0, size["precision"])
