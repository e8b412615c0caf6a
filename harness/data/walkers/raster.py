"""From projected vertices to masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_array

from harness.data.walkers.body import Body, Floats

_KERNEL = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Splats:
    """Points spread over a mesh's triangles: ``matrix`` [Q,V] holds their barycentric weights."""

    matrix: csr_array


def spread_points(body: Body, per_metre: float) -> Splats:
    """Points on every triangle, dense enough that none is further than about 1/``per_metre`` from the next.

    The same for every frame of a body, so that projecting the points is one sparse product.
    """
    a, b, c = (body.vertices[body.triangles[:, i]] for i in range(3))
    longest = np.max([np.linalg.norm(b - a, axis=1), np.linalg.norm(c - b, axis=1), np.linalg.norm(a - c, axis=1)], 0)
    divisions = np.clip(np.ceil(longest * per_metre), 1, 24).astype(int)
    rows: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    for n in np.unique(divisions):
        i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        inside = i + j <= n
        grid = np.stack([i[inside], j[inside], n - i[inside] - j[inside]], axis=1) / n
        chosen = body.triangles[divisions == n]
        rows.append(np.repeat(chosen, len(grid), axis=0))
        weights.append(np.tile(grid, (len(chosen), 1)))
    columns = np.concatenate(rows)
    values = np.concatenate(weights).astype(np.float32)
    starts = np.arange(len(columns) + 1) * 3
    return Splats(csr_array((values.ravel(), columns.ravel(), starts), shape=(len(columns), len(body.vertices))))


def rasterise(image: Floats, splats: Splats, size: tuple[int, int]) -> np.ndarray:
    """Masks uint8[T,rows,columns] in {0, 255} of projected vertices ``image`` f32[T,2,V]."""
    rows, columns = size
    frames = image.shape[0]
    points = (splats.matrix @ image.reshape(frames * 2, -1).T).T.reshape(frames, 2, -1)
    cells = np.floor(points).astype(np.int32)
    np.clip(cells[:, 0], 0, rows - 1, out=cells[:, 0])
    np.clip(cells[:, 1], 0, columns - 1, out=cells[:, 1])
    flat = cells[:, 0] * columns + cells[:, 1] + (np.arange(frames, dtype=np.int32) * rows * columns)[:, None]
    masks = np.zeros(frames * rows * columns, dtype=np.uint8)
    masks[flat.ravel()] = 255
    masks = masks.reshape(frames, rows, columns)
    return np.stack([cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _KERNEL) for mask in masks])
