"""Damaged files of runs: every command that reads them says which and how in one line, and writes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorded import edit

from harness.cli.audit import audit_records
from harness.cli.evidence import score_reader
from harness.config import load
from harness.errors import UserError
from harness.layout import RunName, provenance, result
from harness.tracking.check import checked_epochs, checked_provenance

SCORES = result("smoke", "sf", "gaitset", "target", 0)
PROVENANCE = provenance("smoke", "sf-gaitset-target-s0")
EPOCHS = RunName("smoke", "sf", "gaitset", "target", 0).epochs
EVERY = (
    ("tables",),
    ("claims",),
    ("explain", "table3/gaitset/cl/sf/90"),
    ("diff", "cc-gaitset-target-s0", "sf-gaitset-target-s0"),
    ("figures",),
    ("report",),
    ("publish", "--output", "bundle"),
    ("track", "sync"),
)
READS = {SCORES: EVERY, PROVENANCE: tuple(w for w in EVERY if w != ("claims",))}
READS[EPOCHS] = tuple(w for w in EVERY if w[0] in ("figures", "report", "publish", "track"))

Damage = Callable[[Path], object]


def nm(**change: Any) -> Damage:
    return lambda path: edit(path, lambda c: c["conditions"]["NM"].update(change))


def within(change: Callable[[Any], object]) -> Damage:
    """Changes the condition NM in place."""
    return lambda path: edit(path, lambda c: change(c["conditions"]["NM"]))


def top(**change: Any) -> Damage:
    return lambda path: edit(path, lambda c: c.update(change))


def without(*keys: str) -> Damage:
    def drop(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return lambda path: edit(path, drop)


def replaced(old: str, new: str) -> Damage:
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))


def swapped(epochs: list[Any]) -> None:
    epochs[0], epochs[1] = epochs[1], epochs[0]


BROKEN: dict[str, tuple[Damage, str]] = {
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:100]), "not valid JSON"),
    "empty": (lambda path: path.write_bytes(b""), "not valid JSON"),
    "not UTF-8": (lambda path: path.write_bytes(b'{"run_id": "\xff\xfe"}'), "not valid JSON"),
    "nested": (lambda path: path.write_text("[" * 100000), "not valid JSON"),
    "a list": (lambda path: path.write_text("[1]"), "of this harness: "),
    "null": (lambda path: path.write_text("null"), "of this harness: "),
    "no run": (without("run_id"), "run_id is missing"),
    "run null": (top(run_id=None), "run_id: input should be a valid string"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be read (Is a directory)"),
}
"""What can happen to any file."""
ODD_SCORES: dict[str, tuple[Damage, str]] = {
    "no metrics": (without("metrics"), "metrics is missing"),
    "no conditions": (without("conditions"), "conditions is missing"),
    "no hits": (without("conditions", "NM", "hits"), "conditions.NM.hits is missing"),
    "no protocol views": (without("protocol", "views"), "protocol.views is missing"),
    "one metric less": (without("metrics", "rank1_CL"), "metrics are not those of the conditions"),
    "misspelt": (nm(hits_att={}), "conditions.NM.hits_att: extra inputs are not permitted"),
    "seed as text": (top(seed="0"), "seed: input should be a valid integer, got '0'"),
    "seed true": (top(seed=True), "seed: input should be a valid integer"),
    "mean as text": (nm(mean="12"), "conditions.NM.mean: input should be a valid number, got '12'"),
    "mean null": (nm(mean=None), "conditions.NM.mean"),
    "mean NaN": (replaced('"mean": ', '"mean": NaN, "unused": '), "NM.mean: input should be a finite number"),
    "above 100": (nm(mean=100.5), "conditions.NM.mean: input should be less than"),
    "below 0": (within(lambda c: c["per_view"].__setitem__(0, -1.0)), "NM.per_view.0: input should be greater"),
    "another mean": (nm(mean=12.0), "conditions.NM: mean is not the mean of per_view"),
    "another metric": (lambda p: edit(p, lambda c: c["metrics"].update(rank1_NM=9.0)), "metrics.rank1_NM is not mean"),
    "another rank 1": (nm(ranks={"1": 1.25}), "conditions.NM: ranks.1 is not mean"),
    "another view": (within(lambda c: c["per_view"].__setitem__(3, 1.0)), "per_view is not the mean of its row"),
    "another cell": (within(lambda c: c["rank1"][2].__setitem__(5, 1.0)), "per_view is not the mean of its row"),
    "own view": (within(lambda c: c["rank1"].pop()), "rank1 is not 11 views x 11 gallery views"),
    "rank 5 below": (
        within(lambda c: c["ranks"].update({"5": c["mean"] / 2})),
        "a higher rank is right less often than a lower",
    ),
    "rank 5 unasked": (within(lambda c: c["ranks"].update({"5": 100.0})), "ranks are not the protocol's"),
    "precision": (nm(precision={"mAP": 5.0}), "precision is not what the protocol asks for"),
    "more hits": (within(lambda c: c["hits"][0].__setitem__(0, 21)), "more hits than trials"),
    "negative": (within(lambda c: c["hits"][0].__setitem__(0, -1)), "hits.0.0: input should be greater"),
    "half a hit": (within(lambda c: c["hits"][0].__setitem__(0, 1.5)), "hits.0.0: input should be a valid integer"),
    "huge": (within(lambda c: c["hits"][0].__setitem__(0, 10**30)), "hits.0.0: "),
    "other hits": (within(lambda c: c["hits"][0].__setitem__(0, 0)), "per_view is not hits / trials"),
    "other trials": (within(lambda c: c["trials"][0].__setitem__(0, 21)), "trials are not probes x galleries"),
    "fewer hits": (within(lambda c: c["hits"].pop()), "hits is not 11 views x 12 subjects"),
    "short hits": (within(lambda c: c["hits"][4].pop()), "hits is not 11 views x 12 subjects"),
    "short per_view": (within(lambda c: c["per_view"].pop()), "per_view and probes are not of 11 views"),
    "a subject more": (within(lambda c: c["subjects"].append("new")), "trials is not 11 views x 13 subjects"),
    "a subject twice": (within(lambda c: c["subjects"].__setitem__(1, c["subjects"][0])), "subjects has one"),
    "no subjects": (nm(subjects=[]), "conditions.NM.subjects: list should have at least 1 item"),
    "a view of none": (within(lambda c: c["views"].__setitem__(0, 7)), "views: the protocol knows no [7]"),
    "a view twice": (within(lambda c: c["views"].__setitem__(1, 0)), "views has one of them twice"),
    "a condition of none": (
        lambda p: edit(p, lambda c: (c["conditions"].update(XX=c["conditions"].pop("CL")),
                                     c["metrics"].update(rank1_XX=c["metrics"].pop("rank1_CL")))),
        "conditions.XX: the protocol has no such condition",
    ),
    "method": (top(method="cc"), "holds the scores of cc-gaitset-target-s0; rename it cc-gaitset-target-s0.json"),
    "seed": (top(seed=1), "holds the scores of sf-gaitset-target-s1"),
    "dataset": (top(dataset="outdoor"), "holds the scores of sf-gaitset-outdoor-s0"),
    "variant": (top(variant="a-3"), "holds the scores of sf-gaitset-target-s0-a-3"),
    "suite": (top(suite="walkers"), "holds scores of suite walkers; move it to results/walkers/scores"),
    "unknown method": (top(method="sff"), "unknown method 'sff'; did you mean 'sf'?"),
    "unknown backbone": (top(backbone="gaitsett"), "unknown backbone 'gaitsett'; did you mean 'gaitset"),
    "unknown data set": (top(dataset="targit"), "unknown dataset 'targit'; did you mean 'target'?"),
}  # fmt: skip
ODD_PROVENANCE: dict[str, tuple[Damage, str]] = {
    "no inputs": (without("inputs"), "inputs is missing"),
    "no environment": (without("environment"), "environment is missing"),
    "no commit": (without("commit"), "commit is missing"),
    "commit null": (top(commit=None), "commit: input should be a valid string"),
    "no processor": (without("environment", "cpu"), "environment.cpu is missing"),
    "no seed": (without("inputs", "seed"), "inputs.seed is missing"),
    "no backbone": (without("inputs", "backbone", "name"), "inputs.backbone.name is missing"),
    "no data": (without("inputs", "store"), "inputs: store is missing"),
    "inputs a list": (top(inputs=[]), "inputs: "),
    "time as text": (top(seconds="60"), "seconds: input should be a valid number, got '60'"),
    "negative time": (top(seconds=-1), "seconds: input should be greater than or equal to 0"),
    "another run's": (lambda p: edit(p, lambda c: c["inputs"].update(method="cc")), "tells of cc-gaitset-target-s0"),
}
ODD_EPOCHS: dict[str, tuple[Damage, str]] = {
    "no epochs": (without("epochs"), "epochs is missing"),
    "a number": (top(epochs=3), "epochs: input should be a valid array, got 3"),
    "order": (lambda p: edit(p, lambda c: swapped(c["epochs"])), "epochs.0: epoch 1 stands there"),
    "missing": (lambda p: edit(p, lambda c: c["epochs"].pop(0)), "epochs.0: epoch 1 stands there"),
    "cut short": (top(digests=[{"labels": "a", "weights": "b"}]), "digests are not of as many epochs"),
    "no digest": (top(digests=[{"labels": "a"}, {}]), "digests.0.weights is missing"),
    "no loss": (lambda p: edit(p, lambda c: c["epochs"][1].pop("loss")), "epochs.1: epoch or loss is missing"),
    "NaN": (replaced('"loss": 1.0', '"loss": NaN'), "epochs.0.loss: input should be a finite number"),
    "text": (replaced('"loss": 1.0', '"loss": "low"'), "epochs.0.loss: input should be a valid number, got 'low'"),
}


@pytest.mark.parametrize(
    ("path", "damages"),
    [(SCORES, BROKEN | ODD_SCORES), (PROVENANCE, BROKEN | ODD_PROVENANCE), (EPOCHS, BROKEN | ODD_EPOCHS)],
    ids=["scores", "provenance", "epochs"],
)
def test_what_is_wrong_is_said(recorded, path, damages):
    whole = path.read_bytes()
    readers = {
        SCORES: score_reader(load()),
        PROVENANCE: checked_provenance,
        EPOCHS: checked_epochs,
    }
    for name, (damage, expected) in damages.items():
        damage(path)
        with pytest.raises(UserError) as refused:
            readers[path](path)
        line = str(refused.value)
        assert line.startswith(f"{path}: ") and expected in line and "\n" not in line, (name, line)
        if path.is_dir():
            path.rmdir()
        path.write_bytes(whole)
        readers[path](path)


@pytest.mark.parametrize("path", READS, ids=lambda path: path.parent.name)
def test_every_command_names_a_broken_file_and_audit_finds_it(recorded, refuses, harness, path):
    path.write_bytes(path.read_bytes()[:100])
    for words in READS[path]:
        assert refuses(*words).startswith(f"error: {path}: not valid JSON"), words
    code, out, _ = harness("audit")
    assert code == 0 and f"{path}: not valid JSON" in out
    assert "record(s) have a problem" in refuses("audit", "--strict")


def test_a_copy_under_another_name_is_no_second_record(recorded, refuses):
    other = SCORES.with_name("sf-copy.json")
    shutil.copy(SCORES, other)
    for words in (("tables", "--table", "6"), ("claims",)):
        assert f"{other}: holds the scores of sf-gaitset-target-s0" in refuses(*words)


def test_audit_names_files_that_are_of_different_runs(recorded):
    edit(EPOCHS, lambda c: c.update(run_id="another"))
    cut = RunName("smoke", "cc", "gaitset", "target", 1).epochs
    edit(cut, lambda c: c["epochs"].pop())
    scored = result("smoke", "cc", "gaitset", "target", 0)
    run = json.loads(SCORES.read_text())["run_id"]
    edit(scored, lambda c: c.update(run_id=run))
    problems = {line["record"]: line["problem"] for line in audit_records(load())}
    assert problems == {
        str(EPOCHS): f"epochs of run another, beside provenance of run {run}",
        str(cut): "1 epochs, where its run has 2",
        str(scored): f"its run {run} is sf-gaitset-target-s0",
    }


def test_explain_names_the_score_file_of_the_cells_data_set(recorded, harness):
    """A run of the source is scored on every data set under one id."""
    main = result("smoke", "pretrain", "gaitset", "target", 0)
    other = result("smoke", "pretrain", "gaitset", "wild", 0)
    shutil.copy(main, other)
    edit(other, lambda c: c.update(dataset="wild"))
    told = json.loads(harness("explain", "table3/gaitset/cl/pretrain/90", "--json")[1])
    assert told["runs"][0]["scores"] == str(main) and "-target-0" in told["runs"][0]["again"]
