"""Nearest neighbours from half of the similarity matrix, which is symmetric, without ever holding all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

_CHUNK = 2048
_GROUP = 16


class Best:
    """The ``count`` best of each row of a block so far: values f32[b,count] and columns i64[b,count], in no order."""

    def __init__(self, rows: int, count: int) -> None:
        self.values = np.full((rows, count), -np.inf, np.float32)
        self.columns = np.zeros((rows, count), np.int64)
        self.least = self.values[:, 0].copy()

    def improve(self, tile: npt.NDArray[np.float32], offset: int, transposed: bool) -> None:
        """Takes in a tile of similarities to the columns from ``offset`` on; rows of the block are the tile's columns
        where ``transposed``. Only what beats a row's worst is looked at."""
        wide = tile.shape[1]
        beats = np.flatnonzero(tile > (self.least if transposed else self.least[:, None]))
        row, column = np.divmod(beats, wide)
        if transposed:
            row, column = column, row
            # Blocks are small enough for sixteen bits, which are sorted in two passes.
            order = np.argsort(row.astype(np.int16), kind="stable")
            row, column, beats = row[order], column[order], beats[order]
        if row.size == 0:
            return
        # What a row found goes beside what it has; rows that found less are filled up with what never wins.
        found = np.bincount(row, minlength=len(self.values))
        first = np.cumsum(found) - found
        count, place = self.values.shape[1], np.arange(row.size) - first[row]
        new = np.full((len(self.values), count + found.max()), -np.inf, np.float32)
        source = np.zeros(new.shape, np.int64)
        new[:, :count], source[:, :count] = self.values, self.columns
        new[row, count + place], source[row, count + place] = tile.ravel()[beats], column + offset
        chosen = np.argpartition(new, -count, axis=1)[:, -count:]
        self.values = np.take_along_axis(new, chosen, 1)
        self.columns = np.take_along_axis(source, chosen, 1)
        self.least = self.values.min(axis=1)

    def expect(self, tile: npt.NDArray[np.float32]) -> None:
        """Starts with a bound from the block's own tile: enough groups of columns reach it, so ``count`` columns do."""
        count, groups = self.values.shape[1], tile.shape[1] // _GROUP
        if groups > count:
            top = tile[:, : groups * _GROUP].reshape(len(tile), groups, _GROUP).max(axis=2)
            # Strictly below, so that the ones that make the bound are found again.
            self.least = np.nextafter(np.partition(top, -count, axis=1)[:, -count], np.float32(-2))


def search_tiles(
    rows: npt.NDArray[np.float32], count: int, threads: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Half of the product, a tile at a time: a tile serves its rows and, transposed, its columns.

    Each tile is one thread's work and they are taken in order, so that the result does not depend on ``threads``.
    """
    blocks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    best = [Best(len(block), count) for block in blocks]
    # A block's own tile first: its bounds make the others quick.
    pairs = [(i, i) for i in range(len(blocks))] + [
        (i, j) for i in range(len(blocks)) for j in range(i + 1, len(blocks))
    ]
    with threadpool_limits(1):
        for (i, j), tile in _in_order(pairs, lambda i, j: blocks[i] @ blocks[j].T, threads):
            if i == j:
                np.fill_diagonal(tile, -np.inf)
                best[i].expect(tile)
            best[i].improve(tile, j * _CHUNK, transposed=False)
            if i != j:
                best[j].improve(tile, i * _CHUNK, transposed=True)
    return np.concatenate([b.columns for b in best]), np.concatenate([b.values for b in best])


def _in_order(
    pairs: list[tuple[int, int]], product: Callable[[int, int], npt.NDArray[np.float32]], threads: int
) -> Iterator[tuple[tuple[int, int], npt.NDArray[np.float32]]]:
    """Every pair with its tile, in order; with several threads, a few tiles ahead of their use."""
    if threads == 1:
        yield from ((pair, product(*pair)) for pair in pairs)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[npt.NDArray[np.float32]]] = deque()
        for number, pair in enumerate(pairs):
            while len(waiting) <= threads and number + len(waiting) < len(pairs):
                waiting.append(pool.submit(product, *pairs[number + len(waiting)]))
            yield pair, waiting.popleft().result()
