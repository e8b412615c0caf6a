"""Verdicts, what is behind a cell, what differs between runs, and which records are stale."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from recorded import edit, record, settle

from harness import standing
from harness.audit.records import against_lock
from harness.claims import simulate
from harness.cli import audit
from harness.cli.audit import audit_records
from harness.cli.explain import stage_of
from harness.cli.tables import build_grids, write_tables
from harness.cli.wiring import code_of
from harness.config import load
from harness.files import parse_yaml, sha256
from harness.layout import epochs, provenance, result, scores, stages


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


def test_a_simulation_renews_its_block_and_nothing_else(recorded, harness, refuses, monkeypatch):
    monkeypatch.setattr(simulate, "DESIGNS", simulate.DESIGNS[:1])
    page = Path("page.md")
    page.write_text("a\n<!-- harness claims --simulate -->\nold\n<!-- /harness claims --simulate -->\nb\n")
    assert harness("claims", "--simulate", "4", "--update", "page.md")[0] == 0
    text = page.read_text()
    assert text.startswith("a\n<!--") and text.endswith("-->\nb\n") and "old" not in text and "| 3 | 25 | 0.0 |" in text
    assert harness("claims", "--simulate", "4")[1] in text
    assert "goes with --simulate or --with" in refuses("claims", "--update", "page.md")
    assert "go with --simulate" in refuses("claims", "--seeds", "4")
    assert "go together" in refuses("claims", "--simulate", "4", "--seeds", "4")
    page.write_text("no marks\n")
    assert "needs one '<!-- harness claims --simulate -->'" in refuses(
        "claims", "--simulate", "4", "--update", "page.md"
    )


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
    _, out, _ = harness("explain", "table3/gaitset/cl/sf/90")
    lines = [line.split(maxsplit=1) for line in out.splitlines()]
    assert [value for key, *value in filter(None, lines) if key == "seed"] == [["0"], ["1"], ["2"]]
    assert lines.count(["params.methods.scf.a", "2"]) == 1  # what all runs share is said once
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


def test_a_run_of_today_is_not_stale_when_today_stands_for_older_code(recorded, monkeypatch, tmp_path):
    """It was made before the change was shown, and holds the digest of its own code."""
    now = sha256(*code_of("cc", "gaitset", True))[:16]
    shown = {"why": "x", "code": {now: "0" * 16}, "shown": {"cpu": {}}}
    (tmp_path / "standing.json").write_text(json.dumps({"changes": [shown]}))
    monkeypatch.setattr(standing, "FILE", tmp_path / "standing.json")
    for cached in (standing._oldest, audit._code):
        cached.cache_clear()
    for seed, code in enumerate((now, "0" * 16, "1" * 16)):
        edit(provenance("smoke", f"cc-gaitset-target-s{seed}"), lambda c, code=code: c["inputs"].update(code=code))
    stale = {line["record"] for line in audit_records(load())}
    for cached in (standing._oldest, audit._code):
        cached.cache_clear()
    assert "cc-gaitset-target-s2" in stale and not stale & {"cc-gaitset-target-s0", "cc-gaitset-target-s1"}


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


def lock(*records: Path, deps: tuple[str, ...] = ()) -> None:
    """dvc.lock as a run leaves it, for these files and folders, each of a stage of its own."""

    def entry(path: Path) -> dict[str, str]:
        if path.is_file():
            return {"path": path.as_posix(), "md5": hashlib.md5(path.read_bytes()).hexdigest()}
        listed = [{"md5": entry(file)["md5"], "relpath": file.name} for file in sorted(path.iterdir())]
        digest = hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest()
        return {"path": path.as_posix(), "md5": f"{digest}.dir"}

    stage = [{"deps": [entry(Path(d)) for d in deps], "outs": [entry(path)]} for path in records]
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {str(i): s for i, s in enumerate(stage)}}))


def test_what_dvc_did_not_write_or_what_is_gone_is_named(recorded):
    """What was edited still fits together: neither tables nor claims could notice."""
    sf, cc = (result("smoke", method, "gaitset", "target", 0) for method in ("sf", "cc"))
    losses = epochs("smoke") / sf.name
    gone = write_tables(load()) / "table3.md"
    folder = gone.parent
    lock(sf, cc, losses, folder)
    assert audit_records(load()) == []
    edit(sf, lambda c: c["conditions"]["NM"]["subjects"].reverse())
    losses.write_text(losses.read_text() + "\n")
    gone.unlink()
    cc.unlink()
    found = {p["record"]: p["problem"].partition(":")[0] for p in audit_records(load())}
    assert found == {
        str(sf): "not what DVC recorded", str(losses): "not what DVC recorded", str(folder): "not what DVC recorded",
        str(cc): "gone",
    }  # fmt: skip


def test_a_folder_has_the_digest_that_dvc_gives_it(root, monkeypatch):
    """The committed lock is DVC's own."""
    monkeypatch.chdir(root)
    known = parse_yaml(Path("dvc.lock").read_text())["stages"]
    assert any(out["md5"].endswith(".dir") for out in known["tables@smoke"]["outs"])
    assert list(against_lock(known, "results/smoke", "nowhere")) == []


def test_a_record_scored_with_other_code_is_named(recorded):
    code = Path("harness/evaluation/evaluate.py")
    code.parent.mkdir(parents=True)
    code.write_text("one = 1\n")
    sf = result("smoke", "sf", "gaitset", "target", 0)
    lock(sf, deps=(code.as_posix(),))
    assert audit_records(load()) == []
    code.write_text("one = 2\n")
    assert audit_records(load()) == [{"record": str(sf), "problem": f"stale: scored with other code: {code}"}]


def test_a_record_of_another_distance_is_named(recorded, suite_tree):
    suite_tree["assumed"]["test-distance"] = "cosine"
    settle(suite_tree)
    problems = {line["problem"] for line in audit_records(load())}
    assert "stale: assumed.test-distance: part-euclidean -> cosine" in problems


def test_a_table_without_cells(empty, refuses, suite_tree):
    suite_tree["suite"]["backbones"] = []
    settle(suite_tree)
    assert "table 'summary' has no cells in suite smoke" in refuses("explain", "summary")


def test_a_broken_dvc_lock_is_one_line(recorded, refuses):
    for text in ("stages: [", "schema: '2.0'\n", "- 1\n", "stages: 3\n", "stages: {a: {outs: [{path: b}]}}\n"):
        Path("dvc.lock").write_text(text)
        assert "dvc.lock: cannot be read" in refuses("audit")


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


def test_every_stage_that_explain_names_is_one(root: Path):
    """Of the whole study, with its controls and sweeps."""
    known = set(parse_yaml((root / stages("walkers")).read_text())["stages"])
    folder = root / "results/walkers"
    runs = {
        run["run_id"]: run for path in (folder / "provenance").glob("*.json") for run in [json.loads(path.read_text())]
    }
    named = set()
    for path in sorted((folder / "scores").glob("*.json")):
        scored = json.loads(path.read_text())
        named.add(stage_of("walkers", runs[scored["run_id"]], path.stem, scored["dataset"]))
    assert {"evaluate", "evaluate-pretrain", "evaluate-controls", "evaluate-sf-variants"} <= {
        n.split("@")[0] for n in named
    }
    assert named <= known, sorted(named - known)[:5]
