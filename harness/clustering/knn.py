"""Exact nearest neighbours by cosine, on faiss or on torch, with the same neighbours (ties at the last place aside)."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.errors import UserError

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


def choose_backend(wanted: str, device: torch.device) -> str:
    """ "faiss" or "torch": torch on a GPU or where faiss is missing, when ``wanted`` is "auto"."""
    if wanted == "faiss" and installed_faiss() is None:
        raise UserError("compute.knn is faiss, but faiss is not installed; install the extra cpu or gpu, or set auto")
    if wanted != "auto":
        return wanted
    return "torch" if device.type == "cuda" or installed_faiss() is None else "faiss"


def nearest_neighbours(
    features: Tensor, count: int, backend: str, threads: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The ``count`` most similar other rows of each row.

    features f32[N,F], unit rows. Returns indices i64[N,count] and cosines f32[N,count], most similar first, equal ones
    by index; a row is never its own neighbour. Which of several equal ones takes the last place is the backend's
    choice. Needs ``count`` < N.
    """
    total = len(features)
    if count >= total:
        raise UserError(f"{count} neighbours of each sequence were asked for, but there are {total} sequences; lower n")
    search = _search_faiss if backend == "faiss" else _search_torch
    indices, similarity = search(features, count + 1, threads)
    # A duplicate may stand before the row itself: the row is dropped wherever it is, or else the last one is.
    own = indices == np.arange(total)[:, None]
    own[~own.any(axis=1), -1] = True
    indices, similarity = indices[~own].reshape(total, count), similarity[~own].reshape(total, count)
    order = np.lexsort((indices, -similarity), axis=1)
    return np.take_along_axis(indices, order, 1), np.take_along_axis(similarity, order, 1)


def _search_faiss(features: Tensor, count: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    faiss.omp_set_num_threads(threads)
    rows = np.ascontiguousarray(features.cpu().numpy(), dtype=np.float32)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)  # pyright: ignore[reportCallIssue]
    similarity, indices = index.search(rows, count)  # pyright: ignore[reportCallIssue]
    return indices.astype(np.int64), similarity


def _search_torch(features: Tensor, count: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    found = [(chunk @ features.t()).topk(count, dim=1) for chunk in features.split(_CHUNK)]
    indices = torch.cat([f.indices for f in found]).cpu().numpy()
    return indices, torch.cat([f.values for f in found]).cpu().numpy()
