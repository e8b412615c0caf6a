"""Sequences that cannot be scored: one line that says why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from walks import CASIA_B, embed, labels_of, people

from harness.data.sets import protocol_of
from harness.errors import UserError
from harness.evaluation.evaluate import score


@pytest.mark.parametrize(("conditions", "what"), [(("nm-05", "bg-01"), "gallery"), (("nm-01", "nm-02"), "probe")])
def test_no_gallery_or_no_probe(conditions, what):
    rows = people(conditions)
    with pytest.raises(UserError, match=f"no {what} sequence"):
        score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")


def test_one_view_alone_has_nothing_to_compare_with():
    rows = people(CASIA_B, views=(90,))
    with pytest.raises(UserError, match="no gallery for the probes at 090 degrees"):
        score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")


@pytest.mark.parametrize(
    ("layout", "at", "name", "message"),
    [
        ("casia-b", 1, "nm-07", "unknown condition 'nm-07'; the protocol knows nm-01, nm-02"),
        ("casia-b", 1, "NM-05", "unknown condition 'NM-05'"),
        ("casia-b", 2, "017", "unknown view '017'; the protocol knows 000, 018, 036"),
        ("casia-b", 2, "-18", "unknown view '-18'"),
        ("casia-b", 2, "90.0", "unknown view '90.0'"),
        ("casia-b", 2, "", "unknown view ''"),
        ("oumvlp", 1, "02", "unknown condition '02'"),
        ("oumvlp", 2, "105", "unknown view '105'"),
        ("outdoor-gait", 1, "scene4-nm-01", "unknown condition 'scene4-nm-01'"),
        ("outdoor-gait", 2, "000", "unknown view '000'; the protocol knows 090"),
        ("grew", 1, "first", "unknown condition 'first'"),
    ],
)
def test_a_name_that_the_data_set_does_not_have(layout, at, name, message):
    conditions = {"casia-b": CASIA_B, "oumvlp": ("00", "01"), "grew": ("01", "02")}
    rows = people(conditions.get(layout, ("scene3-nm-01", "scene1-nm-01")), views=(90,) if "o" in layout else (0, 90))
    subject, condition, view = (name if i == at else word for i, word in enumerate(rows[3]))
    rows[3] = (subject, condition, view)
    with pytest.raises(UserError) as caught:
        score(embed(rows), labels_of(rows), protocol_of(layout), "part-euclidean")
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_views_may_be_written_with_or_without_zeros():
    padded = people(CASIA_B, views=(0, 18, 90))
    bare = [(s, c, str(int(v))) for s, c, v in padded]
    one, two = (score(embed(rows), labels_of(rows), protocol_of("casia-b"), "cosine") for rows in (padded, bare))
    assert [s.rank1.tolist() for s in one.values()] == [s.rank1.tolist() for s in two.values()]


def test_a_gallery_of_one_subject():
    rows = [r for r in people(CASIA_B) if r[0] == "001" or r[1] not in CASIA_B[:4]]
    with pytest.raises(UserError, match="the gallery holds one subject only"):
        score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")


def test_a_probe_view_without_any_other_gallery_view():
    rows = [r for r in people(CASIA_B) if r[1] not in CASIA_B[:4] or r[2] == "036"]
    with pytest.raises(UserError, match="no gallery for the probes at 036 degrees"):
        score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")
    rows = [r for r in rows if r[2] != "036" or r[1] in CASIA_B[:4]]  # without those probes it can be scored
    assert score(embed(rows), labels_of(rows), protocol_of("casia-b"), "part-euclidean")["NM"].gallery_views == [36]


@pytest.mark.parametrize("unmatched", ["count", "skip"])
def test_no_probe_has_a_mate(unmatched):
    rows = [(f"{int(s) + 5 * (c in CASIA_B[4:]):03d}", c, v) for s, c, v in people(CASIA_B)]
    protocol = replace(protocol_of("casia-b"), unmatched=unmatched)
    if unmatched == "skip":
        with pytest.raises(UserError, match="none of the probes' subjects is in the gallery"):
            score(embed(rows), labels_of(rows), protocol, "part-euclidean")
    else:
        assert score(embed(rows), labels_of(rows), protocol, "part-euclidean")["NM"].mean == 0


@pytest.mark.parametrize("distance", ["part-euclidean", "flat-euclidean"])
def test_distances_that_overflow_are_refused(distance):
    rows = people(CASIA_B)
    with pytest.raises(UserError, match="too large"):
        score(embed(rows) * 1e20, labels_of(rows), protocol_of("casia-b"), distance)
