"""How good pseudo-labels are, measured with truths that methods never see."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.types import SequenceLabels

FRONT_BACK_VIEWS = (0, 18, 162, 180)
"""What the paper calls front/back views on CASIA-B (section 3.2)."""


def diagnose(labels: npt.NDArray[np.int64], truth: SequenceLabels) -> dict[str, float]:
    """NMI and purity of pseudo-labels i64[N] (outliers left out), and where front/back sequences are.

    purity: share of clustered sequences that belong to their cluster's most frequent subject. front_back_mixed: share
    of front/back sequences that are in a cluster with another view. clothes_joined: share of clusters with a coat and
    another condition of the same subject. All in [0,1]; 0 when nothing is clustered.
    """
    member = labels >= 0
    front = np.isin(truth.view_deg, FRONT_BACK_VIEWS)
    if not member.any():
        return {"nmi": 0.0, "purity": 0.0, "front_back_mixed": 0.0, "clothes_joined": 0.0}
    # Imported here: it takes longer than the rest of the program, and few stages need it.
    from sklearn.metrics import normalized_mutual_info_score

    _, subject = np.unique(truth.subject, return_inverse=True)
    inside, clusters = labels[member], int(labels.max()) + 1
    table = np.zeros((clusters, subject.max() + 1), dtype=np.int64)
    np.add.at(table, (inside, subject[member]), 1)
    has_other = np.bincount(inside, weights=~front[member], minlength=clusters) > 0
    mixed = front & member & has_other[np.maximum(labels, 0)]
    coat = np.char.startswith(np.char.lower(truth.condition), "cl") | (np.char.find(truth.condition, "-cl-") >= 0)
    coats, others = np.zeros_like(table), np.zeros_like(table)
    np.add.at(coats, (inside, subject[member]), coat[member])
    np.add.at(others, (inside, subject[member]), ~coat[member])
    return {
        "nmi": float(normalized_mutual_info_score(subject[member], inside)),
        "purity": float(table.max(axis=1).sum() / inside.size),
        "front_back_mixed": float(mixed.sum() / max(front.sum(), 1)),
        "clothes_joined": float(((coats > 0) & (others > 0)).any(axis=1).mean()),
    }
