"""Diagnostics of pseudo-labels, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score

from harness.evaluation.diagnostics import diagnose
from harness.types import EpochPlan, SequenceLabels


def truth(rows) -> SequenceLabels:
    return SequenceLabels(*(np.array(column) for column in zip(*rows)))


def found_in(labels, truth: SequenceLabels, **more) -> dict[str, float]:
    return diagnose(EpochPlan(labels, 2, 2, **more), truth)


def test_all_outliers():
    rows = [("a", "nm-01", "000"), ("b", "cl-01", "090")]
    found = found_in(np.array([-1, -1]), truth(rows))
    assert found == {"nmi": 0.0, "purity": 0.0, "front_back_mixed": 0.0, "clothes_joined": 0.0}


def test_by_hand():
    rows = [
        ("a", "nm-01", "000"), ("a", "nm-02", "090"), ("b", "nm-01", "090"),  # 0: front with side, purity 2/3
        ("b", "cl-01", "180"), ("a", "bg-01", "018"),  # 1: front/back alone, purity 1/2
        ("b", "nm-01", "036"), ("b", "cl-02", "054"),  # 2: coat and none of one person, purity 1
        ("a", "nm-01", "162"), ("a", "cl-01", "072"),  # outliers
    ]  # fmt: skip
    found = found_in(np.array([0, 0, 0, 1, 1, 2, 2, -1, -1]), truth(rows))
    assert found["purity"] == pytest.approx(5 / 7)
    assert found["front_back_mixed"] == pytest.approx(1 / 4)  # the outlier at 162 counts below the line only
    assert found["clothes_joined"] == pytest.approx(1 / 3)


def test_a_coat_beside_another_person_joins_nothing():
    rows = [("a", "cl-01", "090"), ("b", "nm-01", "090")]
    assert found_in(np.array([0, 0]), truth(rows))["clothes_joined"] == 0
    rows = [("a", "scene1-cl-01", "90"), ("a", "scene3-nm-01", "90")]
    assert found_in(np.array([0, 0]), truth(rows))["clothes_joined"] == 1


@pytest.mark.parametrize(("view", "mixed"), [("000", 1), ("018", 1), ("162", 1), ("180", 1), ("036", 0), ("144", 0)])
def test_which_views_are_front_or_back(view, mixed):
    rows = [("a", "nm-01", view), ("a", "nm-01", "090")]
    assert found_in(np.array([0, 0]), truth(rows))["front_back_mixed"] == mixed


def test_perfect_labels():
    rows = [(s, c, v) for s in "abc" for c in ("nm-01", "cl-01") for v in ("036", "090")]
    found = found_in(np.repeat([2, 0, 1], 4), truth(rows))
    assert found["nmi"] == pytest.approx(1) and found["purity"] == 1
    assert found["clothes_joined"] == 1 and found["front_back_mixed"] == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nmi_and_purity_of_random_labels_are_of_the_kept(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 6, size=200)
    subject = rng.integers(0, 9, size=200).astype(str)
    rows = list(zip(subject, ["nm-01"] * 200, rng.choice(["000", "090"], size=200)))
    kept = labels >= 0
    found = found_in(labels, truth(rows))
    assert found["nmi"] == pytest.approx(normalized_mutual_info_score(subject[kept], labels[kept]))
    best = sum(np.unique(subject[labels == k], return_counts=True)[1].max() for k in range(6))
    assert found["purity"] == pytest.approx(best / kept.sum())


def test_where_reassigned_sequences_and_support_sets_point():
    rows = [
        ("a", "nm-01", "090"), ("a", "nm-02", "090"), ("b", "nm-01", "000"),  # 0: a's
        ("a", "cl-01", "090"), ("a", "cl-02", "090"), ("a", "nm-03", "000"),  # 1: a's, in a coat
        ("b", "nm-02", "090"), ("b", "nm-03", "090"),  # 2: b's
    ]  # fmt: skip
    links = torch.tensor([[0, 1], [1, 2], [2, -1]])
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    found = found_in(labels, truth(rows), moved=np.array([2, 5]), links=links)
    assert found["reassigned_right"] == pytest.approx(1 / 2)  # b's went to a, a's to a
    assert found["support_same"] == pytest.approx(1 / 2) and found["support_clothes"] == pytest.approx(1 / 2)
    alone = found_in(labels, truth(rows), links=torch.arange(3)[:, None])
    assert not {"support_same", "support_clothes", "reassigned_right"} & set(alone)
