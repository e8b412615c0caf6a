"""Augmentations of silhouette sequences: batch-wise, on the device, one draw for a whole sequence.

Rows and columns are those of 64 x 44 silhouettes. Dilation and erosion equal OpenCV's on the rows they are given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

Draws = npt.NDArray[np.float64]


def dilate(frames: Tensor, kernel: npt.NDArray[np.uint8]) -> Tensor:
    """Maximum over ``kernel`` [h,w] in {0,1} around each pixel, as ``cv2.dilate``: frames [B,T,H,W] of any float type.

    Pixels outside the frame never win; the anchor is (h // 2, w // 2), as OpenCV has it.
    """
    h, w = kernel.shape
    top, left = h // 2, w // 2
    padded = F.pad(frames, (left, w - 1 - left, top, h - 1 - top), value=float("-inf"))
    if kernel.all():
        return F.max_pool2d(F.max_pool2d(padded, (h, 1), stride=1), (1, w), stride=1)
    rows, columns = frames.shape[-2:]
    shifted = [padded[..., i : i + rows, j : j + columns] for i, j in np.argwhere(kernel)]
    return torch.stack(shifted).amax(dim=0)


def _rows_between(frames: Tensor, top: npt.NDArray[np.float64], bottom: npt.NDArray[np.float64]) -> Tensor:
    """bool[B,1,H,1]: rows of each sequence from ``top`` up to but without ``bottom``."""
    row = np.arange(frames.shape[2])
    inside = (row >= top[:, None]) & (row < bottom[:, None])
    return torch.from_numpy(inside).to(frames.device)[:, None, :, None]


def _morph(frames: Tensor, region: Tensor, sign: Tensor, kernel: npt.NDArray[np.uint8]) -> Tensor:
    """Dilates (sign +1) or erodes (sign -1) the rows in ``region`` as if they were an image of their own."""
    signed = (frames * sign).masked_fill(~region, float("-inf"))
    return torch.where(region, dilate(signed, kernel) * sign, frames)


class ClothAugment:
    """Section 3.3.1: dilate or erode the upper, the bottom or the whole body of a sequence, six types.

    Kernel 5 x 5 above and 2 x 2 below; boundaries drawn for each sequence: upper [14,18], middle [38,42],
    bottom [60,64]; a sequence is changed with ``probability``.
    """

    UPPER, MIDDLE, BOTTOM = (14, 18), (38, 42), (60, 64)
    TYPES = tuple(f"{change} {part}" for change in ("dilate", "erode") for part in ("upper", "bottom", "whole"))
    _ABOVE, _BELOW = np.ones((5, 5), np.uint8), np.ones((2, 2), np.uint8)

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def draw(self, rng: np.random.Generator, count: int) -> Draws:
        """f64[count,4]: type (0..5 as in ``TYPES``, -1 unchanged), then the three boundary rows."""
        kind = np.where(rng.random(count) < self.probability, rng.integers(0, 6, count), -1)
        bounds = [rng.integers(low, high + 1, count) for low, high in (self.UPPER, self.MIDDLE, self.BOTTOM)]
        return np.stack([kind, *bounds], axis=1).astype(np.float64)

    def __call__(self, frames: Tensor, draws: Draws) -> Tensor:
        out = frames.clone()
        kind = draws[:, 0]
        # A type's number modulo 3 is its part: 0 upper, 1 bottom, 2 whole.
        for spared, kernel, columns in ((1, self._ABOVE, (1, 2)), (0, self._BELOW, (2, 3))):
            chosen = np.flatnonzero((kind >= 0) & (kind % 3 != spared))
            if chosen.size == 0:
                continue
            index = torch.from_numpy(chosen).to(frames.device)
            own = out[index]
            region = _rows_between(own, draws[chosen, columns[0]], draws[chosen, columns[1]])
            sign = torch.from_numpy(np.where(kind[chosen] < 3, 1.0, -1.0)).to(own)[:, None, None, None]
            out[index] = _morph(own, region, sign, kernel)
        return out


class SelfSupervisedAugment:
    """GaitSSB's augmentations as its paper and OpenGait's ``DA4GaitSSB`` have them.

    In order: affine, perspective, flip, dilation of a part, blur of a part; each with its probability.
    """

    _SHIFT, _SIDE = 10, 10
    _TOP, _BOTTOM = (9, 20), (39, 50)
    _KERNELS = tuple(
        cv2.getStructuringElement(shape, size).astype(np.uint8)
        for shape, sizes in (
            (cv2.MORPH_RECT, ((5, 3), (5, 5), (3, 5))),
            (cv2.MORPH_CROSS, ((3, 3), (3, 5), (5, 3))),
            (cv2.MORPH_ELLIPSE, ((3, 3), (3, 5), (5, 3))),
        )
        for size in sizes
    )

    def __init__(self, affine: float, perspective: float, flip: float, dilate: float, blur: float) -> None:
        self.probabilities = (affine, perspective, flip, dilate, blur)

    def draw(self, rng: np.random.Generator, count: int) -> Draws:
        """f64[count,26]: five switches, 12 affine shifts, 4 corners, kernel, and two pairs of rows."""
        switches = rng.random((count, 5)) < np.asarray(self.probabilities)
        shifts = rng.integers(0, self._SHIFT, (count, 12))
        corners = rng.integers(0, self._SIDE, (count, 4))
        kernel = rng.integers(0, len(self._KERNELS), (count, 1))
        rows = [rng.integers(low, high + 1, (count, 1)) for low, high in (self._TOP, self._BOTTOM) * 2]
        return np.concatenate([switches, shifts, corners, kernel, *rows], axis=1).astype(np.float64)

    def __call__(self, frames: Tensor, draws: Draws) -> Tensor:
        switch = draws[:, :5].astype(bool)
        size = frames.shape[2:]
        warp = np.stack([self._warp(d, s, *size) for d, s in zip(draws, switch, strict=True)])
        moved = np.flatnonzero(switch[:, 0] | switch[:, 1])
        out = frames.clone()
        if moved.size:
            index = torch.from_numpy(moved).to(frames.device)
            out[index] = _sample(out[index], warp[moved])
        flipped = torch.from_numpy(np.flatnonzero(switch[:, 2])).to(frames.device)
        out[flipped] = out[flipped].flip(-1)
        for number, kernel in enumerate(self._KERNELS):
            chosen = np.flatnonzero(switch[:, 3] & (draws[:, 21] == number))
            self._change_part(out, chosen, draws[:, 22:24], partial(_dilate_part, kernel=kernel))
        self._change_part(out, np.flatnonzero(switch[:, 4]), draws[:, 24:26], _blur_part)
        return out

    @staticmethod
    def _change_part(
        out: Tensor, chosen: npt.NDArray[np.int64], rows: Draws, change: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        if chosen.size:
            index = torch.from_numpy(chosen).to(out.device)
            region = _rows_between(out[index], rows[chosen, 0], rows[chosen, 1])
            out[index] = torch.where(region, change(out[index], region), out[index])

    def _warp(self, draws: Draws, switch: npt.NDArray[np.bool_], rows: int, columns: int) -> npt.NDArray[np.float64]:
        """Homography f64[3,3] that takes (x, y) of the result to (x, y) of the source."""
        total = np.eye(3)
        if switch[0]:
            # OpenGait measures along x by the frame's height and along y by its width.
            far = np.array([[0, 0], [rows, 0], [0, columns]]) * 1.0
            inward = np.array([[1, 1], [-1, 1], [1, -1]])
            source = far + inward * draws[5:11].reshape(3, 2)
            target = far + inward * draws[11:17].reshape(3, 2)
            total = np.vstack([cv2.getAffineTransform(source.astype(np.float32), target.astype(np.float32)), [0, 0, 1]])
        if switch[1]:
            tl, tr, br, bl = draws[17:21]
            right = columns - self._SIDE
            source = np.array([[tl, 0], [right + tr, 0], [right + br, rows], [bl, rows]])
            target = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]])
            total = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32)) @ total
        return np.linalg.inv(total).astype(np.float64)


def _sample(frames: Tensor, homography: npt.NDArray[np.float64]) -> Tensor:
    """Bilinear samples of frames [B,T,H,W] where ``homography`` [B,3,3] sends each pixel; 0 outside."""
    rows, columns = frames.shape[2:]
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    source = homography @ points
    source = source[:, :2] / source[:, 2:]
    grid = source * (2 / np.array([columns - 1, rows - 1]))[:, None] - 1
    grid = torch.from_numpy(grid.transpose(0, 2, 1).reshape(-1, rows, columns, 2)).to(frames)
    return F.grid_sample(frames, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def _dilate_part(part: Tensor, region: Tensor, kernel: npt.NDArray[np.uint8]) -> Tensor:
    return dilate(part.masked_fill(~region, float("-inf")), kernel)


def _blur_part(part: Tensor, region: Tensor) -> Tensor:
    """3 x 3 Gaussian blur of the rows in ``region`` as an image of their own, then a threshold at 0.2.

    OpenCV reflects at the region's border without repeating the border pixel.
    """
    out, kernel = torch.zeros_like(part), part.new_tensor([0.25, 0.5, 0.25])
    kernel = (kernel[:, None] * kernel[None]).view(1, 1, 3, 3)
    for b, inside in enumerate(region[:, 0, :, 0].cpu().numpy()):
        rows = np.flatnonzero(inside)
        between = slice(int(rows[0]), int(rows[-1]) + 1)
        strip = F.pad(part[b, :, between].unsqueeze(1), (1, 1, 1, 1), mode="reflect")
        out[b, :, between] = (F.conv2d(strip, kernel).squeeze(1) > 0.2).to(part)
    return out
