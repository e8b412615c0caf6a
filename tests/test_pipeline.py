"""The whole pipeline on a tiny split, in a folder without git: data, seven methods, scores, tables, MLflow."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
import yaml

from harness.files import sha256
from harness.testing.workspace import Pipeline, Workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]


@pytest.fixture
def workspace(computed: Pipeline) -> Pipeline:
    return computed


def test_one_worker_computes_for_all_tests_of_the_group(request: pytest.FixtureRequest) -> None:
    """pytest-xdist writes the group into the name; a pytest that does not read it there computes twice, silently."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("only workers that were started with --dist loadgroup have groups")
    assert request.node.nodeid.endswith("@pipeline")


def test_prints_every_method_and_writes_its_files(workspace: Pipeline) -> None:
    printed = workspace.first
    for name in ("Pretrain", "GaitSSB*", "Base (CC)", "Base + SSF", "Base + SCF", "Ours (SF)", "Upper"):
        assert name in printed
    assert "not those data sets" in printed
    scores = sorted(p.name for p in (workspace.folder / "results/tiny/scores").glob("*.json"))
    methods = ("cc", "gaitssb", "pretrain", "scf", "sf", "ssf", "upper")
    assert scores == sorted([*(f"{m}-gaitset-target-s0.json" for m in methods), "sf-gaitset-target-s0-a-3.json"])
    tables = {p.name for p in (workspace.folder / "results/tiny/tables").iterdir()}
    assert {"summary.md", "table3.md", "table6.csv", "table7.md", "table10.csv"} <= tables
    for path in (workspace.folder / "results/tiny/scores").glob("*.json"):
        conditions = json.loads(path.read_text())["conditions"]
        assert set(conditions) == {"NM", "BG", "CL"} and len(conditions["NM"]["subjects"]) == 4


def test_again_nothing_is_recomputed(workspace: Pipeline) -> None:
    before = sha256(*sorted((workspace.folder / "runs").rglob("checkpoint.pt")))
    began = time.monotonic()
    printed = workspace.harness("run", "tiny")
    assert "all up to date" in printed
    assert "nothing new to send" in printed or " 0 run(s) sent" in printed
    assert time.monotonic() - began < 60  # 20 s on an idle machine
    assert sha256(*sorted((workspace.folder / "runs").rglob("checkpoint.pt"))) == before


def test_recomputed_scores_are_byte_identical(workspace: Pipeline) -> None:
    score = workspace.folder / "results/tiny/scores/scf-gaitset-target-s0.json"
    checkpoint = workspace.folder / "runs/tiny/scf-gaitset-target-s0/checkpoint.pt"
    before = (score.read_bytes(), checkpoint.read_bytes())
    for stage in ("scf@tiny-gaitset-target-0", "evaluate@tiny-gaitset-target-0-scf"):
        workspace.dvc("repro", "--force", "--single-item", stage)
    assert (score.read_bytes(), checkpoint.read_bytes()) == before


SF = {"sf@tiny-gaitset-target-0", "sf-variants@tiny-gaitset-target-0-a-3"}
FUSED = SF | {f"{method}@tiny-gaitset-target-0" for method in ("ssf", "scf")}
TABLES = {"tables@tiny"}  # their headline names the backbone and the length of training


@pytest.mark.parametrize(
    ("section", "key", "value", "direct"),
    [
        ("scf", "a", 3, SF | {"scf@tiny-gaitset-target-0"}),
        ("ssf", "s_o", 0.6, SF | {"ssf@tiny-gaitset-target-0"}),
        ("fusion", "s_up", 0.2, FUSED),
        ("cc", "tau", 0.1, FUSED | {"cc@tiny-gaitset-target-0"}),
        ("upper", "margin", 0.3, {"upper@tiny-gaitset-target-0"}),
        ("gaitssb", "scale", 8.0, {"gaitssb@tiny-gaitset-target-0-gaitssb"}),
        ("pretrain", "margin", 0.3, {"pretrain@tiny-gaitset-0"}),
        ("view_classifier", "cloth_probability", 0.1, {"view-classifier@tiny-0"}),
    ],
)
def test_a_method_parameter_touches_its_method_only(
    workspace: Pipeline, section: str, key: str, value: float, direct: set[str]
) -> None:
    """What descends from these runs again when their weights have changed, which DVC sees then."""
    tree = yaml.safe_load((workspace.folder / "params.yaml").read_text())
    changed = yaml.safe_load(yaml.safe_dump(tree))
    changed["methods"][section][key] = value
    try:
        workspace.write(changed)
        stale = json.loads(workspace.dvc("status", "--json"))
    finally:
        workspace.write(tree)
    assert set(stale) == direct | TABLES


def test_a_variant_starts_from_the_main_runs_and_fills_its_row(workspace: Pipeline) -> None:
    """a = 3 changes what is trained; its parents are those of the run that it varies, and Table 8 shows both."""
    about = [
        json.loads((workspace.folder / f"results/tiny/provenance/sf-gaitset-target-s0{end}.json").read_text())
        for end in ("", "-a-3")
    ]
    main, variant = (run["inputs"] for run in about)
    assert about[0]["run_id"] != about[1]["run_id"]
    assert main["parent"] == variant["parent"] and main["view_classifier"] == variant["view_classifier"]
    assert (main["params"]["methods.scf"]["a"], variant["params"]["methods.scf"]["a"]) == (2, 3)
    (table,) = json.loads(workspace.harness("tables", "--table", "8", "--format", "json"))
    filled = {cell["key"]: len(cell["ours"]) for cell in table["cells"] if cell["key"].endswith("/cl")}
    assert filled == {"table8/ours-a-4/cl": 0, "table8/ours-a-3/cl": 1, "table8/ours-a-2/cl": 1}
    assert ": 0 with a problem" in workspace.harness("audit")


def figures(workspace: Pipeline, folder: str) -> dict[str, bytes]:
    assert "not drawn" not in workspace.harness("figures", "--output", folder)
    return {path.name: path.read_bytes() for path in (workspace.folder / folder).iterdir()}


def test_every_figure_is_drawn(workspace: Pipeline) -> None:
    """Figures 3, 6 and 7 come from the store and the trained networks, the others from records."""
    names = {"figure3", "figure5", "figure6", "figure7", "epochs", "cost", "polar"}
    made = figures(workspace, "figures-1")
    assert {f"{name}.{kind}" for name in names for kind in ("png", "svg")} <= made.keys()


@pytest.mark.long
def test_every_figure_is_drawn_twice_alike(workspace: Pipeline) -> None:
    one, other = (figures(workspace, folder) for folder in ("figures-2", "figures-3"))
    assert one == other


def test_what_the_view_classifier_says_is_what_ssf_heard(workspace: Pipeline) -> None:
    (told,) = json.loads(workspace.harness("views", "--json"))
    ssf = json.loads((workspace.folder / "results/tiny/epochs/ssf-gaitset-target-s0.json").read_text())["epochs"][0]
    assert told["seed"] == 0 and told["called"] == ssf["ssf_front_back"] and len(told["views"]) == 11
    printed = workspace.harness("views")
    assert "180 (front or back)" in printed and f"{100 * told['recall']:.1f} %" in printed


def test_dvc_shows_metrics_and_plots(workspace: Pipeline) -> None:
    metrics = json.loads(workspace.dvc("metrics", "show", "--json"))
    (files,) = (entry["data"] for entry in metrics.values())
    assert files.keys() == {"results/tiny/means.json"}
    shown = files["results/tiny/means.json"]["data"]["gaitset"]["target"]
    score = json.loads((workspace.folder / "results/tiny/scores/sf-gaitset-target-s0.json").read_text())
    assert shown["sf"] == {**{k: pytest.approx(v, abs=1e-4) for k, v in score["metrics"].items()}, "seeds": 1}
    workspace.dvc("plots", "show", "--out", "plots")
    assert "results/tiny/epochs/sf-gaitset-target-s0.json" in (workspace.folder / "plots/index.html").read_text()


def test_a_failed_stage_is_named_and_the_others_go_on(workspace: Pipeline, tmp_path: Path) -> None:
    copy = Workspace.at(shutil.copytree(workspace.folder, tmp_path / "project"))  # DVC takes away what it would replace
    tree = yaml.safe_load((copy.folder / "params.yaml").read_text())
    tree["methods"]["upper"]["training"]["subjects"] = 99
    copy.write(tree)
    done = copy.call("harness.cli.app", "run", "tiny")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "failed: upper@tiny-gaitset-target-0" in done.stderr and "a batch needs 99 subjects" in done.stderr
    assert "Ours (SF)" in done.stdout


def test_somebody_else_at_work_is_named(workspace: Pipeline) -> None:
    lock = workspace.folder / ".dvc/tmp/rwlock"
    path = workspace.folder / "runs/tiny/cc-gaitset-target-s0/checkpoint.pt"
    lock.write_text(json.dumps({"write": {str(path): {"pid": os.getpid(), "cmd": "somebody"}}, "read": {}}))
    try:
        done = workspace.call("harness.cli.app", "run", "tiny")
    finally:
        lock.unlink()
    assert done.returncode == 2 and "another `harness run` or dvc is at work here" in done.stderr
    assert f"PID {os.getpid()}" in done.stderr and "manually remove" not in done.stderr
