"""What stands in results/smoke: whole, far above chance, and the tables follow from the scores alone."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.image import imread

from harness.claims.judge import judge
from harness.cli.evidence import evidence_of
from harness.cli.tables import write_tables
from harness.config import check, load
from harness.files import read_json
from harness.types import ResultRecord

METHODS = ("pretrain", "gaitssb", "cc", "ssf", "scf", "sf", "upper")


@pytest.fixture
def records(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[ResultRecord]:
    monkeypatch.chdir(root)
    settings = load()
    if settings.suite.name != "smoke":
        pytest.fail("params.yaml is committed with the suite smoke; run `harness suite use smoke`")
    return [r for r in evidence_of(settings).records if not r.variant]


def mean(records: list[ResultRecord], method: str, condition: str) -> float:
    values = [r.value for r in records if (r.method, r.condition, r.view_deg) == (method, condition, None)]
    assert len(values) >= 2, f"{method} needs every seed"
    return sum(values) / len(values)


def test_every_number_comes_from_twenty_people(root: Path, records: list[ResultRecord]) -> None:
    files = sorted((root / "results/smoke/scores").glob("*.json"))
    assert len(files) == len(METHODS) * len({r.seed for r in records})
    for path in files:
        for score in read_json(path)["conditions"].values():
            assert len(score["subjects"]) >= 20


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_far_above_chance(records: list[ResultRecord], method: str) -> None:
    chance = 100 / 20
    assert mean(records, method, "NM") > 3 * chance


@pytest.mark.parametrize("condition", ["NM", "BG", "CL"])
def test_true_identities_are_the_upper_bound(records: list[ResultRecord], condition: str) -> None:
    others = [mean(records, method, condition) for method in METHODS if method != "upper"]
    assert mean(records, "upper", condition) > max(others)


def test_tables_follow_from_the_records(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("scores", "provenance"):
        shutil.copytree(root / "results/smoke" / name, tmp_path / "results/smoke" / name)
    shutil.copy(root / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    made = write_tables(load())
    for path in sorted((root / "results/smoke/tables").iterdir()):
        assert (made / path.name).read_bytes() == path.read_bytes(), path.name


def test_params_are_the_composition_of_the_suite(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.presets import compose

    monkeypatch.chdir(root)
    assert (root / "params.yaml").read_text() == compose("smoke")


PAGES = ("results.md", "results-fp32.md", "results-replication-2.md")
MORE = ("results-n40.md", "results-replication.md", "results-gpu.md")
"""Made by the same commands as the others, which `make test` checks."""


@pytest.mark.parametrize("name", [*PAGES, *(pytest.param(name, marks=pytest.mark.long) for name in MORE)])
def test_a_results_page_follows_from_its_records(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whichever suites it is about; which records are stale depends on the code of the day and is left out."""
    from harness.cli.report import make_report, write_markdown
    from harness.presets import compose
    from harness.report.markdown import BESIDE, STALE

    page = (root / "docs" / name).read_text()
    preset = page.splitlines()[0].rpartition("suite ")[2]
    (tmp_path / "params.yaml").write_text(compose(preset, root / "conf"))
    monkeypatch.chdir(tmp_path)
    suite = load().suite.name
    other = page.partition(f"\n{BESIDE}")[2].partition("\n")[0]
    shutil.copytree(root / "conf", "conf")
    for used in {suite, check(yaml.safe_load(compose(other)), other).suite.name} if other else {suite}:
        shutil.copytree(root / "results" / used, Path("results") / used)
    write_markdown(make_report(load(), other or None), Path("docs") / name)
    for figure in Path("docs/figures").rglob("*.png"):
        drawn, kept = imread(figure), imread(root / figure)
        assert drawn.shape == kept.shape and float(np.abs(drawn - kept).mean()) < 1e-4, figure

    def without_stale(text: str) -> list[str]:
        lines = text.partition(STALE)[0].splitlines()
        return [line for line in lines if line and "records are stale" not in line]

    assert without_stale((Path("docs") / name).read_text()) == without_stale(page)


def test_what_several_suites_say_together_follows_from_their_records(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.cli.across import across
    from harness.cli.claims import claims
    from harness.presets import compose

    # Few draws: they change the p-values of claims that are far from their verdict's level, and none is shown.
    monkeypatch.setattr("harness.claims.judge.judge", partial(judge, rounds=1))
    page = root / "docs/replication-2.md"
    marks = re.findall(r"<!-- harness (\w+) (.*) -->", page.read_text())
    (tmp_path / "params.yaml").write_text(compose("walkers-replication-2", root / "conf"))
    monkeypatch.chdir(tmp_path)
    for name in ("conf", "results"):
        Path(name).symlink_to(root / name)
    shutil.copy(page, "page.md")
    assert [command for command, _ in marks] == ["claims", "across"]
    claims(others=marks[0][1].split()[1::2], update=Path("page.md"))
    across(marks[1][1].split(), update=Path("page.md"), figure=Path("across.png"))
    assert Path("page.md").read_text() == page.read_text()
    readings = root / "docs/readings.md"
    shutil.copy(readings, "readings.md")
    (mark,) = re.findall(r"<!-- harness across (\S+)((?: --claim \S+)+) -->", readings.read_text())
    across([mark[0]], claim=mark[1].split()[1::2], update=Path("readings.md"))
    assert Path("readings.md").read_text() == readings.read_text()
    drawn, kept = imread("across.png"), imread(root / "docs/figures/across.png")
    assert drawn.shape == kept.shape and float(np.abs(drawn - kept).mean()) < 1e-4
