"""Records that are at odds with each other or with the suite, and other mistakes: one line each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from recorded import edit, settle

from harness.layout import result

EVERY = (("tables", "--table", "6"), ("claims",))


@pytest.mark.parametrize("words", EVERY)
def test_an_unknown_method(recorded, refuses, words):
    edit(result("smoke", "sf", "gaitset", "target", 0), lambda c: c.update(method="sff"))
    line = refuses(*words)
    assert "scores/sf-gaitset-target-s0.json: unknown method 'sff'; did you mean 'sf'?" in line


def test_an_empty_suite(empty, harness, refuses):
    code, out, _ = harness("tables", "--table", "3", "--brief")
    assert code == 0 and "—" in out and "40.8" in out
    code, out, _ = harness("claims", "--json")
    rows = json.loads(out)
    assert code == 0 and {row["verdict"] for row in rows} == {"not run"}
    papers = sum(row["table"] != "controls" for row in rows)
    assert (
        harness("figures", "--figure", "polar", "--figure", "epochs", "--figure", "cost", "--figure", "figure5")[0] == 0
    )
    assert harness("report")[0] == 0 and f"{papers} are not run" in Path("report/index.html").read_text()
    assert harness("audit")[0] == 0
    assert "no result to publish yet" in refuses("publish", "--output", "bundle") and not Path("bundle").exists()


def test_a_suite_without_data_sets_or_backbones(empty, harness, refuses, suite_tree):
    suite_tree["suite"] |= {"datasets": [], "backbones": []}
    settle(suite_tree)
    assert harness("tables")[0] == 0 and harness("claims")[0] == 0
    assert "no data set or no backbone" in refuses("figures", "--figure", "polar")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("tables", "--table", "11"), "no table 11"),
        (("claims", "--claim", "sf-cc-cll"), "no claim 'sf-cc-cll'; did you mean 'sf-cc-cl'?"),
        (("claims", "--claims", "none.yaml"), "none.yaml: no such file"),
        (("figures", "--figure", "figure4"), "no figure 'figure4'; did you mean 'figure"),
        (("figures", "--figure", "4"), "no figure 'figure4'; did you mean 'figure"),
        (("figures", "--figure", "figure6"), "figure6 cannot be drawn: data/smoke/target: no store"),
        (("explain", "table3/gaitset/cl/sg/90"), "did you mean 'table3/gaitset/cl/sf/90'?"),
        (("explain", "table12/x"), "no table 'table12'; did you mean 'table"),
        (("explain", "table3"), "for example table3/gaitset/nm/upper/0"),
        (("diff", "cc-gaitset-target-s0", "sf-gaitset-targit-s0"), "did you mean 'sf-gaitset-target-s"),
        (("verify", "nowhere"), "nowhere.json: no such run"),
    ],
)
def test_mistakes(recorded, refuses, words, expected):
    assert expected in refuses(*words)


@pytest.mark.parametrize("every", ["soon", "nan", "inf", "-1"])
def test_an_interval_of_states_that_is_no_number(recorded, refuses, monkeypatch, every):
    monkeypatch.setenv("HARNESS_CHECKPOINT_SECONDS", every)
    assert f"HARNESS_CHECKPOINT_SECONDS: '{every}' is no number" in refuses("train", "cc")


def test_a_claim_that_names_a_missing_table(recorded, refuses):
    part = {"gain": ["sf", "cc"], "under": ["CL"], "above": 0}
    about = {"key": "mine", "says": "", "where": "", "table": 12, "dataset": "casia-bn", "backbone": "gaitset"}
    Path("mine.yaml").write_text(yaml.safe_dump({"claims": [{**about, "parts": [part]}]}))
    assert "mine.yaml: claim 'mine': names Table 12" in refuses("claims", "--claims", "mine.yaml")


@pytest.mark.parametrize(
    ("gain", "dataset", "expected"),
    [
        (["sff", "cc"], "casia-bn", "unknown method 'sff'; did you mean 'sf'?"),
        (["sf", "cd n=3"], "casia-bn", "unknown method 'cd'; did you mean 'cc'?"),
        (["sf", "cc"], "grew", "grew is scored for all, not for CL"),
    ],
)
def test_a_claim_about_what_cannot_be_there(recorded, refuses, gain, dataset, expected):
    """Not the same as one whose runs are missing."""
    part = {"gain": gain, "under": ["CL"], "above": 0}
    about = {"key": "mine", "says": "", "where": "", "table": 6, "dataset": dataset, "backbone": "gaitset"}
    Path("mine.yaml").write_text(yaml.safe_dump({"claims": [{**about, "parts": [part]}]}))
    assert f"mine.yaml: claim 'mine': {expected}" in refuses("claims", "--claims", "mine.yaml")
