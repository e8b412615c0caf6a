"""Places of mates and precisions, beside loops in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.evaluation.retrieval import NO_MATE, places, precisions


def draw(seed: int, probes: int = 20, gallery: int = 30, ties: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances f32[Q,G] and mates bool[Q,G]: from no mate at all to nothing but mates."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 4, (probes, gallery)) if ties else rng.random((probes, gallery))
    mate = rng.random((probes, gallery)) < rng.random((probes, 1)) ** 2
    mate[0], mate[1], mate[2] = False, True, np.arange(gallery) == gallery - 1
    return torch.from_numpy(table.astype(np.float32)), torch.from_numpy(mate)


def sorted_mates(table: torch.Tensor, mate: torch.Tensor) -> list[list[bool]]:
    """Which of the sorted gallery are mates; of equal distances the first comes first."""
    rows = zip(table.double().tolist(), mate.tolist())
    return [[own[i] for i in sorted(range(len(own)), key=lambda i: (distance[i], i))] for distance, own in rows]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_places(seed: int, ties: bool):
    table, mate = draw(seed, ties=ties)
    wanted = [hits.index(True) if any(hits) else NO_MATE for hits in sorted_mates(table, mate)]
    assert places(table, mate).tolist() == wanted
    assert len(set(wanted)) > 4


def test_places_when_everything_ties():
    mate = torch.tensor([[0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=torch.bool)
    assert places(torch.zeros(4, 4), mate).tolist() == [2, 0, 3, NO_MATE]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_average_precision_and_negative_penalty(seed: int, ties: bool):
    table, mate = draw(seed, ties=ties)
    wanted = []
    for hits in sorted_mates(table, mate):
        found, precision, last = 0, 0.0, 0
        for place, hit in enumerate(hits, start=1):
            if hit:
                found, last = found + 1, place
                precision += found / place
        wanted.append((precision / found, found / last) if found else (0.0, 0.0))
    got = precisions(table, mate)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)
    assert got[0].tolist() == [0, 0] and got[1].tolist() == [1, 1]


def test_precisions_by_hand():
    table = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    mate = torch.tensor([[False, True, False, True, False]])
    np.testing.assert_allclose(precisions(table, mate), [[(1 / 2 + 2 / 4) / 2, 2 / 4]], atol=1e-15)
