"""Pseudo-labels against the truth, first epoch to last, and what of it stands beside a claim that fails."""

from __future__ import annotations

from typing import Any

from harness.report.diagnosis import HEADS, notes, table

RUNS = {
    "cc": [[{"clusters": 10, "purity": 0.5}, {"clusters": 20, "purity": 0.75}]],
    "sf": [
        [{"clusters": 30, "support_same": 0.1, "clothes_joined": 0.4}, {"clusters": 40, "support_same": 0.2}],
        [{"clusters": 32, "support_same": 0.3}, {"clusters": 44, "support_same": 0.4}],
    ],
    "upper": [[{"loss": 1.0}]],
}


def test_first_and_last_epoch_are_means_over_seeds():
    rows = {row[0]: dict(zip(HEADS, row, strict=True)) for row in table(RUNS)}
    assert set(rows) == {"cc", "sf"}  # what does not cluster has no row
    assert rows["sf"]["clusters"] == "31 → 42" and rows["cc"]["purity"] == "50 → 75 %"
    assert rows["sf"]["support-set partners that are the same person"] == "20 → 30 %"
    assert rows["cc"]["outliers"] == "—"


def claim(verdict: str, methods: list[str], backbone="gaitset", name="x", p: float | None = 0.5) -> dict[str, Any]:
    about = {"claim": name, "verdict": verdict, "methods": methods, "p": p}
    return {**about, "dataset": "casia-bn", "backbone": backbone}


def test_only_claims_that_were_tested_and_not_supported_have_notes():
    runs = {("casia-bn", "gaitset"): RUNS}
    ((name, text),) = notes([claim("undecided", ["sf", "cc"])], runs)
    assert name == "x (undecided)"
    assert "sf: support-set partners that are the same person 20 → 30 %" in text and "cc: purity 50 → 75 %" in text
    others = [claim("supported", ["sf"]), claim("not run", ["sf"], p=None), claim("refuted", ["upper"])]
    assert notes(others, runs) == []
    assert notes([claim("refuted", ["sf"], backbone="gaitgl")], runs) == []
    assert notes([claim("undecided", ["sf"], p=None)], runs) == []  # too few seeds: nothing failed


def test_claims_about_the_same_methods_share_a_note():
    runs = {("casia-bn", "gaitset"): RUNS}
    ((names, _),) = notes([claim("undecided", ["sf"], name="a"), claim("refuted", ["sf"], name="b")], runs)
    assert names == "a (undecided), b (refuted)"
