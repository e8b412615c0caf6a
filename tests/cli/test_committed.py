"""Score files beside the last commit's: the same bytes, another machine's, another run's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.cli.committed import beside_commit

SCORES = Path("results/smoke/scores")
PROVENANCE = Path("results/smoke/provenance/cc-gaitset-target-s0.json")

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True)


@pytest.fixture
def committed(recorded) -> int:
    """A repository of made-up records; how many score files."""
    git("init", "-q")
    git("add", "results")
    git("commit", "-qm", "records")
    return len(list(SCORES.glob("*.json")))


def change(path: Path, **values) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_the_same_bytes(committed):
    found = beside_commit("smoke")
    assert found and found.reproduces and (found.same, found.files) == (committed, committed)
    assert found.line() == f"{committed} of {committed} score files are the same bytes as in commit {found.commit}"


def test_without_a_commit_or_records_in_it_there_is_nothing_to_say(committed, here, tmp_path_factory, monkeypatch):
    assert beside_commit("walkers") is None
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert beside_commit("smoke") is None


@pytest.mark.parametrize("elsewhere", [False, True])
def test_other_bytes_of_the_same_run(committed, elsewhere):
    """Machines are told apart by what runs recorded, then and now, and not by the process that compares."""
    path, run = SCORES / "cc-gaitset-target-s0.json", json.loads(PROVENANCE.read_text())
    metrics, machine = json.loads(path.read_text())["metrics"], {"threads": 1, "deterministic": True}
    machine |= {"cpu_units": ["another"]} if elsewhere else {}
    change(PROVENANCE, environment=run["environment"] | {"threads": 1, "deterministic": True})
    git("commit", "-qam", "what else a run records")
    change(PROVENANCE, environment=run["environment"] | machine, seconds=1.0)
    change(path, metrics={**metrics, "rank1_BG": metrics["rank1_BG"] - 1.25})
    found = beside_commit("smoke")
    assert found and found.reproduces is elsewhere and found.machine == (("cpu_units",) if elsewhere else ())
    kind = "another kind of machine (cpu_units)" if elsewhere else "the same kind of machine"
    assert f"; 1 differ by at most 1.25 points (BG of cc-gaitset-target-s0), made on {kind}" in found.line()


@pytest.mark.parametrize(
    ("inputs", "machine", "repeats"),
    [
        ({"store": "f" * 64}, {"cpu_units": ["another"]}, True),
        ({"store": "f" * 64}, {}, False),
        ({"store": "f" * 64, "seed": 9}, {"cpu_units": ["another"]}, False),
    ],
)
def test_a_machine_that_makes_other_data(committed, inputs, machine, repeats):
    """Rendering comes out in other bits there, and so do all runs on its data: still the same runs, but on no other."""
    path, run = SCORES / "cc-gaitset-target-s0.json", json.loads(PROVENANCE.read_text())
    metrics = json.loads(path.read_text())["metrics"]
    there = {"run_id": "there", "inputs": run["inputs"] | inputs, "environment": run["environment"] | machine}
    change(PROVENANCE, **there)
    change(path, run_id="there", metrics={**metrics, "rank1_BG": metrics["rank1_BG"] - 1.25})
    found = beside_commit("smoke")
    assert found and found.reproduces and found.other == (0 if repeats else 1)
    assert ("1.25 points" in found.line() and "(cpu_units; its data differ too)" in found.line()) is repeats


def test_one_run_of_this_kind_of_machine_among_those_of_another_is_seen(committed):
    for name, machine in (("cc", {"cpu_units": ["another"]}), ("sf", {})):
        path = SCORES / f"{name}-gaitset-target-s0.json"
        about, metrics = PROVENANCE.with_name(path.name), json.loads(path.read_text())["metrics"]
        change(about, environment=json.loads(about.read_text())["environment"] | machine, seconds=1.0)
        change(path, metrics={**metrics, "rank1_BG": metrics["rank1_BG"] - 1.0})
    found = beside_commit("smoke")
    assert found and not found.reproduces and found.alike == 1
    assert found.line().endswith("another kind of machine (cpu_units), 1 of them on the same kind")


def test_the_same_run_scored_otherwise_is_no_failure(committed):
    path = SCORES / "cc-gaitset-target-s0.json"
    change(path, distance="cosine", metrics={"rank1_NM": 3.0})
    found = beside_commit("smoke")
    assert found and found.reproduces and found.other == 1


def test_another_run_is_no_repetition(committed):
    change(SCORES / "cc-gaitset-target-s0.json", run_id="another", metrics={"rank1_NM": 3.0})
    found = beside_commit("smoke")
    assert found and found.reproduces and (found.same, found.other, found.where) == (committed - 1, 1, "")
    assert found.line().endswith("; 1 are of other parameters, data or code")
