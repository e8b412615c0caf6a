"""Raw frames to 64 x 44 silhouettes, exactly as the field does it (GaitSet's and OpenGait's preparation)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from harness.types import FRAME

Frame = npt.NDArray[np.uint8]

_EMPTY = 10_000  # a frame whose pixel values sum to this or less shows nobody
_SIDE = 64


def _centred(frame: Frame) -> tuple[Frame, int] | None:
    """The frame resized to 64 rows and its person's column, or None when there is nobody to centre on."""
    if cv2.sumElems(frame)[0] <= _EMPTY:
        return None
    _, top, _, height = cv2.boundingRect(frame)
    width = int(_SIDE * (frame.shape[1] / height))
    if width < 1:
        return None
    resized = cv2.resize(frame[top : top + height], (width, _SIDE), interpolation=cv2.INTER_CUBIC)
    cumulated = cv2.reduce(resized, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0].cumsum()
    column = int(cumulated.searchsorted(cumulated[-1] / 2, side="right"))
    # The field takes a person in the very first column for a fault of segmentation and leaves the frame out.
    return (np.asarray(resized, dtype=np.uint8), column) if 0 < column < width else None


def _window(resized: Frame, column: int, out: Frame) -> None:
    """Copies ``out``'s width around a column into ``out``; what lies beyond the frame stays as it is there."""
    half = out.shape[1] // 2
    left, right = max(0, column - half), min(resized.shape[1], column + half)
    out[:, left - column + half : right - column + half] = resized[:, left:right]


def square(frame: Frame) -> Frame | None:
    """One raw mask uint8[H,W] in {0..255} as the field's uint8[64,64], or None when nobody is on it.

    Cut to the rows that hold pixels, resize by cubic interpolation to 64 rows, then take 64 columns around the
    first column where the cumulated sum exceeds half.
    """
    found = _centred(frame)
    if found is None:
        return None
    out = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
    _window(*found, out)
    return out


def silhouette(frame: Frame, out: Frame) -> bool:
    """Writes the 44 middle columns of :func:`square` into ``out`` uint8[64,44]; False when nobody is on the frame."""
    found = _centred(frame)
    if found is None:
        return False
    out[:] = 0
    _window(*found, out)
    return True


def middle(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The 44 middle columns of frames uint8[...,64,64] that somebody else prepared."""
    margin = (_SIDE - FRAME[1]) // 2
    return frames[..., margin : _SIDE - margin]


def normalise(frames: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Raw masks uint8[T,H,W] as silhouettes uint8[T',64,44] and ``kept`` bool[T]: which frames show somebody."""
    out = np.empty((len(frames), *FRAME), dtype=np.uint8)
    kept = np.zeros(len(frames), dtype=bool)
    count = 0
    for number, frame in enumerate(frames):
        kept[number] = silhouette(frame, out[count])
        count += int(kept[number])
    return out[:count], kept
