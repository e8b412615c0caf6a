"""A raw data set into a store: in parallel, resumable after a kill, and the same bytes whatever the circumstances."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.data.archive import Run, Walk
from harness.data.assemble import assemble
from harness.data.dataset import DataSet, Key, Split
from harness.data.journal import Journal
from harness.data.spots import Limits
from harness.data.workers import prepare_runs
from harness.errors import PausedError, UserError
from harness.files import atomic_path, is_full, sha256
from harness.identity import cores

_USUAL = Limits()
_PATIENCE = 3.0  # seconds: processes of a killed preparation may hold the lock for a moment
_PREPARATION = 1
"""Rises when prepared frames change, so that nothing of an older version is taken up."""


@dataclass(frozen=True)
class State:
    """How far a preparation is: ``done`` of ``total`` (folders, members or bytes), frames read, runs found done."""

    done: int
    total: int
    frames: int
    resumed: int


@dataclass(frozen=True)
class Request:
    """What to prepare. ``partition``: a name that the data set knows or a JSON file in OpenGait's form (None: the usual
    one); ``validation``: how many of the last training subjects become the split "val"; ``about``: what the store
    says of itself instead of this request."""

    dataset: DataSet
    raw: Path
    store: Path
    partition: str | None = None
    validation: int = 0
    limits: Limits = _USUAL
    about: dict[str, Any] | None = None

    def job(self) -> dict[str, Any]:
        """What prepared frames depend on, but for the content of a folder: that is looked at folder by folder."""
        found = self.raw.stat()
        size = None if self.raw.is_dir() else [found.st_size, found.st_mtime_ns]
        return {
            "preparation": _PREPARATION,
            "dataset": self.dataset.name,
            "raw": str(self.raw.resolve()),
            "file": size,
            "limits": asdict(self.limits),
        }

    def origin(self) -> dict[str, Any]:
        """What stands in the store's description."""
        if self.about is not None:
            return self.about
        partition = self.partition or self.dataset.usual
        made_from = {"partition": partition, "validation": self.validation}
        if partition not in self.dataset.partitions:
            made_from |= {"partition": Path(partition).name, "sha256": sha256(Path(partition))}
        return {"dataset": self.dataset.name, "layout": self.dataset.layout, "made_from": made_from}


def working_folder(store: Path) -> Path:
    """Where an unfinished preparation keeps its state: beside the store, on the same disk."""
    return store.parent / f".{store.name}.preparing"


def prepare(
    request: Request, jobs: int | None = None, progress: Callable[[State], None] | None = None
) -> dict[str, Any]:
    """Prepares a raw data set into a store and returns the report that lies in it as ``report.json``.

    A folder and an archive with the same content give the same store, with any number of processes. After a kill
    the same request goes on: what was finished is not done again. A fault is a :class:`UserError` that leaves no store,
    or the store that was there before.
    """
    store = request.store
    if store.exists() and not (store / "store.json").is_file():
        raise UserError(f"{store}: exists and is no store; name another place, or remove it")
    split = request.dataset.split(request.partition or request.dataset.usual)
    walk = Walk(request.raw, request.limits)
    work = working_folder(store)
    with _explained(store), _locked(work):
        try:
            with Journal(work, request.job()) as journal:
                resumed = _prepare_runs(request, split, walk, journal, jobs or cores(), progress)
                journal.flush()
                report = assemble(
                    journal, request.dataset, split, request.validation, walk.findings, request.origin(), request.raw
                )
            with atomic_path(store) as scratch:
                (work / "store").replace(scratch)
        except PausedError:
            raise
        except UserError:
            # No second try of the same command could do better: there is nothing to go on from.
            _remove(work)
            raise
        _remove(work)
    return {**report, "resumed": resumed}


def _remove(work: Path) -> None:
    """Removes the state in one step, so that a kill leaves all of it or a leftover that the next call clears away."""
    leftover = work.with_name(f"{work.name}.done")
    shutil.rmtree(leftover, ignore_errors=True)
    if work.exists():
        work.replace(leftover)
        shutil.rmtree(leftover, ignore_errors=True)


def _prepare_runs(
    request: Request,
    split: Split,
    walk: Walk,
    journal: Journal,
    jobs: int,
    progress: Callable[[State], None] | None,
) -> int:
    """Prepares whatever the journal does not hold; returns how many runs it held."""
    total = walk.total() if progress else 0
    resumed = frames = 0

    def missing() -> Iterator[tuple[Run, Key]]:
        nonlocal resumed
        for run, key in _wanted(walk, request.dataset, split):
            if journal.has(run):
                resumed += 1
                if progress:
                    progress(State(min(run.position, total), total, frames, resumed))
            else:
                yield run, key

    for run, key, piece in prepare_runs(missing(), request.dataset.aligned, request.limits, jobs):
        journal.add(run, key, request.dataset.rank(key), piece)
        frames += piece.raw_frames
        if progress:
            progress(State(min(run.position, total), total, frames, resumed))
    return resumed


def _wanted(walk: Walk, dataset: DataSet, split: Split) -> Iterator[tuple[Run, Key]]:
    """The runs that belong to the data set and its partition; the others are counted, a folder once."""
    last = ""
    for run in walk.runs():
        found = dataset.parse(run.parts)
        if isinstance(found, Key) and split(found.subject) is not None:
            yield run, found
        elif run.place != last:
            walk.findings.add("outside the partition" if isinstance(found, Key) else found, run.place)
        last = run.place


@contextmanager
def _locked(work: Path) -> Iterator[None]:
    """One preparation of a store at a time."""
    # Beside the folder, because the folder is removed at the end.
    work.parent.mkdir(parents=True, exist_ok=True)
    place = work.with_name(f"{work.name}.lock")
    try:
        with FileLock(place, timeout=_PATIENCE):
            try:
                yield
            finally:
                place.unlink(missing_ok=True)
    except Timeout:
        raise PausedError(f"{work}: another process prepares this store; wait for it") from None


@contextmanager
def _explained(store: Path) -> Iterator[None]:
    """What goes wrong with the disk, in one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" not in str(error):
            raise
        raise _no_space(store) from None
    except PermissionError as error:
        raise UserError(f"{error.filename or store}: no permission to write there; name another --store") from None
    except OSError as error:
        if not is_full(error):
            raise
        raise _no_space(store) from None


def _no_space(store: Path) -> PausedError:
    return PausedError(
        f"{store.parent}: no space left; free some and run the same command again: what is prepared so far is kept in "
        f"{working_folder(store).name}"
    )
