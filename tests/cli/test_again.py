"""Runs that were computed once more stand beside the committed ones, and reports show what came out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from recorded import edit

from harness.cli.report import make_report
from harness.config import load
from harness.layout import again, epochs, provenance
from harness.report.markdown import markdown
from harness.report.page import html

RUN = "cc-gaitset-target-s0"
PROVENANCE, EPOCHS, AGAIN = provenance("smoke", RUN), epochs("smoke") / f"{RUN}.json", again("smoke")
DIGESTS = [{"labels": f"{e}" * 16, "weights": f"{e + 2}" * 16} for e in (0, 1)]


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True)


@pytest.fixture
def committed(recorded: Path) -> str:
    """A repository with a run that recorded its digests; its provenance as committed."""
    edit(EPOCHS, lambda record: record.update(digests=DIGESTS))
    edit(PROVENANCE, lambda run: run.update(started="2026-01-01T00:00:00+00:00"))
    git("init", "-q")
    git("add", "results")
    git("commit", "-qm", "records")
    return PROVENANCE.read_text()


def once_more(day: int = 2, machine: dict[str, Any] | None = None, **inputs: Any) -> None:
    """The run's provenance as if it had been trained on another day."""

    def change(run: dict[str, Any]) -> None:
        run.update(started=f"2026-01-{day:02d}T00:00:00+00:00", commit="1" * 12)
        run["environment"].update(machine or {})
        run["inputs"].update(inputs)
        run["run_id"] = ("f" * 16) if inputs else run["run_id"]  # a digest of its inputs

    edit(PROVENANCE, change)


def test_the_same_bits_are_kept_on_record_and_the_first_provenance_stays(committed, harness):
    once_more()
    code, out, _ = harness("again", "--write")
    assert code == 0 and "the same bits in all of 2 epochs" in out
    assert "1 run was computed once more: on the same kind of machine 1 of 1 came out the same, bit for bit." in out
    assert PROVENANCE.read_text() == committed
    (kept,) = json.loads(AGAIN.read_text())["runs"]
    assert (kept["run"], kept["first"]["commit"], kept["again"]["commit"]) == (RUN, "0" * 12, "1" * 12)
    assert "no run was computed again since the last commit" in harness("again", "--write")[1]
    once_more(day=3)
    assert harness("again", "--write")[0] == 0
    assert [one["again"]["started"][:10] for one in json.loads(AGAIN.read_text())["runs"]] == [
        "2026-01-02",
        "2026-01-03",
    ]
    made = make_report(load())
    for page in (markdown(made, "figures"), html(made)):
        assert "Computed once more" in page and "the same bits in all of 2 epochs" in page
        assert "1 run was computed once more, 2 times in all: on the same kind of machine 2 of 2 came out" in page


def test_without_a_repetition_a_report_says_nothing_of_it(recorded):
    made = make_report(load())
    assert "omputed once more" not in markdown(made, "figures") + html(made)


def test_other_bits_on_the_same_kind_of_machine_are_a_failure(committed, harness):
    once_more()
    edit(EPOCHS, lambda record: record["digests"][1].update(weights="f" * 16))
    edit(EPOCHS, lambda record: record["epochs"][1].update(loss=0.75))
    code, out, _ = harness("again", "--write")
    assert code == 1 and "0 of 1 came out the same" in out
    assert (
        "labels the same throughout; weights differ from epoch 2 on; a metric by at most 0.25 (loss of epoch 1)" in out
    )
    assert PROVENANCE.read_text() != committed and AGAIN.is_file()


def test_on_another_kind_of_machine_they_are_told_and_no_failure(committed, harness):
    once_more(machine={"cpu_units": ["another"]}, store="f" * 64)
    edit(EPOCHS, lambda record: (record["digests"][0].update(labels="f" * 16), record.update(run_id="f" * 16)))
    code, out, _ = harness("again")
    assert code == 0 and "another kind (cpu_units)" in out and "labels differ from epoch 1 on" in out
    assert "1 run was computed once more: on another kind 0 of 1." in out
    assert not AGAIN.is_file()


@pytest.mark.parametrize("inputs", [{"store": "f" * 64}, {"params": {}}, {"code": "other"}])
def test_a_run_of_other_inputs_is_no_repetition(committed, harness, inputs):
    once_more(**inputs)
    assert "no run was computed again" in harness("again")[1]


def test_what_cannot_be_compared_is_named(committed, harness):
    once_more()
    edit(EPOCHS, lambda record: record.pop("digests"))
    code, out, err = harness("again", "--json")
    assert code == 0 and json.loads(out) == [] and f"{EPOCHS}: no digests were recorded; left out" in err


def test_another_run_since_is_not_the_one_that_was_repeated(committed, harness):
    once_more()
    assert harness("again", "--write", "--json")[0] == 0
    assert "omputed once more" in markdown(make_report(load()), "figures")
    edit(PROVENANCE, lambda run: run.update(run_id="e" * 16))
    assert "omputed once more" not in markdown(make_report(load()), "figures")


def test_epochs_of_another_run_and_damaged_files(committed, harness, refuses):
    once_more()
    edit(EPOCHS, lambda record: record.update(run_id="e" * 16))
    assert f"{EPOCHS}: of run {'e' * 16}, not " in harness("again")[2]
    EPOCHS.write_text("{")
    assert f"{EPOCHS}: " in refuses("again")


def test_the_same_bits_from_other_data_keep_their_own_provenance(committed, harness):
    once_more(machine={"cpu_units": ["another"]}, store="f" * 64)
    edit(EPOCHS, lambda record: record.update(run_id="f" * 16))
    assert "the same bits in all of 2 epochs" in harness("again", "--write")[1]
    assert PROVENANCE.read_text() != committed


def test_a_metric_of_one_of_them_alone(committed, harness):
    once_more()
    edit(EPOCHS, lambda record: record["epochs"][0].update(reassigned_right=0.5))
    code, out, _ = harness("again", "--write")
    assert code == 1 and "a metric is there in one alone (reassigned_right of epoch 0)" in out
    make_report(load())


def test_without_git_and_with_a_damaged_record(recorded, refuses):
    assert "run in a clone of the repository, with git" in refuses("again")
    AGAIN.write_text('{"runs": [{"run": 3}]}')
    assert f"{AGAIN}: runs.0.run: " in refuses("report")
