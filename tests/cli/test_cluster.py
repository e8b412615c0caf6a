"""``harness cluster``: other people's features, InfoMap's own partition."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from folders import files

CLUSTER = ("cluster", "feat.npz", "--output", "out.npz")


def blobs(seed: int = 0, groups: int = 6, each: int = 10, spread: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(groups, 16)).repeat(each, axis=0) + spread * rng.normal(size=(groups * each, 16))
    return (rng.permutation(rows) * rng.uniform(0.1, 30, (groups * each, 1))).astype(np.float32)


def plain_loop(features: np.ndarray, n: int, least: float, size: int, seed: int) -> tuple[np.ndarray, float, int]:
    """Labels, code length and links: every link added one by one, every cluster numbered by its first member."""
    import faiss  # noqa: F401  (before infomap: both are SWIG modules)
    from infomap import Infomap

    rows = features.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosine = rows @ rows.T
    graph, links = Infomap(two_level=True, directed=True, seed=seed, silent=True), 0
    for i, row in enumerate(cosine):
        others = sorted((j for j in range(len(rows)) if j != i), key=lambda j: (-row[j], j))[: n - 1]
        for j in others:
            if row[j] >= least:
                graph.add_link(i, j, float(row[j]))
                links += 1
    result = graph.run()
    module = result.modules()
    members: dict[int, list[int]] = {}
    for node in sorted(module):
        members.setdefault(module[node], []).append(node)
    labels, number = np.full(len(rows), -1), 0
    for nodes in members.values():  # in the order of their first members
        if len(nodes) >= size:
            labels[nodes] = number
            number += 1
    return labels, float(result.codelength), links


def labels_of(path: str = "out.npz") -> np.ndarray:
    with np.load(path) as content:
        assert content.files == ["labels"]
        return content["labels"]


@pytest.mark.parametrize(("least", "size"), [(0.3, 2), (0.55, 2), (0.55, 6), (0.7, 1)])
@pytest.mark.parametrize("seed", [1, 7])
def test_labels_are_infomaps(here, harness, least: float, size: int, seed: int):
    features = blobs(seed)
    np.savez("feat.npz", features=features)
    before = files()
    words = ("--neighbours", "12", "--min-similarity", str(least), "--min-size", str(size), "--seed", str(seed))
    code, out, err = harness(*CLUSTER, *words)
    assert code == 0 and err == "" and files().keys() - before.keys() == {"out.npz"}
    wanted, codelength, links = plain_loop(features, 12, least, size, seed)
    labels = labels_of()
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, wanted)
    first = [int(np.flatnonzero(labels == k)[0]) for k in range(labels.max() + 1)]
    assert first == sorted(first) and len(first) > 1
    sizes = np.bincount(labels[labels >= 0])
    assert sizes.min() >= size
    assert f"{len(first)} clusters, {(labels < 0).sum()} outliers of 60, code length {codelength:.4f}" in out
    assert f"{links} of {60 * 11} links kept" in out


def test_the_seed_is_infomaps(here, harness):
    """Noise without groups has many partitions that are nearly as good: which one is found is the seed's choice."""
    features, found = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32), set()
    np.savez("feat.npz", features=features)
    for seed in range(1, 9):
        assert harness(*CLUSTER, "--neighbours", "8", "--min-similarity", "0.2", "--seed", str(seed))[0] == 0
        np.testing.assert_array_equal(labels_of(), plain_loop(features, 8, 0.2, 2, seed)[0])
        found.add(tuple(labels_of().tolist()))
    assert len(found) > 1


def test_figures_as_json(here, harness):
    features = blobs(3)
    np.savez("feat.npz", features=features)
    code, out, err = harness(*CLUSTER, "--neighbours", "12", "--min-similarity", "0.6", "--json")
    figures, (wanted, codelength, links) = json.loads(out), plain_loop(features, 12, 0.6, 2, 1)
    assert code == 0 and err == "" and figures.pop("codelength") == pytest.approx(codelength, abs=1e-9)
    assert figures == {
        "sequences": 60,
        "clusters": int(wanted.max()) + 1,
        "outliers": int((wanted < 0).sum()),
        "links": links,
        "links_of_neighbours": 60 * 11,
    }


def test_lengths_of_rows_and_types_do_not_matter(here, harness):
    features = blobs(4).astype(np.float16)
    np.savez("feat.npz", features=features.astype(np.float32))
    words = ("--neighbours", "10", "--min-similarity", "0.5")
    assert harness(*CLUSTER, *words)[0] == 0
    wanted = labels_of()
    for other in (features, features.astype(">f8") * 1000):
        np.savez("feat.npz", features=other)
        assert harness(*CLUSTER, *words)[0] == 0
        np.testing.assert_array_equal(labels_of(), wanted)


@pytest.mark.parametrize("backend", ["auto", "exact", "faiss"])
def test_every_backend_finds_the_same(here, harness, backend: str):
    if backend == "faiss":
        pytest.importorskip("faiss")
    np.savez("feat.npz", features=blobs(5))
    assert harness(*CLUSTER, "--neighbours", "12", "--min-similarity", "0.5", "--backend", backend)[0] == 0
    np.testing.assert_array_equal(labels_of(), plain_loop(blobs(5), 12, 0.5, 2, 1)[0])


def test_every_row_may_be_a_neighbour(here, harness):
    np.savez("feat.npz", features=blobs(6))
    assert harness(*CLUSTER, "--neighbours", "60", "--min-similarity", "0.5", "--json")[0] == 0


def test_nothing_is_alike(here, harness):
    np.savez("feat.npz", features=np.eye(5))
    code, out, _ = harness(*CLUSTER, "--neighbours", "3")
    assert code == 0 and labels_of().tolist() == [-1] * 5
    assert "0 clusters, 5 outliers of 5, code length 0.0000 bits" in out


def changed(at: int, value: float) -> np.ndarray:
    rows = blobs()
    rows[at] = value
    return rows


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (changed(7, 0.0), "row 7 of 'features' is all zero"),
        (changed(8, float("nan")), "'features' holds NaN or infinity, first in row 8"),
        (changed(9, float("inf")), "'features' holds NaN or infinity, first in row 9"),
        (changed(5, 1e30), "row 5 of 'features' is too large for fp32"),
        (blobs().astype(float) * 1e60, "numbers that fp32 cannot hold"),
        (blobs()[:, 0], "'features' must be [N,D], it has shape [60]"),
        (blobs()[:, :, None], "'features' must be [N,D], it has shape [60, 16, 1]"),
        (blobs()[:0], "'features' is empty"),
        (blobs()[:, :0], "'features' is empty"),
        (blobs().astype(str), "'features' must hold float"),
        (blobs().astype(object), "holds Python objects"),
    ],
)
def test_bad_features(refuses, features: np.ndarray, message: str):
    np.savez("feat.npz", features=features)
    line = refuses(*CLUSTER, "--neighbours", "5")
    assert line.startswith("error: feat.npz: ") and message in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--neighbours", "61"), "--neighbours is 61, but feat.npz has only 60 rows"),
        (("--neighbours", "0"), "--neighbours"),
        (("--neighbours", "many"), "--neighbours"),
        (("--min-similarity", "1.5"), "--min-similarity"),
        (("--min-similarity", "nan"), "--min-similarity"),
        (("--min-size", "0"), "--min-size"),
        (("--seed", "0"), "--seed"),
        (("--backend", "annoy"), "unknown backend 'annoy'; known: auto, exact, faiss"),
        (("--output", "folder"), "folder: is a folder"),
        (("--output", "folder/../feat.npz"), "is read too and would be lost"),
        (("--output", "feat.npz/x"), "feat.npz/x: cannot be written"),
    ],
)
def test_mistakes(refuses, words: tuple[str, ...], message: str):
    np.savez("feat.npz", features=blobs())
    Path("folder").mkdir()
    Path("folder/mine").write_text("kept")
    assert message in refuses(*CLUSTER, *words)


def test_missing_faiss(refuses, monkeypatch):
    np.savez("feat.npz", features=blobs())
    monkeypatch.setattr("harness.clustering.knn.installed_faiss", lambda: None)
    assert "faiss is not installed" in refuses(*CLUSTER, "--backend", "faiss")
