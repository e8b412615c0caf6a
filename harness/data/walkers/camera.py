"""The camera: where a walker's vertices fall in the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data.walkers.body import Floats

FIELD_OF_VIEW = 2.4
"""Metres that fill the rows of an image at the middle of the path: nobody near the camera leaves it."""


@dataclass(frozen=True)
class Camera:
    """A fixed camera that pans after the walker.

    view_deg: 0 sees the walker come, 90 from the side (CASIA-B's convention), 180 from behind.
    distance, height: metres from the middle of the path and above the ground. stretch: horizontal scale
    of a pixel (1 is square).
    """

    view_deg: float
    distance: float
    height: float
    stretch: float = 1.0


def project(vertices: Floats, path: Floats, camera: Camera, size: tuple[int, int]) -> Floats:
    """Perspective projection.

    vertices f32[T,V,3] of the walker on the spot, path f32[T]: metres walked from the middle of the path,
    size: (rows, columns) of the image. Returns f32[T,2,V]: row and column in pixels. The focal length is such
    that :data:`FIELD_OF_VIEW` metres at the middle of the path fill the rows.
    """
    rows, columns = size
    azimuth = np.radians(camera.view_deg)
    # Forward is -y, the walker's left is +x: at 90 degrees the camera stands to the walker's left.
    eye = np.array([np.sin(azimuth), -np.cos(azimuth)]) * camera.distance
    place = np.stack([np.zeros_like(path), -path], axis=1)
    to_walker = place - eye
    ground = np.linalg.norm(to_walker, axis=1)
    forward = to_walker / ground[:, None]
    right = np.stack([forward[:, 1], -forward[:, 0]], axis=1)
    middle = 0.95
    tilt = np.arctan2(camera.height - middle, ground)
    offset = vertices[..., :2].astype(np.float32)
    across = np.einsum("tvi,ti->tv", offset, right.astype(np.float32))
    away = np.einsum("tvi,ti->tv", offset, forward.astype(np.float32)) + ground[:, None].astype(np.float32)
    up = vertices[..., 2] - np.float32(camera.height)
    cos, sin = np.cos(tilt).astype(np.float32)[:, None], np.sin(tilt).astype(np.float32)[:, None]
    depth = away * cos - up * sin
    vertical = up * cos + away * sin
    focal = rows / FIELD_OF_VIEW * np.hypot(camera.distance, camera.height - middle)
    scale = np.float32(focal) / np.maximum(depth, 0.3)
    row = rows / 2 - vertical * scale
    column = columns / 2 + across * scale * np.float32(camera.stretch)
    return np.stack([row, column], axis=1).astype(np.float32)
