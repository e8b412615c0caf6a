"""Made-up material for benchmarks: silhouettes of no one, features in clusters. Seeded."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from harness.config import Settings, check
from harness.counters import numpy_rng
from harness.files import parse_yaml
from harness.presets import compose
from harness.registry import find
from harness.types import FRAME, Pool


def sequences(count: int, frames: int, spread: int = 0, seed: int = 0) -> list[npt.NDArray[np.uint8]]:
    """Blobs that walk, uint8[T,64,44]; T is ``frames`` more or less ``spread``."""
    rng = numpy_rng(seed, "bench")
    out = []
    for number in range(count):
        length = frames + int(rng.integers(-spread, spread + 1)) if spread else frames
        walk = np.zeros((length, *FRAME), dtype=np.uint8)
        for t, image in enumerate(walk):
            swing = int(6 * np.sin(0.4 * t + number))
            cv2.ellipse(image, (22, 26), (7 + number % 4, 18), 0, 0, 360, 255, -1)
            cv2.line(image, (22, 40), (22 + swing, 63), 255, 5)
            cv2.line(image, (22, 40), (22 - swing, 63), 255, 5)
            cv2.circle(image, (22, 6), 6, 255, -1)
        out.append(walk)
    return out


_PHASES, _VIEWS, _CLOTHES = 12, 11, 10


def people(count: int, length: int, spread: int, seed: int = 0) -> tuple[torch.Tensor, Pool]:
    """CASIA-B's structure, 110 sequences each (10 clothes x 11 views) of ``length`` frames +- ``spread``.

    Returns frames uint8[F,64,44], packed, and where each sequence lies. Ellipses and lines that differ by person, view
    and clothes; twelve phases of a walk, repeated from any of them on.
    """
    rng = numpy_rng(seed, "bench", "people")
    each = _CLOTHES * _VIEWS
    lengths = length + rng.integers(-spread, spread + 1, count * each)
    start = np.cumsum(lengths) - lengths
    frames = np.empty((int(lengths.sum()), *FRAME), dtype=np.uint8)
    for person in range(count):
        build = rng.integers(0, 6, 4)
        for number in range(each):
            clothes, view = divmod(number, _VIEWS)
            walk = _walk(build, clothes, view, rng)
            row = person * each + number
            phases = (np.arange(lengths[row]) + rng.integers(_PHASES)) % _PHASES
            frames[start[row] : start[row] + lengths[row]] = walk[phases]
    return torch.from_numpy(frames), Pool(start, lengths, None)


def front_back(sequences: int) -> npt.NDArray[np.bool_]:
    """bool[N]: which of :func:`people`'s sequences are seen from the front or the back, the first and the last view."""
    return np.isin(np.arange(sequences) % _VIEWS, (0, _VIEWS - 1))


def _walk(build: npt.NDArray[np.int64], clothes: int, view: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The phases of one sequence, uint8[12,64,44]: the last two clothes are coats, two before them carry a bag."""
    walk = np.zeros((_PHASES, *FRAME), dtype=np.uint8)
    side = abs(view - 5) - 5  # 0 from the front or the back, -5 from the side
    width = int(6 + build[0] // 2 - side // 3 + 3 * (clothes >= 8))
    jitter = int(rng.integers(-1, 2))
    for t, image in enumerate(walk):
        swing = int((2 - side) * np.sin(2 * np.pi * t / _PHASES) * (1 + build[1] / 6))
        middle = 22 + jitter
        cv2.circle(image, (middle, 7), 4 + int(build[2]) // 2, 255, -1)
        cv2.ellipse(image, (middle, 26), (width, 14 + 6 * (clothes >= 8)), 0, 0, 360, 255, -1)
        if 6 <= clothes < 8:
            cv2.circle(image, (middle - width, 30), 5, 255, -1)
        for leg in (swing, -swing):
            cv2.line(image, (middle, 36), (middle + leg, 63), 255, 3 + int(build[3]))
    return walk


def clustered(count: int, clusters: int, size: int, noise: float = 0.7, seed: int = 0) -> npt.NDArray[np.float32]:
    """Unit features f32[count,size] around ``clusters`` directions, whose members' cosines are 1 / (1 + noise^2)."""
    rng = numpy_rng(seed, "bench", "features")
    centres = rng.standard_normal((clusters, size), dtype=np.float32)
    rows = centres[np.arange(count) % clusters] + noise * rng.standard_normal((count, size), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def paper_settings(size: dict[str, Any]) -> Settings:
    """The paper's settings (conf/suite/paper.yaml) with a benchmark's device, precision, threads and compiler."""
    tree = parse_yaml(compose("paper"))
    tree["compute"] |= {key: size[key] for key in ("device", "precision", "threads", "compile") if key in size}
    if size["device"] == "cpu":
        tree["compute"]["extract_frames"] = 128  # what the suites for a CPU have
    return check(tree, "conf/suite/paper.yaml")


def network(size: dict[str, Any]) -> nn.Module:
    """The backbone of a benchmark as the paper's suite has it, with seeded weights."""
    backbone = paper_settings(size).backbones[size["backbone"]]
    torch.manual_seed(0)
    return find("backbone", backbone.kind)(**backbone.model_dump(exclude={"kind"}))


def pack(walks: list[npt.NDArray[np.uint8]]) -> tuple[torch.Tensor, Pool]:
    """Sequences as a store holds them: frames uint8[F,64,44], and where each sequence lies."""
    length = np.array([len(walk) for walk in walks])
    return torch.from_numpy(np.concatenate(walks)), Pool(np.cumsum(length) - length, length, None)
