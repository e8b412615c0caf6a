"""Event files: whole lines count, half of one does not."""

from __future__ import annotations

import errno
import os
import time

import pytest

from harness.layout import events as path_of
from harness.tracking.events import Events, read_events


@pytest.fixture
def events(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Events("ab" * 8)


def test_round_trip(events):
    before = time.time()
    events.write("start", stem="cc-gaitset-target-s0", inputs={"a": [1, 2.5]})
    events.write("epoch", metrics={"epoch": 0, "loss": 1 / 3, "note": "é\u2028\n"})
    first, second = read_events(path_of("ab" * 8))
    assert (first["kind"], first["stem"], first["inputs"]) == ("start", "cc-gaitset-target-s0", {"a": [1, 2.5]})
    assert (second["kind"], second["metrics"]) == ("epoch", {"epoch": 0, "loss": 1 / 3, "note": "é\u2028\n"})
    assert before - 1 < first["time"] <= second["time"] < time.time() + 1


def test_a_second_writer_appends(events):
    events.write("start")
    Events("ab" * 8).write("trained")
    Events("cd" * 8).write("start")
    assert [line["kind"] for line in read_events(events.path)] == ["start", "trained"]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_half_a_line_at_the_end_is_ignored(events, cut):
    events.write("start")
    events.write("epoch", metrics={"epoch": 0})
    events.path.write_bytes(events.path.read_bytes()[: -cut - 1])
    assert [line["kind"] for line in read_events(events.path)] == ["start"]


def test_writing_goes_on_after_half_a_line(events):
    events.write("start")
    with open(events.path, "ab") as stream:
        stream.write(b'{"kind": "epoch", "metr')
    events.write("epoch", metrics={"epoch": 1})
    events.write("trained", seconds=2)
    assert [line["kind"] for line in read_events(events.path)] == ["start", "epoch", "trained"]
    assert read_events(events.path)[1]["metrics"] == {"epoch": 1}


def test_a_half_written_character_is_no_trouble(events):
    events.write("start")
    with open(events.path, "ab") as stream:
        stream.write('{"kind": "é'.encode()[:-1])
    assert [line["kind"] for line in read_events(events.path)] == ["start"]


def test_a_disk_that_is_full_is_said_once_and_ends_nothing(events, monkeypatch, caplog):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(events, "_append", full)
    events.write("start")
    events.write("epoch")
    (said,) = caplog.records
    assert said.getMessage() == f"{events.path}: not written (No space left on device); the run goes on"
