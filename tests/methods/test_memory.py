"""The memory bank: Eq. 2, 3 and 6, one query at a time."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from methods.parts.memory import MemoryBank, centroids_of, momentum_at


def unit(seed: int, rows: int, dims: int = 6) -> torch.Tensor:
    return F.normalize(torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_centroids_are_unit_means_of_members():
    features, labels = unit(0, 9), torch.tensor([0, 2, -1, 1, 1, 0, 0, -1, 2])
    got = centroids_of(features, labels, 3)
    for cluster in range(3):
        mean = np.mean([features[i].double().numpy() for i in range(9) if labels[i] == cluster], axis=0)
        np.testing.assert_allclose(got[cluster], mean / np.linalg.norm(mean), atol=1e-6)
    assert got.shape == (3, 6)


def test_momentum_is_equation_6():
    assert momentum_at(0, 0.5, 0.1) == pytest.approx(0.5)
    assert momentum_at(1, 0.5, 0.1) == pytest.approx(0.1)
    assert momentum_at(0.5, 0.5, 0.1) == pytest.approx(0.3)
    assert momentum_at(0.25, 0.5, 0.1) == pytest.approx(0.1 + 0.2 * (1 + math.sqrt(0.5)))
    steps = [momentum_at(step / 50, 0.5, 0.1) for step in range(51)]
    assert all(before > after for before, after in itertools.pairwise(steps))
    assert momentum_at(0.7, 0.3, 0.3) == pytest.approx(0.3)


QUERIES, LABELS = unit(1, 8), torch.tensor([2, 0, 2, 3, 1, 1, 2, 0])
LINKS = torch.tensor([[1, 1, 0, 0], [0, 1, 0, 1], [1, 0, 1, 1], [0, 0, 0, 1]], dtype=torch.bool)


@pytest.mark.parametrize("links", [None, LINKS], ids=["Eq. 2", "Eq. 3"])
@pytest.mark.parametrize("renormalise", [True, False])
@pytest.mark.parametrize("m", [0.0, 0.2, 0.9])
def test_update_equals_one_by_one(links: torch.Tensor | None, renormalise: bool, m: float):
    wanted = unit(2, 4).double().numpy()
    support = {k: [k] for k in range(4)} if links is None else {0: [0, 1], 1: [1, 3], 2: [0, 2, 3], 3: [3]}
    for query, k in zip(QUERIES.double().numpy(), LABELS.tolist()):
        for cluster in support[k]:
            moved = m * wanted[cluster] + (1 - m) * query
            wanted[cluster] = moved / np.linalg.norm(moved) if renormalise else moved
    bank = MemoryBank(unit(2, 4), links, renormalise)
    bank.update(QUERIES, LABELS, m)
    np.testing.assert_allclose(bank.centroids, wanted, atol=1e-6)


def test_clusters_without_a_query_stay():
    bank = MemoryBank(unit(3, 4), None, True)
    bank.update(QUERIES[:2], torch.tensor([1, 1]), 0.5)
    assert torch.equal(bank.centroids[[0, 2, 3]], unit(3, 4)[[0, 2, 3]])
    assert not torch.allclose(bank.centroids[1], unit(3, 4)[1])


def test_momentum_one_changes_nothing():
    bank = MemoryBank(unit(4, 4), LINKS, True)
    bank.update(QUERIES, LABELS, 1.0)
    torch.testing.assert_close(bank.centroids, unit(4, 4), rtol=0, atol=1e-6)


def test_update_stays_outside_the_graph():
    queries = QUERIES.clone().requires_grad_()
    bank = MemoryBank(unit(5, 4), LINKS, True)
    bank.update(queries, LABELS, 0.5)
    assert not bank.centroids.requires_grad and bank.centroids.grad_fn is None
    (queries @ bank.centroids.t()).sum().backward()
    assert queries.grad is not None
    torch.testing.assert_close(queries.grad, bank.centroids.sum(dim=0).expand(8, -1))
