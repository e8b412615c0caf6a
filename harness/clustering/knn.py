"""Exact nearest neighbours by cosine, with the same neighbours from every backend (ties at the last place aside)."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.clustering.tiles import search_tiles
from harness.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]
_CHUNK = 2048


def installed_faiss() -> str | None:
    """Which faiss wheel is installed ("faiss-cpu 1.15.1"), or None; two of them are a :class:`UserError`."""
    found = []
    for name in ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu12", "faiss-gpu-cu13"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    if len(found) > 1:
        raise UserError(
            f"{' and '.join(found)} are both installed and overwrite each other's files; "
            f"run `pip uninstall {' '.join(f.split()[0] for f in found)}`, then install one of the extras cpu or gpu"
        )
    return found[0] if found else None


def choose_backend(wanted: str) -> str:
    """ "exact" (our own, on whatever device the features are) or "faiss".

    "auto" is "exact": on a CPU it takes half of faiss's time (docs/performance.md), on a GPU it needs no second
    CUDA library.
    """
    if wanted == "faiss" and installed_faiss() is None:
        raise UserError("compute.knn is faiss, but faiss is not installed; install the extra cpu or gpu, or set auto")
    return "exact" if wanted == "auto" else wanted


def nearest_neighbours(features: Tensor | npt.NDArray[np.float32], count: int, backend: str, threads: int) -> Found:
    """The ``count`` most similar other rows of each row.

    features f32[N,F], unit rows. Returns indices i64[N,count] and cosines f32[N,count], most similar first, equal ones
    by index; a row is never its own neighbour. Which of several equal ones takes the last place is the backend's
    choice. Needs ``count`` < N.
    """
    total = len(features)
    if count >= total:
        raise UserError(f"{count} neighbours of each sequence were asked for, but there are {total} sequences; lower n")
    if count == 0:
        return np.zeros((total, 0), np.int64), np.zeros((total, 0), np.float32)
    if not isinstance(features, np.ndarray):
        if features.is_cuda and backend == "exact":
            return _ordered(*_search_cuda(features, count))
        features = features.cpu().numpy()
    rows = np.ascontiguousarray(features, dtype=np.float32)
    search = _search_faiss if backend == "faiss" else search_tiles
    return _ordered(*search(rows, count, threads))


def _ordered(indices: npt.NDArray[np.int64], similarity: npt.NDArray[np.float32]) -> Found:
    order = np.lexsort((indices, -similarity), axis=1)
    return np.take_along_axis(indices, order, 1), np.take_along_axis(similarity, order, 1)


def _search_faiss(rows: npt.NDArray[np.float32], count: int, threads: int) -> Found:
    import faiss

    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)  # pyright: ignore[reportCallIssue]
    # torch shares this setting: what is pinned for it must stay pinned.
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        similarity, indices = index.search(rows, count + 1)  # pyright: ignore[reportCallIssue]
    finally:
        faiss.omp_set_num_threads(before)
    # A duplicate may stand before the row itself: the row is dropped wherever it is, or else the last one is.
    own = indices == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True
    kept = (len(rows), count)
    return indices[~own].reshape(kept).astype(np.int64), similarity[~own].reshape(kept)


def _search_cuda(features: Tensor, count: int) -> Found:
    """Rows against everything, some at a time: on a GPU choosing is as quick as multiplying."""
    indices, values = [], []
    for start in range(0, len(features), _CHUNK):
        similarity = features[start : start + _CHUNK] @ features.t()
        similarity.diagonal(offset=start).fill_(float("-inf"))
        top = similarity.topk(count, dim=1)
        indices.append(top.indices.cpu().numpy())
        values.append(top.values.cpu().numpy())
    return np.concatenate(indices), np.concatenate(values)
