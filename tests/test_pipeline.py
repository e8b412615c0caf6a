"""The whole pipeline on a tiny split, in a folder without git: data, seven methods, scores, tables, MLflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from harness.files import sha256

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]


def _tiny(tree: dict) -> dict:
    """The smoke suite at the least size that still has every stage."""
    tree["suite"] |= {"name": "tiny", "seeds": [0]}
    for name, subjects in (
        ("source", {"train": 8, "val": 0, "test": 0}),
        ("target", {"train": 6, "val": 0, "test": 4}),
    ):
        tree["walkers"][name] |= {"subjects": subjects, "frames": 4, "frame_rate": 4.0, "image": 64}
    tree["backbones"]["gaitset"] |= {"channels": [4, 4, 8], "embedding": 8}
    tree["methods"]["view_classifier"]["backbone"] |= {"channels": [4, 4, 8], "embedding": 8}
    for method in tree["methods"].values():
        if "training" in method:
            few = {"epochs": 1, "iterations": 2, "frames": 2, "sequences": 4}
            method["training"] |= {**few, "subjects": min(4, method["training"]["subjects"])}
    # A view classifier after two steps calls anything front: clusters of that sort must not vanish altogether.
    tree["methods"]["ssf"]["c_low"] = 1.0
    return tree


class Workspace:
    """A copy of the project to run in, without git."""

    def __init__(self, root: Path, folder: Path, tree: dict) -> None:
        self.folder = folder
        self.first = ""
        """What the first run printed."""
        for name in ("harness", "models", "methods", "conf", "requirements"):
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / ".dvc").mkdir()
        for name in (".dvc/config", ".dvcignore", "dvc.yaml"):
            shutil.copy(root / name, folder / name)
        self.write(tree)

    def write(self, tree: dict) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
        environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        environment.pop("MLFLOW_TRACKING_URI", None)
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=900)

    def harness(self, *words: str) -> str:
        done = self.call("harness.cli.app", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def dvc(self, *words: str) -> str:
        done = self.call("dvc", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def workspace(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    here = Path.cwd()
    os.chdir(root)
    try:
        from harness.cli.suite import compose

        tree = _tiny(yaml.safe_load(compose("smoke")))
    finally:
        os.chdir(here)
    made = Workspace(root, tmp_path_factory.mktemp("pipeline"), tree)
    made.first = made.harness("run", "tiny")
    return made


def test_prints_every_method_and_writes_its_files(workspace: Workspace) -> None:
    printed = workspace.first
    for name in ("Pretrain", "GaitSSB*", "Base (CC)", "Base + SSF", "Base + SCF", "Ours (SF)", "Upper"):
        assert name in printed
    assert "not CASIA-BN" in printed
    scores = sorted(p.name for p in (workspace.folder / "results/tiny/scores").glob("*.json"))
    methods = ("cc", "gaitssb", "pretrain", "scf", "sf", "ssf", "upper")
    assert scores == [f"{m}-gaitset-target-s0.json" for m in methods]
    tables = {p.name for p in (workspace.folder / "results/tiny/tables").iterdir()}
    assert {"summary.md", "table3.md", "table6.csv", "table7.md", "table10.csv"} <= tables
    for path in (workspace.folder / "results/tiny/scores").glob("*.json"):
        conditions = json.loads(path.read_text())["conditions"]
        assert set(conditions) == {"NM", "BG", "CL"} and len(conditions["NM"]["subjects"]) == 4


def test_again_nothing_is_recomputed(workspace: Workspace) -> None:
    before = sha256(*sorted((workspace.folder / "runs").rglob("checkpoint.pt")))
    began = time.monotonic()
    printed = workspace.harness("run", "tiny")
    assert "all up to date" in printed
    assert "nothing new to send" in printed or " 0 run(s) sent" in printed
    assert time.monotonic() - began < 60  # 20 s on an idle machine
    assert sha256(*sorted((workspace.folder / "runs").rglob("checkpoint.pt"))) == before


def test_recomputed_scores_are_byte_identical(workspace: Workspace) -> None:
    score = workspace.folder / "results/tiny/scores/scf-gaitset-target-s0.json"
    checkpoint = workspace.folder / "runs/tiny/scf-gaitset-target-s0/checkpoint.pt"
    before = (score.read_bytes(), checkpoint.read_bytes())
    for stage in ("scf@tiny-gaitset-target-0", "evaluate@tiny-gaitset-target-0-scf"):
        workspace.dvc("repro", "--force", "--single-item", stage)
    assert (score.read_bytes(), checkpoint.read_bytes()) == before


FUSED = {f"{method}@tiny-gaitset-target-0" for method in ("ssf", "scf", "sf")}
TABLES = {"tables@tiny"}  # their headline names the backbone and the length of training


@pytest.mark.parametrize(
    ("section", "key", "value", "direct"),
    [
        ("scf", "a", 3, {"scf@tiny-gaitset-target-0", "sf@tiny-gaitset-target-0"}),
        ("ssf", "s_o", 0.6, {"ssf@tiny-gaitset-target-0", "sf@tiny-gaitset-target-0"}),
        ("fusion", "s_up", 0.2, FUSED),
        ("cc", "tau", 0.1, FUSED | {"cc@tiny-gaitset-target-0"}),
        ("upper", "margin", 0.3, {"upper@tiny-gaitset-target-0"}),
        ("gaitssb", "scale", 8.0, {"gaitssb@tiny-gaitset-target-0-gaitssb"}),
        ("pretrain", "margin", 0.3, {"pretrain@tiny-gaitset-0"}),
        ("view_classifier", "cloth_probability", 0.1, {"view-classifier@tiny-0"}),
    ],
)
def test_a_method_parameter_touches_its_method_only(
    workspace: Workspace, section: str, key: str, value: float, direct: set[str]
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


def test_a_failed_stage_is_named_and_the_others_go_on(workspace: Workspace) -> None:
    tree = yaml.safe_load((workspace.folder / "params.yaml").read_text())
    changed = yaml.safe_load(yaml.safe_dump(tree))
    changed["methods"]["upper"]["training"]["subjects"] = 99
    try:
        workspace.write(changed)
        done = workspace.call("harness.cli.app", "run", "tiny")
    finally:
        workspace.write(tree)
        workspace.harness("run", "tiny")  # as it was, for whichever test comes next
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "failed: upper@tiny-gaitset-target-0" in done.stderr and "a batch needs 99 subjects" in done.stderr
    assert "Ours (SF)" in done.stdout
