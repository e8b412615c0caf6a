"""A method of another package goes through suite, pipeline and tables: the one in examples/."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.config import check
from harness.errors import UserError
from harness.presets import compose
from harness.testing.tiny import smoke_tree
from harness.testing.workspace import Pipeline, Workspace

EXTRA = "extra@tiny-gaitset-target-0-trimmed"


def install(root: Path, folder: Path) -> Path:
    """The example as an installed package in ``folder``; a copy, so that tests may change it."""
    source = folder / "source"
    shutil.copytree(root / "examples/trimmed", source, ignore=shutil.ignore_patterns("*.egg-info", "build"))
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder / "site"))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True, capture_output=True)
    return folder / "site"


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(root, tmp_path_factory.mktemp("package"))


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(site))
    yield
    sys.modules.pop("trimmed", None)


def test_the_example_is_short(root: Path):
    lines = [line for path in (root / "examples/trimmed").glob("*.*") for line in path.read_text().splitlines()]
    assert 30 < len(lines) < 80


def test_its_parameters_stand_among_ours_and_are_checked(installed: None):
    tree = smoke_tree()
    assert tree["methods"]["trimmed"] == {"share": 0.2}
    tree["suite"]["extra"] = ["trimmed"]
    assert check(tree, "x").suite.extra == ("trimmed",)
    tree["methods"]["trimmed"] = {"shar": 0.2}
    with pytest.raises(UserError, match=r"x: unknown parameter 'methods\.trimmed\.shar'; did you mean 'share'\?"):
        check(tree, "x")
    tree["methods"]["trimmed"] = {"share": 2}
    with pytest.raises(UserError, match=r"methods\.trimmed\.share"):
        check(tree, "x")
    del tree["methods"]["trimmed"]
    with pytest.raises(UserError, match=r"methods\.trimmed is missing"):
        check(tree, "x")


def test_without_the_package_the_suite_says_what_is_missing(root: Path):
    tree = yaml.safe_load(compose("tiny", root / "conf"))
    tree["suite"]["extra"] = ["nobodys"]
    with pytest.raises(UserError, match="'nobodys', but no installed package brings that method"):
        check(tree, "x")


def test_its_contract(root: Path, site: Path):
    test = root / "examples/trimmed/test_trimmed.py"
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir", str(site), str(test)]
    done = subprocess.run(command, env={"PYTHONPATH": str(site)}, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.xdist_group("pipeline")
def test_suite_pipeline_tables_claims_and_report_pick_it_up(root: Path, computed: Pipeline, tmp_path: Path):
    """Beside runs that are there already, of which it makes none stale."""
    site = install(root, tmp_path)
    workspace = Workspace.at(shutil.copytree(computed.folder, tmp_path / "project"), site)
    folder = workspace.folder
    workspace.harness("suite", "use", "tiny", "--extra", "trimmed")
    assert "3 of 22 stages to do" in workspace.harness("run")
    scores = json.loads((folder / "results/tiny/scores/trimmed-gaitset-target-s0.json").read_text())
    assert scores["method"] == "trimmed" and set(scores["metrics"]) == {"rank1_NM", "rank1_BG", "rank1_CL"}
    row = next(line for line in workspace.harness("tables", "--format", "md").splitlines() if "Base + trim" in line)
    assert f"{scores['metrics']['rank1_NM']:.1f}" in row
    epochs = json.loads((folder / "results/tiny/epochs/trimmed-gaitset-target-s0.json").read_text())["epochs"]
    assert epochs[0]["trimmed"] > 0

    hypothesis = re.search(r"^```yaml\n(.*?)^```", (root / "docs/adding.md").read_text(), re.MULTILINE | re.DOTALL)
    assert hypothesis
    shipped = root / "examples/trimmed.yaml"
    assert shipped.read_text() == hypothesis[1]
    (claim,) = json.loads(workspace.harness("claims", "--claims", str(shipped), "--json"))
    assert claim["claim"] == "trimmed-cc-cl"
    assert claim["verdict"] == "undecided" and claim["reason"].startswith("one seed cannot decide")  # but it was found
    workspace.harness("report")
    page = (folder / "report/index.html").read_text()
    assert "Base + trim" in page and "trimmed-gaitset-target" in page

    def stale() -> set[str]:
        assert "1 plug-in(s)" in workspace.harness("plugins", "stamp")
        return {name for name in json.loads(workspace.dvc("status", "--json", EXTRA)) if name.startswith("extra@")}

    assert stale() == set()
    module = site / "trimmed.py"
    module.write_text(module.read_text().replace('kind="stable"', "kind='stable'"))
    assert stale() == {EXTRA}
