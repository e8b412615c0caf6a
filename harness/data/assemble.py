"""Prepared pieces into a store: sequences in the order of their names, splits, and the report of what was odd."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.data.dataset import DataSet, Split
from harness.data.findings import Findings
from harness.data.journal import FRAME_BYTES, Journal, Line
from harness.data.pieces import frame_order
from harness.data.store import HEADER_BYTES, Row, seal
from harness.errors import UserError
from harness.files import write_json

Span = tuple[int, int]
"""First silhouette and count."""
_SHORT = 5


def assemble(
    journal: Journal,
    dataset: DataSet,
    split: Split,
    validation: int,
    found: Findings,
    about: dict[str, Any],
    raw: Path,
) -> dict[str, Any]:
    """Makes ``store`` in the journal's folder from what this visit holds; returns its report."""
    splits = _splits(journal, split, validation)
    rows: list[Row] = []
    spans: list[Span] = []
    numbers: dict[str, int] = {}
    for lines in journal.sequences():
        kept = _one_place(lines, found)
        for line in kept:
            found.merge(line.findings)
        key = kept[0].key
        length = sum(line.frames for line in kept)
        condition = key.condition
        if dataset.numbered and not condition:
            numbers[key.subject] = numbers.get(key.subject, 0) + 1
            condition = "00" if splits[key.subject] == "train" else f"{numbers[key.subject]:02d}"
        if length < _SHORT:
            kind = {0: "empty", 1: "one frame"}.get(length, "short")
            found.add(kind, "/".join((key.subject, condition, key.view)))
        if length:
            mine = list(_spans(kept, found))
            rows.append(Row(key.subject, condition, key.view, splits[key.subject], sum(count for _, count in mine)))
            spans += mine
    if not rows:
        raise UserError(f"{raw}: no usable sequence of {dataset.title} in there{_hint(found)}; look at its folders")
    folder = journal.folder / "store"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    _gather(journal.spool, spans, folder / "frames.npy")
    findings = found.as_dict()
    seal(folder, rows, {"empty": found.counts.get("empty", 0)}, about)
    report = {"dataset": dataset.name, "findings": findings}
    write_json(folder / "report.json", report)
    return report


def _hint(found: Findings) -> str:
    """What was found instead of the data set."""
    return "".join(f", {kind}: {found.counts[kind]} (as {found.examples[kind][0]})" for kind in list(found.counts)[:2])


def _splits(journal: Journal, split: Split, validation: int) -> dict[str, str]:
    """Subject -> split, the last ``validation`` training subjects in "val"."""
    splits = {subject: split(subject) or "" for subject in journal.subjects()}
    train = [subject for subject, name in splits.items() if name == "train"]
    if validation >= max(1, len(train)):
        raise UserError(f"validation: {validation} of {len(train)} training subjects would leave nobody to train on")
    return splits | dict.fromkeys(train[len(train) - validation :], "val")


def _one_place(lines: list[Line], found: Findings) -> list[Line]:
    """The pieces of a sequence that lie where its name sorts first."""
    first = lines[0].place
    for place in sorted({line.place for line in lines} - {first}):
        found.add("duplicate", f"{place} (kept: {first})")
    return [line for line in lines if line.place == first]


def _spans(lines: list[Line], found: Findings) -> Iterator[Span]:
    """Where a sequence's frames lie, in the order of their names; of two with one name the later."""
    if len(lines) == 1:
        yield lines[0].start, lines[0].frames
        return
    at: dict[str, int] = {}
    for line in lines:
        for number, name in enumerate(line.names):
            if name in at:
                found.add("twice", f"{line.place}/{name}")
            at[name] = line.start + number
    for name in sorted(at, key=frame_order):
        yield at[name], 1


def _gather(spool: Path, spans: list[Span], target: Path) -> None:
    """Frames in the order of ``spans``: the file itself where they lie in it like that, else a copy."""
    size = spool.stat().st_size
    place = 0
    for start, count in spans:
        if start != place:
            break
        place += count
    else:
        if HEADER_BYTES + place * FRAME_BYTES == size:
            try:
                os.link(spool, target)
                return
            except OSError:
                pass  # a file system without hard links: copied below
    with spool.open("rb") as source, target.open("wb") as stream:
        stream.write(bytes(HEADER_BYTES))
        for start, count in spans:
            source.seek(HEADER_BYTES + start * FRAME_BYTES)
            stream.write(source.read(count * FRAME_BYTES))
