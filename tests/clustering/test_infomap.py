"""Pseudo-labels from a graph of neighbours."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from harness.clustering.infomap import Clustering, partition
from harness.errors import UserError


def clique(*nodes: int) -> list[tuple[int, int, float]]:
    return [(a, b, 1.0) for a in nodes for b in nodes if a != b]


def links(*cliques: tuple[int, ...]) -> np.ndarray:
    return np.array([link for nodes in cliques for link in clique(*nodes)], dtype=np.float64)


def test_two_cliques_are_numbered_by_first_member():
    bridge = np.array([[5, 0, 0.01]])
    labels, codelength = partition(np.concatenate([links((1, 4, 5, 7), (0, 2, 3)), bridge]), 9, 2, seed=1)
    assert labels.tolist() == [0, 1, 0, 0, 1, 1, -1, 1, -1]
    assert codelength > 0


def test_code_length_of_two_equal_cliques():
    labels, codelength = partition(links((0, 1, 2, 3), (4, 5, 6, 7)), 8, 2, seed=1)
    assert labels.tolist() == [0] * 4 + [1] * 4
    assert codelength == pytest.approx(2.0)  # never leaves a module: log2(4) bits a step


def test_no_link_at_all():
    labels, codelength = partition(np.zeros((0, 3)), 5, 2, seed=1)
    assert labels.tolist() == [-1] * 5 and labels.dtype == np.int64
    assert codelength == 0


def test_small_clusters_are_outliers():
    graph = links((6, 7), (0, 1, 2), (3, 4, 5, 8))
    assert partition(graph, 9, 2, seed=1)[0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 1]
    assert partition(graph, 9, 3, seed=1)[0].tolist() == [0, 0, 0, 1, 1, 1, -1, -1, 1]
    assert partition(graph, 9, 4, seed=1)[0].tolist() == [-1, -1, -1, 0, 0, 0, -1, -1, 0]
    assert partition(graph, 9, 5, seed=1)[0].tolist() == [-1] * 9


def blobs(seed: int, groups: int = 4, each: int = 12, spread: float = 0.25) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(groups, 24, generator=draw), dim=1).repeat(each, 1)
    return F.normalize(centres + spread * torch.randn(groups * each, 24, generator=draw), dim=1)


def clustering(**changes) -> Clustering:
    plain = {"self_counted": True, "as_distance": False, "min_size": 2, "seed": 1, "backend": "exact", "threads": 1}
    return Clustering(**{**plain, **changes})


def count_links(features: torch.Tensor, neighbours: int, least: float) -> tuple[int, int]:
    """Links before and after the threshold, by brute force."""
    cosine = (features.double() @ features.double().t()).numpy()
    kept = 0
    for i, row in enumerate(cosine):
        best = sorted((value for j, value in enumerate(row) if j != i), reverse=True)[:neighbours]
        kept += sum(value >= least and value > 0 for value in best)
    return len(features) * neighbours, kept


@pytest.mark.parametrize("s_up", [-1.0, 0.0, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("self_counted", [True, False])
def test_threshold_removes_links(s_up: float, self_counted: bool):
    features = blobs(0, spread=0.2)
    found = clustering(self_counted=self_counted).fit(features, 40, s_up)
    wanted = count_links(features, 40 - self_counted, s_up)
    assert (found.neighbour_links, found.kept_links) == wanted
    assert wanted[1] < wanted[0]


def test_blobs_are_found():
    found = clustering().fit(blobs(1, spread=0.08), 12, 0.5)
    assert found.labels.tolist() == [0, 1, 2, 3] * 12 and found.count == 4


def test_nothing_stands_above_an_impossible_threshold():
    found = clustering().fit(blobs(1), 10, 1.0)
    assert found.labels.tolist() == [-1] * 48
    assert (found.count, found.kept_links, found.codelength) == (0, 0, 0.0)


def test_distance_sense_turns_the_threshold_round():
    features = blobs(2)
    for s_up in (0.3, 0.7):
        near = clustering(as_distance=True).fit(features, 20, s_up)
        other = clustering().fit(features, 20, 1 - s_up)
        assert near.kept_links == other.kept_links == count_links(features, 19, 1 - s_up)[1]
        np.testing.assert_array_equal(near.labels, other.labels)
    tight, wide = (clustering(as_distance=True).fit(features, 20, s_up) for s_up in (0.3, 0.7))
    assert tight.kept_links < wide.kept_links


def test_same_seed_gives_the_same_labels():
    features = blobs(3, groups=9, spread=0.5)
    one, two = (clustering(seed=5).fit(features, 15, 0.2) for _ in range(2))
    np.testing.assert_array_equal(one.labels, two.labels)
    assert one.codelength == two.codelength and one.count > 1


@pytest.mark.parametrize("self_counted", [True, False])
def test_n_larger_than_the_pool(self_counted: bool):
    features = blobs(4)
    with pytest.raises(UserError, match="lower n"):
        clustering(self_counted=self_counted).fit(features, 49, 0.5)
    assert clustering().fit(features, 48, 0.5).neighbour_links == 48 * 47


@pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="no faiss")
@pytest.mark.parametrize("before", ["", "from harness.checks.packages import requirements; list(requirements())"])
def test_infomap_and_faiss_share_a_process_in_any_order(before: str):
    # Both are SWIG modules: loaded in the wrong order, one takes the other's iterators and the process dies.
    code = (
        f"{before}\n"
        "import numpy, torch\n"
        "from harness.clustering.infomap import Clustering, partition\n"
        "links = numpy.array([[0, 1, 1.0], [1, 0, 1.0]])\n"
        "features = torch.nn.functional.normalize(torch.randn(300, 8), dim=1)\n"
        "partition(links, 2, 2, 1)\n"
        "for _ in range(5):\n"
        "    Clustering(True, False, 2, 1, 'faiss', 1).fit(features, 10, 0.1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
