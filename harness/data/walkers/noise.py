"""What segmentation does to a mask."""

from __future__ import annotations

import cv2
import numpy as np

from harness.config import Segmentation

_SIGMA = 2.0
# Near the outline a blurred half-plane rises by 255 / (sigma sqrt(2 pi)) a pixel.
_SLOPE = 255 / (_SIGMA * np.sqrt(2 * np.pi))


def segment(masks: np.ndarray, rng: np.random.Generator, how: Segmentation) -> np.ndarray:
    """Masks uint8[T,rows,columns] as a segmentation would deliver them, in {0, 255}.

    One bias for the sequence; fields and defects are drawn for each frame.
    """
    frames, rows, columns = masks.shape
    bias = how.thickness + how.thickness_spread * rng.normal()
    coarse = rng.normal(size=(frames, 10, 10)).astype(np.float32)
    struck = rng.random(frames) < how.hit
    out = np.empty_like(masks)
    for t in range(frames):
        mask = masks[t]
        if struck[t]:
            mask = _damage(mask, rng, how)
        soft = cv2.GaussianBlur(mask, (9, 9), _SIGMA).astype(np.int16)
        field = cv2.resize(coarse[t], (columns, rows), interpolation=cv2.INTER_LINEAR)
        shift = (field * (how.boundary * _SLOPE) + (bias * _SLOPE)).astype(np.int16)
        out[t] = np.where(soft + shift * (soft > 4) > 127, 255, 0)
    return out


def _damage(mask: np.ndarray, rng: np.random.Generator, how: Segmentation) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    if rows.size == 0:
        return mask
    mask = mask.copy()
    scale = mask.shape[0] / 128

    def ellipse(value: int, where: tuple[int, int], low: float, high: float) -> None:
        axes = tuple(int(x) for x in np.maximum(rng.uniform(low, high, 2) * scale, 1))
        cv2.ellipse(mask, where, axes, float(rng.uniform(0, 180)), 0, 360, value, -1)

    for _ in range(rng.poisson(how.holes)):
        i = rng.integers(rows.size)
        ellipse(0, (int(columns[i]), int(rows[i])), 1.0, 3.5)
    outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    edge_rows, edge_columns = np.nonzero(outline)
    for _ in range(rng.poisson(how.bites)):
        i = rng.integers(edge_rows.size)
        ellipse(0, (int(edge_columns[i]), int(edge_rows[i])), 2.0, 6.0)
    for _ in range(rng.poisson(how.blobs)):
        i = rng.integers(edge_rows.size)
        ellipse(255, (int(edge_columns[i]), int(edge_rows[i])), 2.0, 5.0)
    return mask
