"""``harness data list``, ``prepare`` and ``verify``: the real data sets, from the archives that people have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from harness.cli import complete
from harness.cli.console import Rate, console
from harness.config import Settings, load
from harness.data.dataset import DataSet, Key
from harness.data.expect import Verdict, compare
from harness.data.findings import KINDS
from harness.data.ingest import Request, working_folder
from harness.data.ingest import prepare as prepare_request
from harness.data.sets import data_set, data_sets
from harness.data.spots import MIB, Limits
from harness.data.store import SequenceStore
from harness.data.walkers.raw import walkers_set
from harness.errors import UserError, nearest
from harness.layout import PARAMS, store

_SHOWN = 10


def _request(name: str, raw: Path | None, path: Path | None, partition: str | None, validation: int | None) -> Request:
    """A request for a key of archives or walkers, or for a data set by its own name where both places are given."""
    settings = load() if PARAMS.is_file() else None
    target = path or (store(settings.suite.name, name) if settings else None)
    if settings and name in settings.walkers:
        if raw is None:
            raise UserError(f"{name}: name the folder or archive of its PNG frames with --raw")
        domain = settings.walkers[name]
        about = {"dataset": f"walkers-{name}", "made_from": domain.model_dump(mode="json")}
        return Request(walkers_set(name, domain), raw, _place(target), about=about)
    known = settings.archives if settings else {}
    if name not in known and name not in data_sets():
        raise UserError(f"unknown data set '{name}'; {nearest(name, {**known, **data_sets()})}")
    archive = known.get(name)
    one = data_set(archive.reader if archive else name)
    raw = raw or (Path(archive.raw) if archive and archive.raw else None)
    if raw is None:
        raise UserError(
            f"{one.title} is not here: {one.ask}; then name it with --raw or set archives.{name}.raw in {PARAMS}"
        )
    partition = partition or (archive.partition if archive else None)
    kept = validation if validation is not None else archive.validation if archive else 0
    return Request(one, raw, _place(target), partition, kept)


def _place(target: Path | None) -> Path:
    if target is None:
        raise UserError(f"{PARAMS}: not here, so that there is no suite to prepare for; name a place with --store")
    return target


def prepare(
    dataset: Annotated[
        str,
        typer.Option(
            help="casia-b, casia-bn, oumvlp, outdoor-gait, grew, or a walkers domain", autocompletion=complete.archives
        ),
    ],
    raw: Annotated[Path | None, typer.Option(help="a folder, .zip, .tar or .tgz; default: archives.*.raw")] = None,
    path: Annotated[Path | None, typer.Option("--store", help="where to write; default: the suite's own")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="processes; default: every core")] = None,
    partition: Annotated[str | None, typer.Option(help="lt, mt or st (CASIA-B), official, or a JSON file")] = None,
    validation: Annotated[int | None, typer.Option(min=0, help="keep so many training subjects apart")] = None,
    max_member_mib: Annotated[int, typer.Option(min=1, help="refuse archives with larger members")] = 64,
    max_total_gib: Annotated[int, typer.Option(min=1, help="refuse archives that unpack to more")] = 1024,
) -> None:
    """Turn a real data set into a store. Nothing is unpacked to disk; a killed preparation goes on where it was.

    Example: harness data prepare --dataset casia-b --raw GaitDatasetB-silh.zip --store /data/casia-b
    """
    request = _request(dataset, raw, path, partition, validation)
    request = replace(request, limits=Limits(max_member_mib * MIB, max_total_gib * 1024 * MIB))
    if working_folder(request.store).is_dir():
        console.print(f"{working_folder(request.store)}: going on from what is prepared already")
    if request.raw.is_dir():
        console.print(f"{request.raw}: counting its folders", markup=False)  # of OU-MVLP 290,000
    with Rate(f"prepare {dataset}") as shown:
        report = prepare_request(request, jobs, lambda state: shown(state.done, state.total, state.frames))
    opened = SequenceStore(request.store)
    counts = opened.about["counts"]
    taken = f" ({report['resumed']} pieces were done before)" if report["resumed"] else ""
    console.print(f"{request.store}: {counts['sequences']} sequences, {counts['frames']} frames{taken}")
    console.print(f"digest {opened.digest}")
    for kind, (count, examples) in report["findings"].items():
        console.print(f"  {count} {kind} ({KINDS[kind]}), such as {examples[0]}", markup=False)


def open_store(name: str, given: Path | None) -> SequenceStore:
    """The store ``given``, or else the suite's own of that name."""
    path = given or store(load().suite.name, name)
    if not (path / "store.json").exists():
        advice = "`harness data prepare` makes stores" if given else "`harness run` makes the suite's stores"
        raise UserError(f"{path}: no store there; {advice}")
    return SequenceStore(path)


def verify(
    name: Annotated[str, typer.Argument(help="a key of `archives` or `walkers` in params.yaml")] = "",
    path: Annotated[Path | None, typer.Option("--store", help="a store elsewhere")] = None,
    strict: Annotated[bool, typer.Option(help="end with code 1 when something is missing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check a store's digest, and compare it with what the data set should hold: missing, short, empty or odd.

    Example: harness data verify --store /data/casia-b
    """
    if path is None and not name:
        raise UserError("name a data set of params.yaml, or a store with --store")
    opened = open_store(name, path)
    opened.verify()
    known = data_sets().get(str(opened.about.get("dataset")))
    verdict = compare(opened, known)
    if as_json:
        typer.echo(json.dumps(_as_dict(opened, verdict), indent=1, ensure_ascii=False))
    else:
        _show(opened, known, verdict)
    if strict and not verdict.complete:
        raise typer.Exit(1)


def _as_dict(opened: SequenceStore, verdict: Verdict) -> dict[str, Any]:
    return {
        "store": str(opened.path),
        "digest": opened.digest,
        "complete": verdict.complete,
        "splits": {
            s.split: {
                "subjects": s.subjects,
                "sequences": s.sequences,
                "expected_subjects": s.expected.subjects if s.expected else None,
                "expected_sequences": s.expected.sequences if s.expected else None,
            }
            for s in verdict.splits
        },
        "missing": ["/".join(key) for key in verdict.missing],
        "known_missing": {"/".join(key): reason for key, reason in verdict.known_missing},
        "short": {"/".join(key): length for key, length in verdict.short},
        "odd": {kind: {"count": count, "examples": places} for kind, (count, _, places) in verdict.odd.items()},
    }


def _show(opened: SequenceStore, known: DataSet | None, verdict: Verdict) -> None:
    title = known.title if known else str(opened.about.get("dataset"))
    console.print(f"{opened.path}: {title}, digest {opened.digest[:16]} as it should be")
    counts = Table("split", "subjects", "expected", "sequences", "expected")
    for s in verdict.splits:
        wanted = (s.expected.subjects, s.expected.sequences or "—") if s.expected else ("—", "—")
        counts.add_row(s.split, str(s.subjects), str(wanted[0]), str(s.sequences), str(wanted[1]))
    console.print(counts)
    table = Table("what", "count", "meaning", "such as")
    if known and known.complete:
        table.add_row("missing", str(len(verdict.missing)), "sequences that a whole archive has", _few(verdict.missing))
    elif known:
        table.add_row("missing", "—", "which sequences a whole archive has is published nowhere: see the counts", "")
    if verdict.known_missing:
        keys = [key for key, _ in verdict.known_missing]
        table.add_row("known missing", str(len(keys)), verdict.known_missing[0][1], _few(keys))
    table.add_row(
        "short", str(len(verdict.short)), "sequences of fewer than 5 frames", _few([k for k, _ in verdict.short])
    )
    for kind, (count, meaning, places) in verdict.odd.items():
        if kind not in ("short", "one frame"):
            table.add_row(kind, str(count), meaning, "\n".join(places[:3]))
    console.print(table)
    console.print("complete" if verdict.complete else "not complete: the tables above say what is missing")


def _few(keys: list[Key]) -> str:
    return ", ".join("/".join(key) for key in keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")


def _state(settings: Settings, name: str) -> dict[str, Any]:
    archive = settings.archives[name]
    one = data_set(archive.reader)
    place = store(settings.suite.name, name)
    prepared = (place / "store.json").is_file()
    return {
        "name": name,
        "title": one.title,
        "raw": archive.raw,
        "raw_is_there": bool(archive.raw) and Path(archive.raw).exists(),
        "store": str(place) if prepared else None,
        "digest": SequenceStore(place).digest if prepared else None,
        "licence": one.licence,
        "ask": one.ask,
    }


def list_data_sets(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """List the real data sets: which are here, which are prepared, and how to get the others.

    Example: harness data list
    """
    settings = load()
    states = [_state(settings, name) for name in settings.archives]
    if as_json:
        typer.echo(json.dumps(states, indent=1, ensure_ascii=False))
        return
    table = Table("data set", "archive", f"store of suite {settings.suite.name}")
    for state in states:
        here = state["raw"] if state["raw_is_there"] else f"{state['raw']}: not there" if state["raw"] else "—"
        prepared = f"digest {state['digest'][:12]}" if state["digest"] else "—"
        table.add_row(f"{state['title']} ({state['name']})", here, prepared)
    console.print(table)
    for state in states:
        if not state["raw_is_there"]:
            console.print(f"{state['title']}: {state['ask']} (licence: {state['licence']})", markup=False)
    console.print(f"Set archives.<name>.raw in {PARAMS} to the folder or archive that you have.", markup=False)
