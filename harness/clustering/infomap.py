"""Pseudo-labels: a graph of near neighbours, partitioned by InfoMap (section 3.2, step 2)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.clustering.knn import nearest_neighbours
from harness.errors import UserError
from harness.types import Clusters

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Clustering:
    """n: neighbours searched for each sequence, itself among them when ``self_counted`` (as Cluster-contrast has it).

    ``as_distance`` reads s_up as the largest cosine distance of a link instead of the least cosine similarity
    (decision ``link-threshold``). Clusters below ``min_size`` are outliers. ``seed`` is InfoMap's, at least 1.
    """

    self_counted: bool
    as_distance: bool
    min_size: int
    seed: int
    backend: str
    threads: int

    def fit(self, features: Tensor | npt.NDArray[np.float32], n: int, s_up: float) -> Clusters:
        """Clusters of unit features f32[N,F]."""
        if n > len(features):
            raise UserError(f"n is {n} neighbours, but there are only {len(features)} sequences; lower n")
        indices, similarity = nearest_neighbours(features, n - self.self_counted, self.backend, self.threads)
        least = 1 - s_up if self.as_distance else s_up
        # InfoMap's flow needs positive weights: a link of negative similarity never stands.
        kept = (similarity >= least) & (similarity > 0)
        source = np.broadcast_to(np.arange(len(features))[:, None], indices.shape)
        links = np.stack([source[kept], indices[kept], similarity[kept]], axis=1).astype(np.float64)
        labels, codelength = partition(links, len(features), self.min_size, self.seed)
        return Clusters(labels, int(kept.size), len(links), codelength)


def partition(
    links: npt.NDArray[np.float64], count: int, min_size: int, seed: int
) -> tuple[npt.NDArray[np.int64], float]:
    """Two-level InfoMap on directed weighted links f64[L,3] (source, target, weight) between ``count`` nodes.

    Returns labels i64[count], clusters numbered by first member, -1 for nodes without a link and for clusters
    of fewer than ``min_size``; and the code length in bits (0 without links).
    """
    labels = np.full(count, -1, dtype=np.int64)
    if len(links) == 0:
        return labels, 0.0
    # Both are built with SWIG and share its type table: loaded after infomap, faiss would take over its iterators.
    with contextlib.suppress(ImportError):
        import faiss  # noqa: F401
    from infomap import Network, Options

    # Nodes are numbered densely for InfoMap, in order, so that isolated ones do not enter its flow.
    used = np.unique(links[:, :2]).astype(np.int64)
    dense = links.copy()
    dense[:, :2] = np.searchsorted(used, links[:, :2])
    network = Network().add_links(dense)
    result = network.run(options=Options(two_level=True, directed=True, seed=seed, silent=True))
    modules = result.modules()
    found = np.array([modules[node] for node in range(len(used))])
    _, first, inverse, size = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(size >= min_size)
    rank = np.full(size.size, -1, dtype=np.int64)
    rank[kept[np.argsort(first[kept])]] = np.arange(kept.size)
    labels[used] = rank[inverse]
    return labels, float(result.codelength)
