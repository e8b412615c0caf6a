"""GREW's submission file: for each probe the subjects of its twenty nearest gallery sequences, nearest first."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.distances import distances
from harness.errors import UserError
from harness.files import atomic_path

RANKS = 20
HEADER = ("videoId", *(f"rank{k}" for k in range(1, RANKS + 1)))
_MEMBER = "submission.csv"
_CHUNK = 1024


def nearest_subjects(probes: Tensor, gallery: Tensor, subjects: Sequence[str], distance: str) -> npt.NDArray[np.str_]:
    """Subjects text[N,20] of each probe's nearest gallery sequences, embeddings f32[N,P,D] against f32[M,P,D].

    A subject with two near sequences stands there twice, as in OpenGait's submissions; of equally near ones the
    first in the gallery stands first.
    """
    if len(gallery) < RANKS:
        raise UserError(f"a submission ranks {RANKS} gallery sequences, and the store has {len(gallery)}")
    names = np.asarray(subjects)
    ranked = []
    for start in range(0, len(probes), _CHUNK):
        table = distances(distance, probes[start : start + _CHUNK], gallery)
        ranked.append(names[torch.sort(table, dim=1, stable=True).indices[:, :RANKS].cpu().numpy()])
    return np.concatenate(ranked) if ranked else np.zeros((0, RANKS), dtype=names.dtype)


def check_submission(videos: Sequence[str], ranked: npt.NDArray[np.str_], subjects: Sequence[str]) -> None:
    """Refuses what the organisers' server would: a wrong shape, a probe twice, an unknown subject."""
    if ranked.shape != (len(videos), RANKS) or len(videos) == 0:
        raise UserError(
            f"the submission has shape {list(ranked.shape)}, where [{len(videos)} probes, {RANKS}] is expected"
        )
    if len(set(videos)) != len(videos):
        raise UserError("the submission names a probe twice; prepare the store again")
    if odd := next((video for video in videos if not (video.isascii() and video.isalnum())), None):
        raise UserError(f"the submission names a probe {odd!r}, which is no videoId of GREW")
    if unknown := sorted(set(ranked.ravel().tolist()) - set(subjects)):
        raise UserError(f"the submission names subject {unknown[0]!r}, who is not in the gallery")
    if wrong := next(
        (subject for subject in sorted(set(subjects)) if not (subject.isascii() and subject.isdigit())), None
    ):
        raise UserError(f"the gallery has subject {wrong!r}, which is no number")


def write_submission(path: Path, videos: Sequence[str], ranked: npt.NDArray[np.str_], subjects: Sequence[str]) -> None:
    """Checks the ranking text[N,20] of probes ``videos`` and writes it as a zip with one CSV.

    Subjects are written as plain numbers, "00017" as 17. The same ranking gives the same bytes.
    """
    if path.suffix != ".zip":
        raise UserError(f"{path}: a submission is a zip file; name it .zip")
    check_submission(videos, ranked, subjects)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for video, row in zip(videos, ranked.tolist(), strict=True):
        writer.writerow((video, *map(int, row)))
    with atomic_path(path) as scratch, zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(_MEMBER), text.getvalue(), zipfile.ZIP_DEFLATED)
