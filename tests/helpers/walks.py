"""Sequences with names and embeddings, as evaluation takes them."""

from __future__ import annotations

import numpy as np
import torch

from harness.types import SequenceLabels

VIEWS = tuple(range(0, 181, 36))
CASIA_B = [*(f"nm-{i:02d}" for i in range(1, 7)), "bg-01", "bg-02", "cl-01", "cl-02"]


def labels_of(rows) -> SequenceLabels:
    """From (subject, condition, view) of each sequence."""
    return SequenceLabels(*(np.array(column) for column in zip(*rows)))


def people(conditions, views=VIEWS, subjects=5):
    return [(f"{s:03d}", c, f"{v:03d}") for s in range(subjects) for c in conditions for v in views]


def embed(rows, seed=0, noise=1.5):
    """Embeddings f32[N,3,4]: a point for each subject plus noise, so that some probes are right and some wrong."""
    rng = np.random.default_rng(seed)
    centre = {subject: rng.normal(size=(3, 4)) for subject in sorted({row[0] for row in rows})}
    points = np.stack([centre[row[0]] for row in rows]) + noise * rng.normal(size=(len(rows), 3, 4))
    return torch.from_numpy(points).float()
