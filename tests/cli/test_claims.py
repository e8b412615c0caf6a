"""What `harness claims` and the report say of claims with several parts, of sweeps and of other ranks."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from recorded import edit, record, settle

SEVERAL = "both-beat-each"
WEAKEST = "sf against scf on NM, BG, CL"


@pytest.fixture
def row(harness):
    def call(key: str, *words: str) -> dict[str, Any]:
        (found,) = (row for row in json.loads(harness("claims", "--json", *words)[1]) if row["claim"] == key)
        return found

    return call


def test_the_weakest_part_is_named_wherever_its_interval_stands(recorded, harness, row):
    for seed in (0, 1, 2):
        record("scf", seed, rate=0.7)  # as good as SF, which SSF is not
    found = row(SEVERAL)
    assert found["part"] == WEAKEST and found["paper"] == 5.0
    note = f"the numbers of its weakest part, {WEAKEST}"
    for form in ("rich", "md"):
        text = harness("claims", "--claim", SEVERAL, "--claim", "sf-cc-cl", "--format", form)[1]
        assert f"{SEVERAL}: {note}" in " ".join(text.split()) and "sf-cc-cl: the numbers" not in text
        assert "of the squared errors is runs' luck" in text
    assert harness("report")[0] == harness("report", "--markdown")[0] == 0
    for name in ("index.html", "report.md"):
        text = unescape(Path("report", name).read_text())
        assert text.count(f"numbers of its weakest part, {WEAKEST}") == 1


def test_a_claim_of_one_part_and_one_that_was_not_tested_name_none(recorded, row):
    assert row("sf-cc-cl")["asks"] == ["sf against cc on CL, above 0"]
    assert row("sf-cc-cl")["part"] is None and row("sf-cc-cl")["paper"] == 9.7
    assert row("a-2-best")["part"] is None and row("a-2-best")["paper"] == 1.8


def test_a_sweep_is_the_suites_own_and_whole(recorded, suite_tree, row):
    """Its own value has no run of its own, and all others must be there."""
    assert row("cc-n-best")["reason"] == "the suite has no other n to compare with"
    assert "no run of cc m=0.2" in row("cc-m-best")["reason"]
    suite_tree["suite"]["variants"]["cc"] = ["n-10", "n-20", "m-01", "m-02"]
    settle(suite_tree)
    for seed in (0, 1, 2):
        record("cc", seed, "n-10", rate=0.2)
        record("cc", seed, "m-01", rate=0.7)
        record("cc", seed, "m-02", rate=0.3)
    assert "no run of cc n=20" in row("cc-n-best")["reason"]
    for seed in (0, 1, 2):
        record("cc", seed, "n-20", rate=0.3)
    best = row("cc-n-best")
    assert best["verdict"] == "supported" and best["part"] == "cc against cc n=20 on NM, BG, CL"
    worse = row("cc-m-best")
    assert worse["verdict"] == "refuted" and worse["methods"] == ["cc m=0.2", "cc m=0.1"] and worse["part"] is None


def test_a_claim_at_rank_5_reads_its_hits_and_says_what_lacks_them(recorded, row):
    part = {"gain": ["sf", "cc"], "under": ["CL"], "above": 0}
    about = {"key": "five", "says": "", "where": "", "table": 5, "dataset": "casia-bn", "backbone": "gaitset"}
    Path("five.yaml").write_text(yaml.safe_dump({"claims": [{**about, "metric": "rank5", "parts": [part]}]}))
    words = ("--claims", "five.yaml")

    def at_rank_5(method: str, perfect: bool) -> None:
        def add(content: Any) -> None:
            content["protocol"]["ranks"] = [1, 5]
            for score in content["conditions"].values():
                score["hits_at"] = {"5": score["trials" if perfect else "hits"]}
                score["ranks"]["5"] = 100.0 if perfect else score["mean"]

        for seed in (0, 1, 2):
            edit(Path(f"results/smoke/scores/{method}-gaitset-target-s{seed}.json"), add)

    at_rank_5("sf", perfect=False)
    missing = row("five", *words)
    assert missing["verdict"] == "not run"
    assert missing["reason"] == "no run of cc with gaitset on target scored for CL at rank-5"
    at_rank_5("cc", perfect=True)
    found = row("five", *words)
    assert (found["metric"], found["verdict"]) == ("rank5", "refuted")
    assert found["difference"] == pytest.approx(-30, abs=2)  # SF is right in 70 % at rank-1


def test_a_suite_with_claims_of_its_own_is_judged_by_those_wherever_claims_are(recorded, harness, suite_tree, refuses):
    """They go into its bundle, which is checked by them."""
    suite_tree["suite"]["claims"] = "own/claims.yaml"
    settle(suite_tree)
    assert "own/claims.yaml: no such file, though params.yaml" in refuses("claims")
    parts = [{"gain": ["sf", "cc"], "under": ["CL"], "above": 0, "paper": 9.7}]
    about = {"says": "so", "where": "here", "table": 3, "dataset": "casia-bn", "backbone": "gaitset"}
    two = [
        {"key": key, "family": family, "parts": parts, **about} for key, family in (("one", "first"), ("two", "last"))
    ]
    Path("own").mkdir()
    Path("own/claims.yaml").write_text(yaml.safe_dump({"claims": two}))
    rows = json.loads(harness("claims", "--json")[1])
    assert [(row["claim"], row["family"], row["p"] == row["p_holm"]) for row in rows] == [
        ("one", "first", True), ("two", "last", True),
    ]  # fmt: skip
    apart = "Holm's correction is over each family of claims by itself, run or not (first: one; last: two)."
    for form in ("rich", "md"):
        assert apart in " ".join(harness("claims", "--format", form)[1].split())
    assert harness("publish", "--output", "bundle")[0] == 0
    for name in ("index.html", "report.md"):
        text = unescape(Path("bundle", name).read_text())
        assert apart in text and text.index("Claims: first") < text.index("Claims: last")
    Path("own/claims.yaml").unlink()
    assert harness("verify", "bundle")[0] == 0
    Path("bundle/own/claims.yaml").write_text("claims: []\n")
    assert "changed since it was published" in refuses("verify", "bundle")
