"""GREW's submission: the twenty nearest by a slow reading, and nothing written that a server would refuse."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
import torch

from harness.distances import distances
from harness.errors import UserError
from harness.submission import HEADER, check_submission, nearest_subjects, write_submission


def embeddings(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 3, 4, generator=torch.Generator().manual_seed(seed))


SUBJECTS = [f"{n // 2 + 1:05d}" for n in range(30)]


@pytest.mark.parametrize("distance", ["part-euclidean", "flat-euclidean", "cosine"])
def test_nearest_subjects_against_sorting_one_probe_at_a_time(distance):
    probes, gallery = embeddings(7, 1), embeddings(30, 2)
    gallery[11] = gallery[4]  # equally near: the first stands first
    ranked = nearest_subjects(probes, gallery, SUBJECTS, distance)
    table = distances(distance, probes, gallery).tolist()
    for row, line in zip(table, ranked.tolist(), strict=True):
        order = sorted(range(30), key=lambda j, row=row: (row[j], j))[:20]
        assert line == [SUBJECTS[j] for j in order]


def test_written_and_read_back(tmp_path):
    videos = ["aB1", "0Xz", "q9"]
    ranked = nearest_subjects(embeddings(3, 1), embeddings(30, 2), SUBJECTS, "cosine")
    write_submission(tmp_path / "a.zip", videos, ranked, SUBJECTS)
    write_submission(tmp_path / "b.zip", videos, ranked, SUBJECTS)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        rows = list(csv.reader(io.StringIO(archive.read("submission.csv").decode())))
    assert tuple(rows[0]) == HEADER and len(HEADER) == 21
    assert rows[1:] == [[video, *(str(int(s)) for s in row)] for video, row in zip(videos, ranked.tolist())]


GOOD = np.full((2, 20), "00001")


@pytest.mark.parametrize(
    ("videos", "ranked", "subjects", "line"),
    [
        (["a", "b"], GOOD[:, :19], ["00001"], "shape"),
        (["a"], GOOD, ["00001"], "shape"),
        ([], GOOD[:0], ["00001"], "shape"),
        (["a", "a"], GOOD, ["00001"], "a probe twice"),
        (["a", "b,c"], GOOD, ["00001"], "'b,c', which is no videoId"),
        (["a", "é"], GOOD, ["00001"], "no videoId"),
        (["a", "b"], GOOD, ["00002"], "'00001', who is not in the gallery"),
        (["a", "b"], np.full((2, 20), "x1"), ["x1"], "'x1', which is no number"),
    ],
)
def test_what_a_server_would_refuse_is_not_written(tmp_path, videos, ranked, subjects, line):
    with pytest.raises(UserError, match=line):
        check_submission(videos, ranked, subjects)
    with pytest.raises(UserError):
        write_submission(tmp_path / "x.zip", videos, ranked, subjects)
    assert list(tmp_path.iterdir()) == []


def test_other_refusals(tmp_path):
    with pytest.raises(UserError, match=r"name it \.zip"):
        write_submission(tmp_path / "x.csv", ["a", "b"], GOOD, ["00001"])
    with pytest.raises(UserError, match="ranks 20 gallery sequences, and the store has 19"):
        nearest_subjects(embeddings(1, 0), embeddings(19, 1), SUBJECTS[:19], "cosine")
