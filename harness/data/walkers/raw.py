"""Walkers' PNG files back into a store, through the same preparation as real data."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from harness.config import Domain
from harness.data.prepare import normalise
from harness.data.store import Sequence, write_store
from harness.data.walkers.generate import Progress, map_subjects
from harness.data.walkers.structure import name_view, subject_names, walks_of
from harness.errors import UserError
from harness.identity import cores


def read_frames(folder: Path) -> np.ndarray:
    """Masks uint8[T,rows,columns] of one sequence's folder, in the order of the file names."""
    files = sorted(folder.glob("*.png"))
    if not files:
        raise UserError(f"{folder}: no PNG frame here; generate the raw frames again")
    frames = []
    for file in files:
        frame = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if frame is None or (frames and frame.shape != frames[0].shape):
            raise UserError(f"{file}: not a readable PNG of its sequence's size; generate the raw frames again")
        frames.append(frame)
    return np.stack(frames)


def _prepare_subject(job: tuple[Domain, Path, str, str]) -> tuple[list[Sequence], int]:
    domain, folder, subject, split = job
    out, dropped = [], 0
    for walk in walks_of(domain, subject):
        for view in walk.views:
            frames, kept = normalise(read_frames(folder / subject / walk.condition / name_view(view)))
            dropped += int((~kept).sum())
            out.append(Sequence(subject, walk.condition, name_view(view), split, frames))
    return out, dropped


def prepare_raw(
    name: str, domain: Domain, folder: Path, path: Path, processes: int | None = None, progress: Progress | None = None
) -> int:
    """Reads ``<subject>/<condition>/<view>/*.png`` of the domain ``name`` into a store; returns how many frames were
    dropped because nobody is on them. The store equals the one that is rendered directly."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; make it with `harness data generate {name} --raw {folder}`")
    jobs = [(domain, folder, subject, split) for subject, split in subject_names(domain)]
    dropped = 0

    def sequences():
        nonlocal dropped
        for prepared, lost in map_subjects(_prepare_subject, jobs, processes or cores(), progress):
            dropped += lost
            yield from prepared

    write_store(path, sequences(), {"dataset": f"walkers-{name}", "made_from": domain.model_dump(mode="json")})
    return dropped
