"""Scores beside a slow reference that follows the protocol word by word."""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np
import pytest
import torch

from harness.data.sets import protocol_of
from harness.errors import UserError
from harness.evaluation.evaluate import score
from harness.types import EvaluationProtocol, SequenceLabels

VIEWS = tuple(range(0, 181, 36))
CASIA_B = [*(f"nm-{i:02d}" for i in range(1, 7)), "bg-01", "bg-02", "cl-01", "cl-02"]


def labels_of(rows) -> SequenceLabels:
    """From (subject, condition, view) of each sequence."""
    return SequenceLabels(*(np.array(column) for column in zip(*rows)))


def people(conditions, views=VIEWS, subjects=5):
    return [(f"{s:03d}", c, f"{v:03d}") for s in range(subjects) for c in conditions for v in views]


def embed(rows, seed=0, noise=1.5):
    """Embeddings f32[N,3,4]: a point for each subject plus noise, so that some probes are right and some wrong."""
    rng = np.random.default_rng(seed)
    centre = {subject: rng.normal(size=(3, 4)) for subject in sorted({row[0] for row in rows})}
    points = np.stack([centre[row[0]] for row in rows]) + noise * rng.normal(size=(len(rows), 3, 4))
    return torch.from_numpy(points).float()


def place(rows, points, probe, gallery):
    """How many gallery sequences stand before the probe's first mate; None without a mate."""
    distance = [np.mean([np.sqrt(((a - b) ** 2).sum()) for a, b in zip(points[probe], points[g])]) for g in gallery]
    ordered = [rows[g][0] for _, g in sorted(zip(distance, gallery))]
    return ordered.index(rows[probe][0]) if rows[probe][0] in ordered else None


def reference(rows, embeddings, protocol):
    """{condition: ({(probe view, gallery view): [place of each probe]}, [probe views])}."""
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
                if protocol.per_view and pv == gv:
                    continue
                offered = [g for g in gallery if view(g) == gv]
                places = [place(rows, points, p, offered) for p in probes if view(p) == pv]
                cells[pv, gv] = [x for x in places if x is not None or protocol.unmatched == "count"]
        out[condition] = cells
    return out


def rank(places, k):
    return 100 * np.mean([x is not None and x < k for x in places])


def assert_like_reference(scores, cells_of, ranks=(1,)):
    assert set(scores) == set(cells_of)
    for condition, cells in cells_of.items():
        s = scores[condition]
        probe_views = sorted({pv for pv, _ in cells})
        gallery_views = sorted({gv for _, gv in cells})
        for k in ranks:
            means = [np.mean([rank(c, k) for (p, _), c in cells.items() if p == pv and c]) for pv in probe_views]
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
            compared = [x for (p, _), c in cells.items() if p == pv for x in c]
            assert s.trials[i].sum() == len(compared)
            assert s.hits[i].sum() == sum(x == 0 for x in compared)


@pytest.mark.parametrize("seed", [0, 1])
def test_casia_b(seed):
    rows = people(CASIA_B)
    np.random.default_rng(seed).shuffle(rows)
    embeddings, protocol = embed(rows, seed), protocol_of("casia-b")
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(scores, reference(rows, embeddings, protocol))
    for s in scores.values():
        assert s.views == list(VIEWS)
        assert np.isnan(np.diag(s.rank1)).all() and np.isnan(s.rank1).sum() == len(VIEWS)
        assert s.probes.tolist() == [10] * len(VIEWS)
        assert s.subjects == [f"{i:03d}" for i in range(5)]
        assert 0 < s.mean < 100
        np.testing.assert_allclose(100 * s.hits.sum(1) / s.trials.sum(1), s.per_view)
        assert (s.trials == 2 * (len(VIEWS) - 1)).all()


def test_means_are_not_rounded():
    rows = people(CASIA_B, views=(0, 18, 36, 54), subjects=7)
    s = score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")["NM"]
    assert s.mean == np.nanmean(s.rank1, axis=1).mean()
    assert round(s.mean, 1) != s.mean


def test_the_identical_view_is_left_out():
    """Only the identical view would find the right person: everything else is wrong."""
    rows = people(("nm-01", "nm-05"), views=(0, 90), subjects=2)
    embeddings = torch.zeros(len(rows), 1, 1)
    for i, (subject, _, view) in enumerate(rows):
        embeddings[i] = (int(subject) if view == "000" else 1 - int(subject)) * 10
    s = score(embeddings, labels_of(rows), protocol_of("casia-b"), "part-euclidean")["NM"]
    assert s.mean == 0 and s.hits.sum() == 0


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


def test_oumvlp_skips_subjects_that_the_gallery_lacks():
    rows = [r for r in people(("00", "01")) if r[:2] != ("004", "01")]
    embeddings, protocol = embed(rows, seed=5), protocol_of("oumvlp")
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(scores, reference(rows, embeddings, protocol))
    assert scores["NM"].trials[:, scores["NM"].subjects.index("004")].sum() == 0


def test_outdoor_gait_compares_everything_with_everything():
    conditions = [f"scene{s}-{c}-{i:02d}" for s in (1, 2, 3) for c in ("nm", "bg", "cl") for i in (1, 2)]
    rows = people(conditions, views=(90,), subjects=6)
    embeddings, protocol = embed(rows, seed=6), protocol_of("outdoor-gait")
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(scores, reference(rows, embeddings, protocol))
    for s in scores.values():
        assert s.views == [None]
        assert s.probes.tolist() == [6 * 4] and (s.trials == 4).all()


def test_grew_has_higher_ranks_and_ignores_views():
    rows = [(f"{s:03d}", f"{c:02d}", f"{(s + 7 * c) % 360:03d}") for s in range(30) for c in range(5)]
    embeddings, protocol = embed(rows, seed=7, noise=2.0), protocol_of("grew")
    scores = score(embeddings, labels_of(rows), protocol, "part-euclidean")
    assert_like_reference(scores, reference(rows, embeddings, protocol), ranks=(1, 5, 10, 20))
    ranks = [scores["all"].ranks[k] for k in (1, 5, 10, 20)]
    assert ranks == sorted(ranks) and ranks[0] < ranks[-1] and ranks[0] == scores["all"].mean


@pytest.mark.parametrize(("first", "expected"), [("000", 100.0), ("001", 0.0)])
def test_equal_distances_go_to_the_first_of_the_gallery(first, expected):
    other = "001" if first == "000" else "000"
    rows = [(first, "00", "0"), (other, "00", "0"), ("000", "02", "0")]
    assert score(torch.zeros(3, 2, 2), labels_of(rows), protocol_of("grew"), "part-euclidean")["all"].mean == expected


@pytest.mark.parametrize(("conditions", "what"), [(("nm-05", "bg-01"), "gallery"), (("nm-01", "nm-02"), "probe")])
def test_no_gallery_or_no_probe(conditions, what):
    rows = people(conditions)
    with pytest.raises(UserError, match=f"no {what} sequence"):
        score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")


def test_one_view_alone_has_nothing_to_compare_with():
    rows = people(CASIA_B, views=(90,))
    with pytest.raises(UserError):
        score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")


def test_embeddings_stay_as_they_were():
    rows = people(CASIA_B, views=(0, 90), subjects=2)
    embeddings = embed(rows)
    before = embeddings.clone()
    score(embeddings, labels_of(rows), protocol_of("casia-b"), "cosine")
    assert torch.equal(embeddings, before)
