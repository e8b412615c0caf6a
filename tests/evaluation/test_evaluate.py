"""Scores beside a slow reference that follows the protocol word by word."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pytest
import torch
from walks import CASIA_B, VIEWS, embed, labels_of, people

from harness.data.sets import protocol_of
from harness.evaluation import evaluate
from harness.evaluation.evaluate import score
from harness.types import EvaluationProtocol


def place(rows, points, probe, gallery):
    """How many gallery sequences stand before the probe's first mate; None without a mate."""
    distance = [np.mean([np.sqrt(((a - b) ** 2).sum()) for a, b in zip(points[probe], points[g])]) for g in gallery]
    ordered = [rows[g][0] for _, g in sorted(zip(distance, gallery))]
    return ordered.index(rows[probe][0]) if rows[probe][0] in ordered else None


def reference(rows, embeddings, protocol):
    """{condition: {(probe view, gallery view): [place of each probe]}}, the identical view among them."""
    points = embeddings.double().numpy()

    def matching(patterns):
        return [i for i, row in enumerate(rows) if any(fnmatchcase(row[1], p) for p in patterns)]

    def view(i):
        return int(rows[i][2]) if protocol.per_view else 0

    gallery, out = matching(protocol.gallery), {}
    for condition, patterns in protocol.probes.items():
        cells, probes = {}, matching(patterns)
        for pv in sorted({view(i) for i in probes}):
            for gv in sorted({view(i) for i in gallery}):
                offered = [g for g in gallery if view(g) == gv]
                places = [place(rows, points, p, offered) for p in probes if view(p) == pv]
                cells[pv, gv] = [x for x in places if x is not None or protocol.unmatched == "count"]
        out[condition] = cells
    return out


def rank(places, k):
    return 100 * np.mean([x is not None and x < k for x in places])


def assert_like_reference(scores, cells_of, ranks=(1,), per_view=True):
    assert set(scores) == set(cells_of)
    for condition, cells in cells_of.items():
        s = scores[condition]
        probe_views = sorted({pv for pv, _ in cells})
        gallery_views = sorted({gv for _, gv in cells})
        apart = {pair: c for pair, c in cells.items() if not per_view or pair[0] != pair[1]}
        for k in ranks:
            means = [np.mean([rank(c, k) for (p, _), c in apart.items() if p == pv and c]) for pv in probe_views]
            assert s.ranks[k] == pytest.approx(np.mean(means), abs=1e-9)
            if k == 1:
                np.testing.assert_allclose(s.per_view, means, atol=1e-9)
                assert s.mean == pytest.approx(np.mean(means), abs=1e-9)
        assert s.rank1.shape == (len(probe_views), len(gallery_views))
        for i, pv in enumerate(probe_views):
            for j, gv in enumerate(gallery_views):
                if cells.get((pv, gv)):
                    assert s.rank1[i, j] == pytest.approx(rank(cells[pv, gv], 1), abs=1e-9)
                else:
                    assert np.isnan(s.rank1[i, j])
            compared = [x for (p, _), c in apart.items() if p == pv for x in c]
            assert s.trials[i].sum() == len(compared)
            assert s.hits[i].sum() == sum(x == 0 for x in compared)
            for k, found in s.hits_at.items():
                assert found[i].sum() == sum(x is not None and x < k for x in compared)
        assert s.hits_at.keys() == {k for k in ranks if k > 1}
        assert all((s.hits <= found).all() and (found <= s.trials).all() for found in s.hits_at.values())


@pytest.mark.parametrize("seed", [0, 1])
def test_casia_b(seed):
    rows = people(CASIA_B)
    np.random.default_rng(seed).shuffle(rows)
    embeddings, protocol = embed(rows, seed), protocol_of("casia-b")
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(scores, reference(rows, embeddings, protocol))
    for s in scores.values():
        assert s.views == list(VIEWS)
        assert not np.isnan(s.rank1).any()
        off = s.rank1[~np.eye(len(VIEWS), dtype=bool)]
        assert off.mean() == pytest.approx(s.mean, abs=1e-9) and s.rank1.mean() != pytest.approx(s.mean, abs=1e-3)
        assert s.probes.tolist() == [10] * len(VIEWS)
        assert s.subjects == [f"{i:03d}" for i in range(5)]
        assert 0 < s.mean < 100
        np.testing.assert_allclose(100 * s.hits.sum(1) / s.trials.sum(1), s.per_view)
        assert (s.trials == 2 * (len(VIEWS) - 1)).all()


def test_means_are_not_rounded():
    rows = people(CASIA_B, views=(0, 18, 36, 54), subjects=7)
    s = score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")["NM"]
    assert s.mean == pytest.approx(s.rank1[~np.eye(4, dtype=bool)].mean(), abs=1e-12)
    assert round(s.mean, 1) != s.mean and (np.round(s.rank1, 2) != s.rank1).any()


def test_the_identical_view_is_left_out():
    """Only the identical view would find the right person: everything else is wrong."""
    rows = people(("nm-01", "nm-05"), views=(0, 90), subjects=2)
    embeddings = torch.zeros(len(rows), 1, 1)
    for i, (subject, _, view) in enumerate(rows):
        embeddings[i] = (int(subject) if view == "000" else 1 - int(subject)) * 10
    s = score(embeddings, labels_of(rows), protocol_of("casia-b"), "part-euclidean")["NM"]
    assert s.mean == 0 and s.hits.sum() == 0 and s.per_view.tolist() == [0, 0]
    assert s.rank1.tolist() == [[100, 0], [0, 100]]


@pytest.mark.parametrize("distance", ["part-euclidean", "flat-euclidean", "cosine"])
def test_a_perfect_embedding_gives_100(distance):
    rows = people(CASIA_B)
    scores = score(embed(rows, noise=0.0), labels_of(rows), protocol_of("casia-b"), distance)
    assert [scores[c].mean for c in ("NM", "BG", "CL")] == [100.0] * 3
    assert all((s.hits == s.trials).all() for s in scores.values())


@pytest.mark.parametrize("unmatched", ["count", "skip"])
def test_a_subject_without_one_gallery_view(unmatched):
    rows = [r for r in people(CASIA_B) if not (r[0] == "002" and r[2] == "036" and r[1] < "nm-05" and r[1] >= "nm")]
    official = protocol_of("casia-b")
    protocol = EvaluationProtocol(official.gallery, official.probes, per_view=True, ranks=(1, 5), unmatched=unmatched)
    embeddings = embed(rows, seed=3)
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(scores, reference(rows, embeddings, protocol), ranks=(1, 5))
    missed = (len(VIEWS) - 1) * 2 if unmatched == "skip" else 0
    assert scores["NM"].trials.sum() == 5 * 2 * len(VIEWS) * (len(VIEWS) - 1) - missed


def test_a_subject_without_one_probe_view():
    rows = [r for r in people(CASIA_B) if r[0] != "001" or r[2] != "072" or r[1] not in ("cl-01", "cl-02")]
    embeddings, protocol = embed(rows, seed=4), protocol_of("casia-b")
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(scores, reference(rows, embeddings, protocol))
    assert scores["CL"].probes.tolist() == [10, 10, 8, 10, 10, 10]


@pytest.mark.parametrize("unmatched", [None, "skip"])
def test_oumvlp_counts_subjects_that_the_gallery_lacks_unless_told_to_skip_them(unmatched):
    views = (0, 30, 75, 180, 270)
    rows = [r for r in people(("00", "01"), views=views) if r[:2] != ("004", "01")]
    embeddings, protocol = embed(rows, seed=5), protocol_of("oumvlp")
    assert protocol.unmatched == "count"
    protocol = replace(protocol, unmatched=unmatched) if unmatched else protocol
    s = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(s, reference(rows, embeddings, protocol))
    lost = s["NM"].subjects.index("004")
    assert s["NM"].trials[:, lost].sum() == (0 if unmatched else len(views) * (len(views) - 1))
    assert s["NM"].hits[:, lost].sum() == 0 and s["NM"].unmatched == len(views)


def test_outdoor_gait_compares_everything_with_everything():
    conditions = [f"scene{s}-{c}-{i:02d}" for s in (1, 2, 3) for c in ("nm", "bg", "cl") for i in (1, 2)]
    rows = people(conditions, views=(90,), subjects=6)
    embeddings, protocol = embed(rows, seed=6), protocol_of("outdoor-gait")
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(scores, reference(rows, embeddings, protocol), per_view=False)
    for s in scores.values():
        assert s.views == s.gallery_views == [None] and not s.precision
        assert s.probes.tolist() == [6 * 4] and (s.trials == 4).all()


def test_grew_looks_the_second_sequence_up_among_the_first_ones():
    rows = [(f"{s:03d}", f"{c:02d}", f"{(s + 7 * c) % 360:03d}") for s in range(30) for c in range(5)]
    embeddings, protocol = embed(rows, seed=7, noise=2.0), protocol_of("grew")
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    cells = reference(rows, embeddings, protocol)
    assert_like_reference(scores, cells, ranks=(1, 5, 10, 20), per_view=False)
    s = scores["all"]
    assert list(s.ranks) == [1, 5, 10, 20] and s.probes.tolist() == [30]
    ranks = [s.ranks[k] for k in (1, 5, 10, 20)]
    assert ranks == sorted(ranks) and ranks[0] < ranks[-1] and ranks[0] == s.mean
    # One mate a probe: both precisions are the mean of one over its place.
    wanted = 100 * np.mean([1 / (1 + place) for place in cells["all"][0, 0]])
    assert s.precision == {"mAP": pytest.approx(wanted, abs=1e-9), "mINP": pytest.approx(wanted, abs=1e-9)}


@pytest.mark.parametrize(("first", "expected"), [("000", 100.0), ("001", 0.0)])
def test_equal_distances_go_to_the_first_of_the_gallery(first, expected):
    other = "001" if first == "000" else "000"
    rows = [(first, "01", "0"), (other, "01", "0"), ("000", "02", "0")]
    assert score(torch.zeros(3, 2, 2), labels_of(rows), protocol_of("grew"), "part-euclidean")["all"].mean == expected


def usual(rows, embeddings, gallery, probe, distance):
    """The field's way: for each pair of views, sort and look at the first; mean off the diagonal. In float64."""
    points = embeddings.double().numpy()
    subject, condition, view = (np.array(column) for column in zip(*rows))
    views = np.unique(view)
    table = np.zeros((len(views), len(views)))
    for i, one in enumerate(views):
        for j, other in enumerate(views):
            left = np.isin(condition, probe) & (view == one)
            right = np.isin(condition, gallery) & (view == other)
            x, y = points[left][:, None], points[right][None]
            if distance == "cosine":
                lengths = np.linalg.norm(x, axis=3) * np.linalg.norm(y, axis=3)
                apart = (1 - (x * y).sum(axis=3) / lengths).mean(axis=2)
            elif distance == "flat-euclidean":
                apart = np.sqrt(((x - y) ** 2).sum(axis=(2, 3)))
            else:
                apart = np.sqrt(((x - y) ** 2).sum(axis=3)).mean(axis=2)
            first = subject[right][apart.argsort(axis=1, kind="stable")[:, 0]]
            table[i, j] = 100 * (first == subject[left]).sum() / left.sum()
    off = table - np.diag(np.diag(table))
    return table, off.sum(axis=1) / (len(views) - 1)


@pytest.mark.parametrize("distance", ["part-euclidean", "flat-euclidean", "cosine"])
@pytest.mark.parametrize("layout", ["casia-b", "oumvlp"])
def test_whole_tables_are_the_fields(layout, distance, monkeypatch):
    monkeypatch.setattr(evaluate, "_CELLS", 1000)  # probes go through some at a time
    conditions = CASIA_B if layout == "casia-b" else ("00", "01")
    views = tuple(range(0, 181, 18)) if layout == "casia-b" else (*range(0, 91, 15), *range(180, 271, 15))
    rows = people(conditions, views=views, subjects=9)
    np.random.default_rng(8).shuffle(rows)
    embeddings, protocol = embed(rows, seed=9, noise=2.0), protocol_of(layout)
    scores = score(embeddings, labels_of(rows), protocol, distance)
    assert list(scores) == (["NM", "BG", "CL"] if layout == "casia-b" else ["NM"])
    for name, s in scores.items():
        table, per_view = usual(rows, embeddings, protocol.gallery, protocol.probes[name], distance)
        np.testing.assert_allclose(s.rank1, table, rtol=0, atol=1e-10)
        np.testing.assert_allclose(s.per_view, per_view, rtol=0, atol=1e-10)
        assert s.mean == pytest.approx(per_view.mean(), abs=1e-10) and 5 < s.mean < 95
        assert len(set(table.ravel())) > 5


def test_embeddings_stay_as_they_were():
    rows = people(CASIA_B, views=(0, 90), subjects=2)
    embeddings = embed(rows)
    before = embeddings.clone()
    score(embeddings, labels_of(rows), protocol_of("casia-b"), "cosine")
    assert torch.equal(embeddings, before)
