"""The memory bank: Eq. 2, 3 and 6, one query at a time."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

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
LINKS = torch.tensor([[0, 1, -1], [1, 3, -1], [0, 2, 3], [3, -1, -1]])


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


def one_by_one(
    centroids: torch.Tensor, queries: torch.Tensor, labels: torch.Tensor, links: torch.Tensor, m: float, unit: bool
) -> torch.Tensor:
    """Every query after the other, every cluster of its support set after the other."""
    centroids = centroids.clone()
    for query, label in zip(queries, labels.tolist()):
        for cluster in [member for member in links[label].tolist() if member >= 0]:
            moved = m * centroids[cluster] + (1 - m) * query
            centroids[cluster] = F.normalize(moved, dim=0) if unit else moved
    return centroids


@pytest.mark.parametrize("renormalise", [True, False])
@pytest.mark.parametrize(
    ("clusters", "queries", "size"),
    [(1, 9, 1), (5, 40, 1), (5, 40, 2), (5, 40, 5), (30, 64, 3), (30, 8, 12), (64, 128, 2), (7, 0, 3)],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_batches_equal_the_loop_exactly(clusters: int, queries: int, size: int, renormalise: bool, seed: int):
    """Many queries share a cluster, many support sets a member; rows are long, as embeddings are."""
    draw = torch.Generator().manual_seed(seed)
    sets = [
        torch.tensor(sorted({row, *torch.randperm(clusters, generator=draw)[: size - 1].tolist()}))
        for row in range(clusters)
    ]
    links = pad_sequence(sets, batch_first=True, padding_value=-1)
    centroids, seen = (
        F.normalize(torch.randn(rows, 203, generator=draw), dim=1) for rows in (clusters, max(queries, 1))
    )
    seen, labels = seen[:queries], torch.randint(0, clusters, (queries,), generator=draw)
    labels[: queries // 2] = labels[0] if queries else 0  # half of them are of one cluster
    bank = MemoryBank(centroids.clone(), links, renormalise)
    for m in (0.3, 0.1):
        wanted = one_by_one(bank.centroids, seen, labels, links, m, renormalise)
        bank.update(seen, labels, m)
        assert torch.equal(bank.centroids, wanted)
    if queries:
        assert not torch.equal(bank.centroids, centroids)


def test_order_of_queries_matters():
    """The loop is in the order of the batch, not of anything else."""
    forward, backward = MemoryBank(unit(6, 4), LINKS, True), MemoryBank(unit(6, 4), LINKS, True)
    forward.update(QUERIES, LABELS, 0.2)
    backward.update(QUERIES.flip(0), LABELS.flip(0), 0.2)
    assert not torch.allclose(forward.centroids, backward.centroids, atol=1e-3)


def test_a_set_need_not_hold_its_own_cluster():
    links = torch.tensor([[1, -1], [0, 1]])
    bank = MemoryBank(unit(7, 2), links, True)
    bank.update(QUERIES[:3], torch.tensor([0, 1, 0]), 0.4)
    assert torch.equal(bank.centroids, one_by_one(unit(7, 2), QUERIES[:3], torch.tensor([0, 1, 0]), links, 0.4, True))


def test_links_stay_as_they_were():
    links = LINKS.clone()
    MemoryBank(unit(8, 4), links, True).update(QUERIES, LABELS, 0.5)
    assert torch.equal(links, LINKS)
