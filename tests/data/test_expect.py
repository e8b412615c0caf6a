"""A store beside what its data set should hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.data.dataset import Key
from harness.data.expect import compare
from harness.data.findings import Findings
from harness.data.sets import data_set
from harness.data.store import Sequence, SequenceStore, write_store
from harness.files import write_json


def store_of(path: Path, keys: list[Key], partition: str = "lt", short: Key | None = None) -> SequenceStore:
    split = data_set("casia-b").split(partition)
    one, two = np.zeros((6, 64, 44), np.uint8), np.zeros((2, 64, 44), np.uint8)
    sequences = [Sequence(*key, split(key.subject) or "", two if key == short else one) for key in keys]
    made_from = {"partition": partition, "validation": 0}
    write_store(path, sequences, {"dataset": "casia-b", "made_from": made_from})
    return SequenceStore(path)


@pytest.fixture(scope="module")
def complete() -> list[Key]:
    one = data_set("casia-b")
    return list(one.complete() if one.complete else ())


def test_a_whole_archive(tmp_path, complete):
    verdict = compare(store_of(tmp_path / "store", complete), data_set("casia-b"))
    assert verdict.complete and not verdict.missing and not verdict.known_missing and not verdict.short
    assert {(s.split, s.subjects, s.sequences) for s in verdict.splits} == {("train", 74, 8140), ("test", 50, 5500)}


def test_known_missing_is_named_and_no_fault(tmp_path, complete):
    lost = [Key("005", "bg-01", view) for view in ("000", "144")]
    verdict = compare(store_of(tmp_path / "store", [k for k in complete if k not in lost]), data_set("casia-b"))
    assert verdict.complete and [key for key, _ in verdict.known_missing] == lost and verdict.missing == []


def test_missing_and_short_are_named(tmp_path, complete):
    lost, short = Key("100", "nm-01", "090"), Key("001", "cl-02", "180")
    store = store_of(tmp_path / "store", [key for key in complete if key != lost], "st", short)
    found = Findings()
    found.add("nobody", "001/nm-01/000/001.png", 3)
    write_json(store.path / "report.json", {"findings": found.as_dict()})
    verdict = compare(store, data_set("casia-b"))
    assert not verdict.complete and verdict.missing == [lost] and verdict.short == [(short, 2)]
    assert verdict.odd["nobody"][0] == 3 and verdict.odd["nobody"][2] == ["001/nm-01/000/001.png"]


def test_a_set_of_which_nobody_says_how_much_it_holds(tmp_path, complete):
    verdict = compare(store_of(tmp_path / "store", complete[:3]), None)
    assert verdict.complete and verdict.splits[0].expected is None


def test_findings_know_their_kinds():
    found = Findings()
    with pytest.raises(KeyError):
        found.add("strange", "x")
    for place in "gfedcba":
        found.add("link", place)
    assert found.as_dict() == {"link": (7, ["a", "b", "c", "d", "e"])}
