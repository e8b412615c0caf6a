"""The pipeline on real data sets in miniature: what is there runs, what is not is skipped, and DVC stays clean."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import raw_sets
import yaml

from harness.files import sha256
from harness.presets import compose
from harness.testing.workspace import Pipeline

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("archives-pipeline")]


@pytest.fixture(scope="module")
def workspace(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """CASIA-B is there as a zip; Outdoor-Gait and OU-MVLP, the source, are missing."""
    return computed_on_casia_b(root, tmp_path_factory, "oumvlp")


@pytest.fixture(scope="module")
def adapted(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The same with walkers as the source; only the view classifier's OU-MVLP and Outdoor-Gait are missing."""
    return computed_on_casia_b(root, tmp_path_factory, "source")


def computed_on_casia_b(root: Path, tmp_path_factory: pytest.TempPathFactory, source: str) -> Pipeline:
    tree = yaml.safe_load(compose("tiny", root / "conf"))
    folder = tmp_path_factory.mktemp("archives")
    top = raw_sets.casia_b(tmp_path_factory.mktemp("raw"), subjects=(1, 2, 3, 4, 5, 75, 76, 77))
    raw = raw_sets.pack(top, top.parent / "GaitDatasetB-silh.zip")
    sources = {"pretraining": source, "views": "oumvlp", "scratch": []}
    tree["suite"] |= {"datasets": ["casia-b", "outdoor-gait"], **sources}
    tree["archives"]["casia-b"]["raw"] = str(raw)
    made = Pipeline(root, folder, tree)
    made.first = made.harness("run", "tiny")
    return made


def scores(workspace: Pipeline) -> set[str]:
    return {path.name for path in (workspace.folder / "results/tiny/scores").glob("*.json")}


@contextmanager
def changed(workspace: Pipeline, edit: Any) -> Iterator[None]:
    """Other parameters for a while; afterwards everything is as the first run left it, also what DVC took away."""
    before = yaml.safe_load((workspace.folder / "params.yaml").read_text())
    tree = copy.deepcopy(before)
    edit(tree)
    workspace.write(tree)
    try:
        yield
    finally:
        workspace.write(before)
        workspace.harness("run", "tiny")


def test_what_is_there_runs_and_what_is_not_is_named(workspace: Pipeline) -> None:
    said = workspace.first
    assert "Outdoor-Gait is not here: its stages are skipped" in said
    assert "OU-MVLP is not here: what starts from pre-trained weights is skipped" in said
    assert scores(workspace) == {"upper-gaitset-casia-b-s0.json"}
    table = (workspace.folder / "results/tiny/tables/table6.md").read_text()
    assert "—" in table
    summary = (workspace.folder / "results/tiny/tables/summary.md").read_text()
    assert "Real data: casia-b" in summary and "rendered people" not in summary


@pytest.mark.long
def test_all_but_those_that_ask_for_views_adapt_to_it(adapted: Pipeline) -> None:
    assert "OU-MVLP is not here: SSF and SF are skipped" in adapted.first
    assert scores(adapted) == {f"{m}-gaitset-casia-b-s0.json" for m in ("cc", "pretrain", "scf", "upper")}
    summary = (adapted.folder / "results/tiny/tables/summary.md").read_text()
    assert "Real data: casia-b" in summary and "Pre-trained on source (walkers)" in summary
    assert "rendered people" not in summary


def test_again_nothing_is_computed_by_harness_or_by_dvc_alone(workspace: Pipeline) -> None:
    assert "all up to date" in workspace.harness("run", "tiny")
    assert "Data and pipelines are up to date" in workspace.dvc("repro")
    assert json.loads(workspace.dvc("status", "--json")) == {}


def test_real_silhouettes_never_enter_dvcs_cache(workspace: Pipeline) -> None:
    frames = workspace.folder / "data/tiny/casia-b/frames.npy"
    cached = [path for path in (workspace.folder / ".dvc/cache").rglob("*") if path.is_file()]
    assert cached and frames.stat().st_size not in {path.stat().st_size for path in cached}


def test_a_plan_out_of_step_is_never_passed_over(workspace: Pipeline) -> None:
    with changed(workspace, lambda tree: tree["archives"]["outdoor-gait"].update(raw="OutdoorGait.zip")):
        done = workspace.call("dvc", "repro")
        assert done.returncode != 0 and "harness suite refresh" in done.stdout + done.stderr


@pytest.mark.long
def test_weights_from_a_file_where_the_source_is_missing(adapted: Pipeline) -> None:
    workspace = adapted
    given = workspace.folder / "given.pt"
    shutil.copy(workspace.folder / "runs/tiny/pretrain-gaitset-source-s0/checkpoint.pt", given)

    def edit(tree: dict[str, Any]) -> None:
        tree["suite"]["pretraining"] = "oumvlp"
        tree["checkpoints"]["gaitset"] = str(given)

    with changed(workspace, edit):
        assert "plan renewed" in workspace.harness("suite", "refresh")
        stages = ("import@tiny-gaitset-0", "evaluate-pretrain@tiny-gaitset-casia-b-0")
        workspace.dvc("repro", *stages)
        assert (workspace.folder / "runs/tiny/pretrain-gaitset-oumvlp-s0/checkpoint.pt").is_file()
        assert "up to date" in workspace.dvc("repro", *stages)
        workspace.harness("track", "sync")
        problems = json.loads(workspace.harness("audit", "--json"))["records"]
        assert not [problem for problem in problems if "pretrain-gaitset-oumvlp" in problem["record"]]
        cell = json.loads(workspace.harness("explain", "table3/gaitset/nm/pretrain/mean", "--json"))
        assert cell["runs"][0]["imported"] == sha256(given) and cell["runs"][0]["data"] is None
        workspace.harness("report", "--markdown", "--output", "report.md")
        assert sha256(given) in (workspace.folder / "report.md").read_text()
        workspace.harness("publish", "--output", "bundle")
        assert "is whole" in workspace.harness("verify", "bundle")
        done = workspace.call("harness.cli.app", "verify", "pretrain-gaitset-oumvlp-s0")
        assert done.returncode == 2 and "no training to repeat" in done.stderr


@pytest.mark.long
def test_pre_training_on_an_archive_and_adapting_to_walkers_and_to_another_archive(root: Path, tmp_path: Path) -> None:
    """Mixed sources, by parameters alone: the backbone learns on OU-MVLP, the view classifier on walkers."""
    tree = yaml.safe_load(compose("tiny", root / "conf"))
    tree["suite"] |= {"pretraining": "oumvlp", "datasets": ["target", "casia-b"], "scratch": []}
    tree["suite"]["variants"] = {"cc": [], "sf": []}
    for name, top in (
        ("oumvlp", raw_sets.oumvlp(tmp_path / "raw", subjects=range(1, 9))),
        ("casia-b", raw_sets.casia_b(tmp_path / "raw", subjects=(1, 2, 3, 4, 5, 75, 76, 77))),
    ):
        tree["archives"][name]["raw"] = str(raw_sets.pack(top, tmp_path / f"{name}.tar"))
    (tmp_path / "workspace").mkdir()
    workspace = Pipeline(root, tmp_path / "workspace", tree)
    said = workspace.harness("run", "tiny", "--only", "pretrain", "--only", "ssf", "--only", "sf")
    assert "is not here" not in said
    methods = ("pretrain", "ssf", "sf")  # the others adapt to an archive in the fixture
    assert scores(workspace) == {f"{m}-gaitset-{d}-s0.json" for m in methods for d in ("target", "casia-b")}
    assert (workspace.folder / "runs/tiny/pretrain-gaitset-oumvlp-s0/checkpoint.pt").is_file()
    assert "Real data: casia-b." in (summary := workspace.harness("tables", "--table", "summary", "--format", "md"))
    assert "Pre-trained on oumvlp. The view classifier learned on source" in summary
