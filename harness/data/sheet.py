"""Contact sheets: what a store holds, at a glance."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from harness.data.store import SequenceStore
from harness.types import FRAME

_GAP = 3
_MARGIN = 92
_HEAD = 18


def contact_sheet(
    store: SequenceStore, split: str, subjects: int, conditions: list[str] | None = None, frames: int = 1
) -> npt.NDArray[np.uint8]:
    """A grey image: a row for each subject and condition, a column for each view, ``frames`` silhouettes each."""
    rows = store.rows(split)
    labels = store.labels(rows)
    names = sorted(set(labels.subject))[:subjects]
    mine = np.isin(labels.subject, names)
    wanted = conditions or sorted(set(labels.condition[mine]))
    views = sorted(set(labels.view[mine]))
    lines = [(s, c) for s in names for c in wanted]
    height, width = FRAME
    cell = (width + 1) * frames + _GAP
    sheet = np.full((_HEAD + len(lines) * (height + _GAP), _MARGIN + len(views) * cell), 96, dtype=np.uint8)
    for column, view in enumerate(views):
        _write(sheet, view, _MARGIN + column * cell + 2, _HEAD - 5)
    at = dict(zip(zip(labels.subject, labels.condition, labels.view, strict=True), rows, strict=True))
    for line, (subject, condition) in enumerate(lines):
        top = _HEAD + line * (height + _GAP)
        _write(sheet, f"{subject} {condition}", 3, top + height // 2)
        for column, view in enumerate(views):
            row = at.get((subject, condition, view))
            if row is None:
                continue
            sequence = store.sequence(row)
            for f, index in enumerate(np.linspace(0, len(sequence) - 1, frames).round().astype(int)):
                left = _MARGIN + column * cell + f * (width + 1)
                sheet[top : top + height, left : left + width] = sequence[index]
    return sheet


def _write(sheet: npt.NDArray[np.uint8], text: str, x: int, y: int) -> None:
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.36, 255, 1, cv2.LINE_AA)
