"""Raw frames to 64 x 44 silhouettes, exactly as the field does it (GaitSet's and OpenGait's preparation)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from harness.types import FRAME

Frame = npt.NDArray[np.uint8]

_EMPTY = 10_000  # a frame whose pixel values sum to this or less shows nobody
_SIDE = 64


def square(frame: Frame) -> Frame | None:
    """One raw mask uint8[H,W] in {0..255} as the field's uint8[64,64], or None when nobody is on it.

    Cut to the rows that hold pixels, resize by cubic interpolation to 64 rows, then take 64 columns around the
    first column where the cumulated sum exceeds half.
    """
    if int(frame.sum(dtype=np.int64)) <= _EMPTY:
        return None
    rows = np.flatnonzero(frame.any(axis=1))
    cut = frame[rows[0] : rows[-1] + 1]
    width = int(_SIDE * (cut.shape[1] / cut.shape[0]))
    if width < 1:
        return None
    resized = cv2.resize(cut, (width, _SIDE), interpolation=cv2.INTER_CUBIC)
    cumulated = resized.sum(axis=0, dtype=np.int64).cumsum()
    beyond = np.flatnonzero(cumulated > cumulated[-1] / 2)
    if beyond.size == 0:
        return None
    half = _SIDE // 2
    left, right = int(beyond[0]) - half, int(beyond[0]) + half
    if left <= 0 or right >= width:
        left, right = left + half, right + half
        resized = np.pad(resized, ((0, 0), (half, half)))
    return np.asarray(resized[:, left:right], dtype=np.uint8)


def normalise(frames: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Raw masks uint8[T,H,W] as silhouettes uint8[T',64,44] and ``kept`` bool[T]: which frames show somebody."""
    cut = [square(frame) for frame in frames]
    kept = np.array([frame is not None for frame in cut], dtype=bool)
    margin = (_SIDE - FRAME[1]) // 2
    whole = [frame[:, margin : _SIDE - margin] for frame in cut if frame is not None]
    return np.stack(whole) if whole else np.zeros((0, *FRAME), dtype=np.uint8), kept
