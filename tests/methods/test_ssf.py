"""Selective Sample Fusion: which clusters are dissolved and where their sequences go."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from harness.config import SampleFusion
from methods.parts.round import Round, count_clusters
from methods.parts.space import SimilaritySpace
from methods.parts.ssf import SelectiveSampleFusion, _nearest, curriculum_bound

SETTINGS = SampleFusion(c_low=0.8, s_o=0.7, lambda_base=0.005)


def test_the_nearest_are_what_float64_says_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(7)
    features = F.normalize(torch.from_numpy(rng.normal(size=(50, 6)).astype(np.float32)), dim=1)
    centroids = F.normalize(torch.from_numpy(rng.normal(size=(9, 6)).astype(np.float32)), dim=1)
    rows = rng.permutation(50)[:31]
    best, nearest = _nearest(features, rows, centroids)
    exact = features.double().numpy()[rows] @ centroids.double().numpy().T
    assert nearest.tolist() == exact.argmax(axis=1).tolist()
    assert best == pytest.approx(exact.max(axis=1), abs=1e-6)
    for size in (1, 7, 31, 64):
        monkeypatch.setattr("methods.parts.ssf._CHUNK", size)
        other, same = _nearest(features, rows, centroids)
        assert other == pytest.approx(best, abs=1e-6) and same.tolist() == nearest.tolist()


def test_bound_is_equations_4_and_5():
    def bound(epoch: int, found: int, previous: int | None, adaptive: bool = True) -> float:
        return curriculum_bound(SETTINGS, epoch, found, previous, adaptive)

    assert bound(0, 100, None) == pytest.approx(0.7)
    assert bound(10, 100, None) == pytest.approx(0.7 - 0.005 * 10)
    assert bound(10, 100, 200) == pytest.approx(0.675)  # lambda = 0.0025
    assert bound(40, 150, 100) == pytest.approx(0.4)  # lambda = 0.0075
    assert bound(40, 150, 100, adaptive=False) == pytest.approx(0.5)


class FrontBack:
    """Tools that know nothing but views."""

    def __init__(self, front: list[int]) -> None:
        self.front = np.array(front, dtype=bool)

    def front_back(self) -> np.ndarray:
        return self.front


def ssf(features: torch.Tensor, labels: list[int], front: list[int], epoch: int = 0, c_low: float = 0.8) -> Round:
    own = np.array(labels, dtype=np.int64)
    before = Round(epoch, features, own, count_clusters(own), None, features, metrics={"other": 1.0})
    tools: Any = FrontBack(front)
    stage = SelectiveSampleFusion(SETTINGS.model_copy(update={"c_low": c_low}), adaptive=True)
    after = stage(before, SimilaritySpace("raw", False, 1.0), tools)
    assert own.tolist() == labels  # the round before stays as it was
    assert after.metrics["other"] == 1.0 and after.links is None
    return after


def angles(*degrees: float) -> torch.Tensor:
    turn = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([turn.cos(), turn.sin()], dim=1)


def test_front_back_cluster_is_dissolved():
    # Cluster 0 looks to the front at 20, 75 and 200 degrees; centroids: cluster 1 at 0, cluster 2 at 90 degrees.
    features = angles(20, 75, 200, -5, 5, 85, 95, 45)
    after = ssf(features, [0, 0, 0, 1, 1, 2, 2, -1], [1, 1, 1, 0, 0, 0, 0, 1])
    # Numbered by first member: the sequence at 20 degrees brings its new cluster to the front.
    assert after.labels.tolist() == [0, 1, -1, 0, 0, 1, 1, -1]
    assert after.metrics["ssf_dissolved_clusters"] == 1 and after.metrics["ssf_dissolved_sequences"] == 3
    assert after.metrics["ssf_reassigned"] == 2 and after.metrics["ssf_bound"] == pytest.approx(0.7)


def test_the_bound_falls_with_the_epochs():
    features = angles(50, 50, -5, 5)  # cos 50 = 0.643
    assert ssf(features, [0, 0, 1, 1], [1, 1, 0, 0], epoch=11).labels.tolist() == [-1, -1, 0, 0]  # 0.645
    assert ssf(features, [0, 0, 1, 1], [1, 1, 0, 0], epoch=12).labels.tolist() == [0, 0, 0, 0]  # 0.640


def test_similarity_is_to_centroids_of_clusters_that_stay():
    # 45 degrees is next to a front/back cluster at 47 and to the member at 30 of a cluster whose centroid is at 0.
    features = angles(45, 45, 47, 47, -30, 30, 80, 80)
    after = ssf(features, [0, 0, 1, 1, 2, 2, 3, 3], [1, 1, 1, 1, 0, 0, 0, 0])
    assert after.labels.tolist() == [0, 0, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize(("front", "dissolved"), [(4, False), (5, True)])
def test_share_must_be_above_c_low(front: int, dissolved: bool):
    features = angles(*[0] * 5, *[10] * 5)
    after = ssf(features, [0] * 5 + [1] * 5, [1] * front + [0] * (10 - front))  # 4 of 5 is the bound itself
    assert count_clusters(after.labels) == (1 if dissolved else 2)


@pytest.mark.parametrize("tenths", [2, 4, 6, 8])
def test_share_equal_to_c_low_is_not_above_for_any_size(tenths: int):
    for size in range(5, 60, 5):
        front = size * tenths // 10
        labels, flags = [0] * size + [1] * 2, [1] * front + [0] * (size - front + 2)
        after = ssf(angles(*[0] * (size + 2)), labels, flags, c_low=tenths / 10)
        assert after.metrics["ssf_dissolved_clusters"] == 0


def test_no_other_cluster_makes_everybody_an_outlier():
    after = ssf(angles(0, 0, 3, 3), [0, 0, 1, 1], [1, 1, 1, 1])
    assert after.labels.tolist() == [-1] * 4
    assert after.metrics["ssf_dissolved_clusters"] == 2 and after.metrics["ssf_reassigned"] == 0


def test_nothing_to_dissolve():
    labels = [0, -1, 1, 0, 1]
    assert ssf(angles(0, 1, 2, 3, 4), labels, [0, 1, 0, 0, 0]).labels.tolist() == labels


def test_no_cluster_at_all():
    assert ssf(angles(0, 1), [-1, -1], [1, 1]).labels.tolist() == [-1, -1]


@pytest.mark.parametrize("seed", range(8))
def test_equals_loops(seed: int):
    rng = np.random.default_rng(seed)
    features = F.normalize(torch.from_numpy(rng.normal(size=(60, 4)).astype(np.float32)), dim=1)
    labels = np.concatenate([np.arange(8), rng.integers(-1, 8, 52)])
    front = rng.random(60) < np.where(labels % 3 == 0, 0.95, 0.3)
    after = ssf(features, labels.tolist(), front.tolist(), epoch=20)
    rows = features.double().numpy()
    gone = {k for k in range(8) if front[labels == k].mean() > 0.8}
    centroids = {k: rows[labels == k].mean(axis=0) for k in range(8) if k not in gone}
    wanted = []
    for row, label in zip(rows, labels):
        if label in gone:
            near = {k: row @ c / np.linalg.norm(c) for k, c in centroids.items()}
            best = max(near, key=lambda k: near[k])
            label = best if near[best] > 0.6 else -1
        wanted.append(int(label))
    order = list(dict.fromkeys(label for label in wanted if label >= 0))
    assert after.labels.tolist() == [order.index(label) if label >= 0 else -1 for label in wanted]
    assert gone
