"""Nearest neighbours of both backends, against a float64 search through everything."""

import importlib.util

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from harness.clustering.knn import nearest_neighbours
from harness.errors import UserError

HAS_FAISS = importlib.util.find_spec("faiss") is not None
BACKENDS = ["exact", pytest.param("faiss", marks=pytest.mark.skipif(not HAS_FAISS, reason="no faiss"))]


def unit(seed: int, rows: int = 60, dims: int = 16) -> torch.Tensor:
    return F.normalize(torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed)), dim=1)


def reference(features: torch.Tensor, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The others of each row, most similar first, equal ones by index."""
    rows = features.double().numpy()
    indices, similarity = [], []
    for i, row in enumerate(rows):
        others = sorted((-float(row @ other), j) for j, other in enumerate(rows) if j != i)[:count]
        indices.append([j for _, j in others])
        similarity.append([-s for s, _ in others])
    return np.array(indices), np.array(similarity)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [1, 7, 59])
def test_equals_a_search_through_everything(backend: str, count: int):
    features = unit(0)
    indices, similarity = nearest_neighbours(features, count, backend, threads=1)
    wanted, cosines = reference(features, count)
    assert indices.dtype == np.int64 and similarity.dtype == np.float32
    np.testing.assert_array_equal(indices, wanted)
    np.testing.assert_allclose(similarity, cosines, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [1, 4, 10])
def test_duplicates_never_bring_a_row_to_itself(backend: str, count: int):
    features = unit(1, rows=30)
    features = torch.cat([features, features[:6], features[:3], features[:1].expand(9, -1)])
    indices, similarity = nearest_neighbours(features, count, backend, threads=1)
    rows = features.double()
    assert (indices != np.arange(len(features))[:, None]).all()
    assert all(len(set(found)) == count for found in indices)
    np.testing.assert_allclose(similarity, reference(features, count)[1], atol=1e-6)
    true = (rows[:, None] * rows[torch.from_numpy(indices)]).sum(dim=2)
    np.testing.assert_allclose(similarity, true, atol=1e-6)
    assert (np.diff(similarity, axis=1) <= 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_equal_similarities_are_ordered_by_index(backend: str):
    features = torch.eye(4)[[0, 1, 0, 2, 0, 1, 0]]  # exact in floating point
    indices, similarity = nearest_neighbours(features, 3, backend, threads=1)
    assert indices[[0, 2, 4, 6]].tolist() == [[2, 4, 6], [0, 4, 6], [0, 2, 6], [0, 2, 4]]
    assert similarity[[0, 2, 4, 6]].tolist() == [[1, 1, 1]] * 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_of_torch_stay_pinned(backend: str):
    before = torch.get_num_threads()
    nearest_neighbours(unit(3), 5, backend, threads=before + 1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("backend", BACKENDS)
def test_too_many_neighbours(backend: str):
    with pytest.raises(UserError, match=r"60 neighbours.*60 sequences"):
        nearest_neighbours(unit(2), 60, backend, threads=1)
