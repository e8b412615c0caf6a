"""The audit finds the paper's slips by itself: all that people found, and each that is planted."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from harness.audit.paper import audit_paper
from harness.published import TABLES, published, slips, text


@pytest.fixture(scope="module")
def tables():
    return {table: published(table) for table in TABLES}


def found(tables=None, said=None):
    return {f.key: f for f in audit_paper(tables, said)}


def test_what_people_found_the_audit_finds_and_nothing_else():
    assert set(found()) == {slip["key"] for slip in slips()}


def test_the_three_slips_by_their_numbers():
    findings = found()
    mean = findings["mean-gaitset-bg-pretrain"]
    assert (mean.printed, mean.computed) == ("49.2", "49.37")
    gains = findings["outdoor-gait-gains"]
    assert "NM + 4.3" in gains.printed and "NM + 5.2" in gains.computed and "BG + 7.2" in gains.computed
    assert "(Tables 4 and 6)" in gains.computed
    assert "4.3 is what scf gains on NM" in gains.computed  # where the slip came from
    milestone = findings["milestones"]
    assert milestone.printed == "8500 steps" and "7500 steps" in milestone.computed
    assert "casia-bn and outdoor-gait" in milestone.where and "grew" not in milestone.where


def test_a_condition_that_no_table_has_is_named_with_the_one_that_is_meant(tables):
    finding = found()["condition-gl"]
    assert (finding.printed, finding.computed) == ("GL + 17.2", "CL gains that, and no table has GL")
    said = copy.deepcopy(text())
    said["gains"][1]["printed"] = {"GL": 17.3}
    assert found(said=said)["condition-gl"].computed == "none gains that, and no table has GL"


def changed(tables, table, value, **place):
    """The tables with one number changed."""
    out = dict(tables)
    hits = [p for p in tables[table] if all(getattr(p, k) == v for k, v in place.items())]
    assert len(hits) == 1
    out[table] = [replace(p, value=value) if p is hits[0] else p for p in tables[table]]
    return out


def test_a_planted_mean_is_found(tables):
    place = {"backbone": "gaitgl", "method": "cc", "condition": "CL", "view": "mean"}
    finding = found(changed(tables, 3, "48.6", **place))["mean-gaitgl-cl-cc"]
    assert finding.printed == "48.6" and finding.computed == "48.45"


def test_a_planted_disagreement_of_two_tables_is_found(tables):
    bad = changed(tables, 10, "40.9", method="sf", condition="CL")
    findings = [f for key, f in found(bad).items() if key.startswith("repeat-3-10")]
    assert len(findings) == 1 and findings[0].printed == "40.8 and 40.9"


def test_planted_words_are_found():
    said = copy.deepcopy(text())
    said["gains"][0]["printed"]["CL"] = 9.8
    said["schedules"]["grew"]["milestones"] = [3500, 100000]
    said["heads"][3][1] = 20
    said["citations"][1]["cites"] = 5
    findings = found(said=said)
    assert "CL + 9.8" in findings["casia-bn-gains"].printed and "CL + 9.7" in findings["casia-bn-gains"].computed
    assert "20 degrees" in findings["column-18"].printed
    assert findings["citation-table-4"].printed == "Table 5"
    assert [f.where for f in audit_paper(said=said) if "100000" in f.printed] == ["Table 2, milestones on grew"]


def test_mended_words_are_not_reported():
    said = copy.deepcopy(text())
    said["gains"][4]["printed"] = {"NM": 5.2, "BG": 7.2, "CL": 9.0}
    for table in (3, 7):
        said["heads"][table][8] = 144
    for schedule in said["schedules"].values():
        schedule["milestones"] = [3500]
    said["gains"][1]["printed"] = {"BG": 1.1, "CL": 17.2}
    said["senses"] = [{**sense, "says": sense["of"]} for sense in said["senses"]]
    said["at_views"][0]["conditions"] = ["CL"]
    said["citations"] = [c for c in said["citations"] if (c["where"], c["cites"]) != ("section 4.4.1", 7)]
    assert set(found(said=said)) == {"mean-gaitset-bg-pretrain", "citation-table-10"}
