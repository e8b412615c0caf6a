"""Selective Cluster Fusion: support sets, and that labels stay."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from harness.data.augment import ClothAugment
from methods.parts.memory import centroids_of
from methods.parts.round import Round
from methods.parts.scf import SelectiveClusterFusion, support_sets
from methods.parts.space import SimilaritySpace


def unit(seed: int, rows: int, dims: int = 5) -> torch.Tensor:
    return F.normalize(torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed)), dim=1)


def brute_force(augmented: torch.Tensor, centroids: torch.Tensor, size: int) -> list[set[int]]:
    sets = []
    for k, query in enumerate(augmented.double()):
        others = [other for other in range(len(centroids)) if other != k]
        others.sort(key=lambda other: -float(query @ centroids[other].double()))
        sets.append({k, *others[: size - 1]})
    return sets


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("seed", range(3))
def test_support_sets(size: int, seed: int):
    augmented, centroids = unit(seed, 9), unit(seed + 50, 9)
    links = support_sets(augmented, centroids, size)
    assert links.dtype == torch.int64 and links.shape == (9, size)
    assert [set(row) for row in links.tolist()] == brute_force(augmented, centroids, size)
    assert all(row == sorted(row) for row in links.tolist())


def test_support_sets_of_many_clusters_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch):
    augmented, centroids = unit(4, 23), unit(54, 23)
    whole = support_sets(augmented, centroids, 3)
    monkeypatch.setattr("methods.parts.scf._CHUNK", 5)
    assert torch.equal(support_sets(augmented, centroids, 3), whole)


def test_size_one_is_the_identity_and_too_large_is_everybody():
    assert support_sets(unit(0, 4), unit(1, 4), 1).tolist() == [[0], [1], [2], [3]]
    assert support_sets(unit(0, 4), unit(1, 4), 9).tolist() == [[0, 1, 2, 3]] * 4
    assert support_sets(unit(0, 0), unit(1, 0), 2).shape == (0, 0)


def test_inputs_are_left_alone():
    augmented, centroids = unit(0, 4), unit(1, 4)
    support_sets(augmented, centroids, 2)
    assert torch.equal(augmented, unit(0, 4)) and torch.equal(centroids, unit(1, 4))


class Clothes:
    """Tools that give one set of embeddings for augmented frames and refuse to give others."""

    def __init__(self, changed: torch.Tensor) -> None:
        self.changed = changed

    def extract(self, augment: Any = None) -> torch.Tensor:
        assert isinstance(augment, ClothAugment) and augment.probability == 0.5
        return self.changed


@pytest.mark.parametrize("memory_augmented", [False, True])
def test_stage_links_clusters_and_keeps_labels(memory_augmented: bool):
    features, changed = unit(2, 12), torch.randn(12, 1, 5, generator=torch.Generator().manual_seed(3))
    labels = np.array([0, 1, 2, 3, 0, 1, -1, 2, 3, 0, -1, 1])
    tools: Any = Clothes(changed)
    before = Round(0, features, labels, 4, None, features)
    after = SelectiveClusterFusion(2, 0.5, memory_augmented)(before, SimilaritySpace("raw", False, 1.0), tools)
    augmented = F.normalize(changed.flatten(1), dim=1)
    own = torch.from_numpy(labels)
    wanted = brute_force(centroids_of(augmented, own, 4), centroids_of(features, own, 4), 2)
    assert after.links is not None
    assert [set(row) for row in after.links.tolist()] == wanted
    assert after.labels.tolist() == labels.tolist() and torch.equal(after.features, features)
    torch.testing.assert_close(after.memory, augmented if memory_augmented else features)
