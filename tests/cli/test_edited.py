"""After an edit of params.yaml nothing passes old runs off as runs with the new parameters."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml
from recorded import edit, record, settle

from harness.cli.edited import edited
from harness.cli.evidence import cost, evidence_of
from harness.config import load
from harness.layout import provenance


def test_runs_of_the_parameters_as_they_are(recorded):
    assert edited(load()) == ""


@pytest.mark.parametrize(
    ("place", "value", "first"),
    [
        (
            ("methods", "scf", "a"),
            3,
            "6 of 21 runs were made with other parameters than params.yaml has now, such as scf-gaitset-target-s0 "
            "(methods.scf.a: 2, now 3)",
        ),
        (("backbones", "gaitset", "embedding"), 16, "21 of 21 runs"),
        (("backbones", "gaitset", "embedding"), 16, "cc-gaitset-target-s0 (backbones.gaitset.embedding: 32, now 16)"),
        (("compute", "precision"), "bf16", "(compute.precision: fp32, now bf16)"),
        (("overrides", "target"), {"methods": {"cc": {"tau": 0.5}}}, "(methods.cc.tau: 0.05, now 0.5)"),
    ],
)
def test_after_an_edit_every_command_says_so(recorded, suite_tree, harness, place, value, first):
    *folders, last = place
    at = suite_tree
    for name in folders:
        at = at[name]
    at[last] = value
    settle(suite_tree)
    assert first in edited(load())
    code, out, err = harness("tables", "--table", "8", "--format", "json")
    assert code == 0 and f"warning: {edited(load())}" in err and json.loads(out)
    assert edited(load()) in harness("tables", "--table", "8", "--format", "md")[1]


def test_where_frames_lie_and_who_looks_for_neighbours_is_no_edit(recorded, suite_tree):
    suite_tree["compute"] |= {"store": "host", "knn": "exact", "device": "cpu"}
    settle(suite_tree)
    assert edited(load()) == ""


def test_verdicts_say_it_too(recorded, suite_tree, harness):
    suite_tree["methods"]["cc"]["n"] = 7
    settle(suite_tree)
    assert "(methods.cc.n: 15, now 7)" in harness("claims", "--claim", "sf-cc-cl")[2]


def test_a_run_counts_as_the_variant_that_it_was(recorded, suite_tree):
    """Table 8's row "a = 2" is of runs with a = 2, whatever params.yaml says by now."""
    suite_tree["methods"]["scf"]["a"] = 3
    settle(suite_tree)
    labels = {r.variant for r in evidence_of(load()).records if r.method == "sf"}
    assert "a=2" in labels and "a=3" not in labels


def test_a_variant_is_held_against_its_own_parameters(recorded, suite_tree):
    record("sf", 0, "a-4")
    assert edited(load()) == ""
    suite_tree["variants"]["a-4"]["changes"]["methods"]["scf"]["a"] = 5
    settle(suite_tree)
    assert "1 of 22 runs" in edited(load()) and "sf-gaitset-target-s0-a-4 (methods.scf.a: 4, now 5)" in edited(load())


def test_the_cost_is_that_of_the_suites_own_runs(recorded, suite_tree):
    """Another preset's runs lie in the same folder."""
    assert "21 training runs, 21.0 minutes" in cost(load())
    edit(provenance("smoke", "sf-gaitset-target-s2"), lambda run: run.update(seconds=6000.0))
    suite_tree["suite"]["seeds"] = [0, 1]
    settle(suite_tree)
    assert "14 training runs, 14.0 minutes" in cost(load())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: tree["assumed"].update({"test-distance": "cosine"}), "21 score file(s) are of other settings"),
        (lambda tree: tree["walkers"]["target"]["subjects"].update(test=99), "The data set target was rendered with "
         "other settings than params.yaml has now (walkers.target.subjects.test: 20, now 99)"),
    ],
    ids=["distance", "people"],
)  # fmt: skip
def test_what_is_not_of_training(recorded, suite_tree, harness, change, said):
    stage = {"params": {"params.yaml": {"walkers.target": copy.deepcopy(suite_tree["walkers"]["target"])}}}
    lock = {"schema": "2.0", "stages": {"data@smoke-target": stage}}
    Path("dvc.lock").write_text("schema: '2.0'\n" + yaml.safe_dump({"stages": lock["stages"]}))
    assert edited(load()) == ""
    change(suite_tree)
    settle(suite_tree)
    assert said in edited(load())
    assert "stale: " in harness("audit")[1]


def test_scores_of_a_run_that_is_not_known(recorded):
    """As after Ctrl-C between training and scoring: the provenance is the new run's, the scores are the old one's."""
    edit(provenance("smoke", "cc-gaitset-target-s0"), lambda run: run.update(run_id="f" * 16))
    said = edited(load())
    assert said.startswith("1 score file(s) are of runs whose provenance is not here, such as cc-gaitset-target-s0: ")
