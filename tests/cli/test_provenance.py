"""Verdicts, what is behind a cell, what differs between runs, and which records are stale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recorded import edit, record, settle

from harness.cli.audit import audit_records
from harness.cli.tables import build_grids
from harness.config import load
from harness.layout import provenance, result, scores


def test_verdicts_from_the_command_line(recorded, harness):
    rows = {row["claim"]: row for row in json.loads(harness("claims", "--json")[1])}
    assert len(rows) >= 35
    best = rows["sf-cc-cl"]
    assert best["verdict"] == "supported" and best["seeds"] == 3 and best["people"] == 12 and best["p_holm"] < 0.05
    assert rows["below-upper"]["verdict"] == "refuted"  # empty SF is made to beat Upper
    assert rows["gaitgl-sf-cc-cl"]["verdict"] == "not run" and rows["a-2-best"]["verdict"] == "not run"
    assert harness("claims", "--json")[1] == harness("claims", "--json")[1]
    _, out, _ = harness("claims", "--claim", "sf-cc-cl")
    assert "supported" in out and "sf-cc-nm" not in out
    assert "| sf-cc-cl | supported |" in harness("claims", "--format", "md")[1]


def test_a_variant_fills_its_row_and_the_main_run_its_own(recorded, harness):
    for seed in (0, 1, 2):
        record("sf", seed, "a-3", rate=0.4)
    cells = {k: c for g in build_grids(load(), ["8", "6"]) for k, c in g.cells()}
    assert cells["table8/ours-a-3/cl"].mean == pytest.approx(40, abs=3)
    assert cells["table8/ours-a-2/cl"].ours == cells["table6/sf/casia-bn-cl"].ours
    assert cells["table8/ours-a-4/cl"].ours == ()
    explained = json.loads(harness("explain", "table8/ours-a-3/cl", "--json")[1])
    assert explained["runs"][0]["params"]["methods.scf"]["a"] == 3
    assert explained["runs"][0]["again"] == "dvc repro --force evaluate-sf-variants@smoke-gaitset-target-0-a-3"


def test_explain_tells_all_that_is_behind_a_cell(recorded, harness):
    told = json.loads(harness("explain", "table3/gaitset/cl/sf/90", "--json")[1])
    assert [run["seed"] for run in told["runs"]] == [0, 1, 2] and told["paper"] == "41.2"
    run = told["runs"][1]
    wanted = {"run_id", "seed", "commit", "params", "data", "lock", "environment", "command", "mlflow", "again"}
    assert wanted <= run.keys()
    assert run["again"] == "dvc repro --force evaluate@smoke-gaitset-target-1-sf"
    assert run["data"] == "ab" * 32 and run["params"]["methods.scf"]["a"] == 2
    _, out, _ = harness("explain", "table3/gaitgl/cl/sf/90")
    assert "does not run GaitGL" in out


def test_diff_shows_inputs_and_results(recorded, harness):
    told = {
        row["what"]: row
        for row in json.loads(harness("diff", "cc-gaitset-target-s0", "sf-gaitset-target-s0", "--json")[1])
    }
    assert told["inputs.method"]["first"] == "cc" and told["inputs.method"]["second"] == "sf"
    assert told["inputs.params.methods.scf.a"]["first"] is None and told["inputs.params.methods.scf.a"]["second"] == 2
    assert "result.target.rank1_CL" in told and "inputs.seed" not in told and "inputs.params.methods.cc.n" not in told
    assert harness("diff", "cc-gaitset-target-s0", "cc-gaitset-target-s0", "--json")[1].strip() == "[]"


def test_fresh_records_pass_the_audit(recorded, harness):
    assert audit_records(load()) == []
    assert harness("audit", "--strict")[0] == 0


@pytest.mark.parametrize(
    ("section", "key", "value", "stale"),
    [
        ("scf", "a", 3, {"scf", "sf"}),
        ("cc", "tau", 0.1, {"cc", "ssf", "scf", "sf"}),
        ("upper", "margin", 0.4, {"upper"}),
    ],
)
def test_a_changed_parameter_makes_its_records_stale(recorded, refuses, suite_tree, section, key, value, stale):
    suite_tree["methods"][section][key] = value
    settle(suite_tree)
    named = {line["record"]: line["problem"] for line in audit_records(load())}
    assert set(named) == {f"{method}-gaitset-target-s{seed}" for method in stale for seed in (0, 1, 2)}
    assert all(f"{section}.{key}" in problem for problem in named.values())
    assert "stale" in refuses("audit", "--strict")


def test_changed_code_lock_parents_and_data_are_named(recorded):
    edit(provenance("smoke", "sf-gaitset-target-s0"), lambda c: c["inputs"].update(code="0" * 16))
    edit(provenance("smoke", "cc-gaitset-target-s1"), lambda c: c["inputs"].update(lock="0" * 16))
    edit(provenance("smoke", "ssf-gaitset-target-s2"), lambda c: c["inputs"].update(parent="other"))
    edit(result("smoke", "upper", "gaitset", "target", 0), lambda c: c.update(store="cd" * 32))
    edit(result("smoke", "gaitssb", "gaitset", "target", 0), lambda c: c.update(run_id="nobody"))
    problems = {Path(line["record"]).stem: line["problem"] for line in audit_records(load())}
    assert "code" in problems["sf-gaitset-target-s0"] and "lock" in problems["cc-gaitset-target-s1"]
    assert "parent" in problems["ssf-gaitset-target-s2"]
    assert "other data" in problems["upper-gaitset-target-s0"]
    assert "no provenance of run nobody" in problems["gaitssb-gaitset-target-s0"]
    assert len(problems) == 5


def test_figures_from_records_are_byte_identical(recorded, harness):
    names = ("figure5", "polar", "epochs", "cost")
    wanted = [word for name in names for word in ("--figure", name)]
    for folder in ("one", "two"):
        assert harness("figures", *wanted, "--output", folder)[0] == 0
    files = sorted(p.name for p in Path("one").iterdir())
    assert files == sorted(f"{name}.{kind}" for name in names for kind in ("png", "svg"))
    for name in files:
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes(), name


def test_nothing_is_left_but_what_was_asked_for(recorded, harness):
    before = {p for p in Path().rglob("*") if p.is_file()}
    for words in (("claims",), ("audit",), ("tables",), ("explain", "table6/sf/grew"), ("tables", "--why")):
        assert harness(*words)[0] == 0
    assert {p for p in Path().rglob("*") if p.is_file()} == before
    assert scores("smoke").is_dir()
