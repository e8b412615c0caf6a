"""The three distances beside loops in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.distances import distances
from harness.errors import UserError


def part_euclidean(a, b):
    return np.mean([np.sqrt(((x - y) ** 2).sum()) for x, y in zip(a, b)])


def flat_euclidean(a, b):
    return np.sqrt(((a - b) ** 2).sum())


def cosine(a, b):
    return np.mean([1 - x @ y / np.sqrt((x @ x) * (y @ y)) for x, y in zip(a, b)])


LOOPS = {"part-euclidean": part_euclidean, "flat-euclidean": flat_euclidean, "cosine": cosine}


@pytest.mark.parametrize("name", LOOPS)
def test_distance_is_that_of_the_loop(name):
    rng = np.random.default_rng(5)
    probes, gallery = rng.normal(size=(4, 3, 5)), rng.normal(size=(6, 3, 5)) * 2 + 0.5
    expected = [[LOOPS[name](p, g) for g in gallery] for p in probes]
    found = distances(name, torch.from_numpy(probes), torch.from_numpy(gallery))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["part-euclidean", "flat-euclidean"])
def test_what_all_embeddings_share_costs_no_digits(name):
    rng = np.random.default_rng(6)
    points = (rng.normal(size=(1, 3, 64)) * 30 + rng.normal(size=(10, 3, 64))).astype(np.float32)
    expected = [[LOOPS[name](p, g) for g in points[4:].astype(float)] for p in points[:4].astype(float)]
    found = distances(name, torch.from_numpy(points[:4]), torch.from_numpy(points[4:]))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", LOOPS)
def test_arguments_stay_as_they_were_and_self_is_nearest(name):
    points = torch.randn(7, 3, 5, generator=torch.Generator().manual_seed(1))
    before = points.clone()
    found = distances(name, points, points)
    assert torch.equal(points, before)
    assert found.isfinite().all()
    assert found.argmin(dim=1).tolist() == list(range(7))


def test_half_precision_embeddings_are_compared_in_single():
    points = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(2)).bfloat16()
    assert torch.equal(distances("cosine", points, points), distances("cosine", points.float(), points.float()))


def test_unknown_name():
    with pytest.raises(UserError, match="unknown distance 'cosin'; did you mean 'cosine'"):
        distances("cosin", torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))
