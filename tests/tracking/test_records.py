"""Result files: what is written comes back, a broken one is named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import UserError
from harness.evaluation.evaluate import ConditionScore
from harness.files import read_json
from harness.tracking.records import read_outcomes, read_records, write_result
from harness.types import ResultRecord

SHARED = {"dataset": "target", "backbone": "gaitset", "method": "cc", "seed": 3, "run_id": "ab" * 8}
KEY = {"suite": "smoke", **SHARED, "store": "cd" * 32}


def score_of(views, per_view, ranks) -> ConditionScore:
    count = len(views)
    rank1 = np.full((count, 2), 100 / 3)
    rank1[0, 0] = np.nan
    return ConditionScore(
        views=views,
        gallery_views=[0, 18],
        rank1=rank1,
        per_view=np.array(per_view),
        mean=ranks[1],
        ranks=ranks,
        probes=np.arange(1, count + 1),
        unmatched=0,
        subjects=["001", "002"],
        hits=np.ones((count, 2), dtype=np.int64),
        trials=np.full((count, 2), 3),
    )


def scores():
    by_view = score_of([0, 18], [100 / 3, 2 / 7], {1: 16.809523809523807})
    return {"NM": by_view, "all": score_of([None], [5.5], {1: 5.5, 5: 7.25})}


def test_round_trip(tmp_path):
    write_result(tmp_path / "a.json", KEY, scores())
    assert read_records(tmp_path) == [
        ResultRecord(**SHARED, condition="NM", view_deg=0, metric="rank1", value=100 / 3, n_probes=1),
        ResultRecord(**SHARED, condition="NM", view_deg=18, metric="rank1", value=2 / 7, n_probes=2),
        ResultRecord(**SHARED, condition="NM", view_deg=None, metric="rank1", value=16.809523809523807, n_probes=3),
        ResultRecord(**SHARED, condition="all", view_deg=None, metric="rank1", value=5.5, n_probes=1),
        ResultRecord(**SHARED, condition="all", view_deg=None, metric="rank5", value=7.25, n_probes=1),
    ]


def test_a_file_depends_on_the_scores_alone(tmp_path):
    write_result(tmp_path / "a.json", KEY, scores())
    write_result(tmp_path / "b.json", KEY, scores())
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    content = read_json(tmp_path / "a.json")
    assert content["metrics"] == {"rank1_NM": 16.809523809523807, "rank1_all": 5.5}
    assert content["conditions"]["NM"]["rank1"][0] == [None, 100 / 3]
    assert content["conditions"]["NM"]["trials"] == [[3, 3], [3, 3]]


def test_hits_by_subject_are_read_for_each_rank(tmp_path):
    whole = replace(scores()["all"], hits_at={5: np.array([[1, 3]])})
    write_result(tmp_path / "a.json", KEY, {"NM": scores()["NM"], "all": whole})
    found = read_outcomes(tmp_path)
    assert [(m, [o.condition for o in outcomes]) for m, outcomes in found.items()] == [
        ("rank1", ["NM", "all"]),
        ("rank5", ["all"]),
    ]
    assert (found["rank1"][1].hits == 1).all() and found["rank5"][0].hits.tolist() == [[1, 3]]
    assert "hits_at" not in read_json(tmp_path / "a.json")["conditions"]["NM"]


def test_files_are_read_in_the_order_of_their_names(tmp_path):
    for seed, name in ((1, "b"), (0, "a"), (2, "c")):
        write_result(tmp_path / f"{name}.json", {**KEY, "seed": seed}, {"NM": scores()["NM"]})
    assert [r.seed for r in read_records(tmp_path)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_no_folder_no_records(tmp_path):
    assert read_records(tmp_path / "nothing") == []


def test_half_a_file_is_named(tmp_path):
    path = tmp_path / "cut.json"
    write_result(path, KEY, scores())
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    with pytest.raises(UserError) as caught:
        read_records(tmp_path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


ODD = ({}, [], 3, KEY, {**KEY, "conditions": []}, {**KEY, "conditions": {"NM": {"probes": 1}}})


@pytest.mark.parametrize("content", ODD)
def test_a_file_of_another_shape_is_named(tmp_path, content):
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError) as caught:
        read_records(tmp_path)
    assert str(path) in str(caught.value)


def test_lists_of_unequal_length_are_noticed(tmp_path):
    path = tmp_path / "odd.json"
    write_result(path, KEY, scores())
    content = read_json(path)
    content["conditions"]["NM"]["per_view"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"odd\.json"):
        read_records(tmp_path)


def test_two_files_that_disagree_about_one_number_are_both_named(tmp_path):
    for name, value in (("a", 5.5), ("b", 6.5)):
        write_result(tmp_path / f"{name}.json", KEY, {"all": score_of([None], [value], {1: value})})
    with pytest.raises(UserError, match=r"b\.json: says 6\.5 .* where .*a\.json says 5\.5"):
        read_records(tmp_path)
