"""Neighbours from half of the product, a tile at a time, beside a float64 search through everything."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.clustering import tiles
from harness.clustering.knn import nearest_neighbours
from harness.clustering.tiles import Best, search_tiles

Rows = NDArray[np.float32]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Blocks of eight rows and groups of two columns, so that few rows make many tiles."""
    monkeypatch.setattr(tiles, "_CHUNK", 8)
    monkeypatch.setattr(tiles, "_GROUP", 2)
    return 8


def unit(seed: int, rows: int, dims: int = 12) -> Rows:
    points = np.random.default_rng(seed).normal(size=(rows, dims))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def check(rows: Rows, count: int, threads: int = 1, distinct: bool = True) -> None:
    """Against every cosine in float64; ``distinct``: no two are equal, so that the neighbours are the same too."""
    indices, similarity = search_tiles(rows, count, threads)
    cosine = rows.astype(np.float64) @ rows.astype(np.float64).T
    np.fill_diagonal(cosine, -np.inf)
    order = np.argsort(-cosine, axis=1, kind="stable")[:, :count]
    assert indices.shape == similarity.shape == (len(rows), count)
    assert indices.dtype == np.int64 and similarity.dtype == np.float32
    assert (indices != np.arange(len(rows))[:, None]).all()
    assert all(len(set(found)) == count for found in indices.tolist())
    np.testing.assert_allclose(similarity, np.take_along_axis(cosine, indices, 1), atol=1e-6)
    np.testing.assert_allclose(-np.sort(-similarity, axis=1), np.take_along_axis(cosine, order, 1), atol=1e-6)
    if distinct:
        np.testing.assert_array_equal(np.sort(indices, axis=1), np.sort(order, axis=1))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("total", [7, 8, 9, 15, 16, 17, 31, 40, 57])
def test_sizes_around_the_block(small: int, total: int, count: int):
    check(unit(total, total), count)


@pytest.mark.parametrize("count", [8, 9, 20, 35, 39])
def test_more_neighbours_than_a_block_has_rows(small: int, count: int):
    check(unit(1, 40), count)


@pytest.mark.parametrize("chunk", [1, 2, 5, 64])
@pytest.mark.parametrize("group", [1, 3, 16])
def test_other_blocks_and_groups(monkeypatch: pytest.MonkeyPatch, chunk: int, group: int):
    monkeypatch.setattr(tiles, "_CHUNK", chunk)
    monkeypatch.setattr(tiles, "_GROUP", group)
    for count in (1, 3, 36):
        check(unit(2, 37), count)


def test_blocks_as_they_are():
    """A block and a bit, at the sizes in use."""
    rows = unit(3, tiles._CHUNK + 130, 8)
    indices, similarity = search_tiles(rows, 10, 1)
    cosine = rows @ rows.T
    np.fill_diagonal(cosine, -np.inf)
    wanted = -np.sort(-cosine, axis=1)[:, :10]
    np.testing.assert_allclose(-np.sort(-similarity, axis=1), wanted, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(cosine, indices, 1), similarity, atol=1e-6)


@pytest.mark.parametrize("count", [1, 4, 9])
def test_duplicates(small: int, count: int):
    rows = unit(4, 20)
    check(np.concatenate([rows, rows[:5], rows[:5], rows[:1].repeat(11, axis=0)]), count, distinct=False)


def test_nothing_but_duplicates(small: int):
    check(unit(5, 1).repeat(30, axis=0), 5, distinct=False)
    check(np.eye(30, dtype=np.float32), 5, distinct=False)


def nearer_the_later(blocks: int, each: int) -> Rows:
    """Row i of every block stands nearest to row i of the last block, and the further the earlier the block."""
    rng, rows = np.random.default_rng(6), []
    for block, near in enumerate(np.linspace(0.5, 0.99, blocks)):
        shared = np.eye(each, each * (blocks + 1)) * near
        own = np.eye(each, each * (blocks + 1), k=each * (block + 1)) * (1 - near**2) ** 0.5
        rows.append(shared + own + 0.002 * rng.normal(size=shared.shape))
    points = np.concatenate(rows)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 3, 7])
@pytest.mark.parametrize("turned", [False, True])
def test_the_nearest_are_always_in_the_last_block(small: int, count: int, turned: bool):
    rows = nearer_the_later(6, small)
    own = rows.astype(np.float64) @ rows.T
    np.fill_diagonal(own, -np.inf)
    assert (own[:-small].argmax(axis=1) >= len(rows) - small).all()
    check(np.ascontiguousarray(rows[::-1]) if turned else rows, count)


def test_similarities_that_only_grow(small: int):
    """Every tile beats all that stood before, in the order in which they are taken."""
    angle = np.linspace(0, 1.2, 45)
    rows = np.stack([np.cos(angle**2), np.sin(angle**2)], axis=1).astype(np.float32)
    check(rows, 5, distinct=False)
    check(np.ascontiguousarray(rows[::-1]), 5, distinct=False)


@pytest.mark.parametrize("count", [3, 17])
def test_threads_do_not_change_a_bit(small: int, count: int):
    rows = np.concatenate([unit(7, 60), unit(7, 60)[:9]])
    once = search_tiles(rows, count, 1)
    for threads in (2, 3, 8):
        again = search_tiles(rows, count, threads)
        assert all(np.array_equal(one, two) for one, two in zip(once, again))


def test_neighbours_through_the_front_door(small: int):
    rows = unit(8, 50)
    indices, similarity = nearest_neighbours(rows, 6, "exact", 3)
    cosine = rows.astype(np.float64) @ rows.astype(np.float64).T
    np.fill_diagonal(cosine, -np.inf)
    np.testing.assert_array_equal(indices, np.argsort(-cosine, axis=1)[:, :6])
    assert (np.diff(similarity, axis=1) <= 0).all()


def test_rows_stay_as_they_were(small: int):
    rows = unit(9, 30)
    before = rows.copy()
    search_tiles(rows, 4, 2)
    assert np.array_equal(rows, before)


def test_a_first_bound_never_hides_a_neighbour():
    """``expect`` counts groups of columns: its bound must lie below the ``count``-th best of the tile."""
    rng = np.random.default_rng(10)
    for count in (1, 2, 3, 5):
        tile = (rng.integers(0, 6, (9, 64)) / 8).astype(np.float32)  # many ties
        np.fill_diagonal(tile, -np.inf)
        best = Best(9, count)
        best.expect(tile)
        assert (best.least < -np.sort(-tile, axis=1)[:, count - 1]).all()
        best.improve(tile, 0, transposed=False)
        np.testing.assert_array_equal(-np.sort(-best.values, axis=1), -np.sort(-tile, axis=1)[:, :count])
