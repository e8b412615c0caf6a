"""Walks a raw data set, a folder or an archive, and yields runs of frames that lie in one folder.

Nothing is unpacked to disk. An archive inside (a subject's tar.gz) is read as if it were a folder of its name.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tarfile import (
    EOFHeaderError,  # pyright: ignore[reportAttributeAccessIssue]
    HeaderError,
    ReadError,
)
from typing import IO, Self

from harness.data import zips
from harness.data.findings import Findings, printable
from harness.data.spots import MIB, BytesSpot, FileSpot, Limits, SpanSpot, Spot
from harness.errors import PausedError, UserError

_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
_DEEPEST = 4
_RUN = 512  # frames that go to a process at once
_RUN_BYTES = 32 * MIB
_FOLDER = 1 << 17  # bytes: about what a sequence of CASIA-B has
_BESIDE = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_LONGEST = MIB  # of what tars keep beside a member: a long name, attributes


@dataclass(frozen=True)
class Run:
    """Frames of one folder that stand together: ``parts`` are the folders above them, ``stamp`` changes with them.

    ``position`` says how far into the whole they are, in units of :meth:`Walk.total`.
    """

    parts: tuple[str, ...]
    spots: tuple[Spot, ...]
    stamp: str
    position: int

    @property
    def place(self) -> str:
        """Where the sequence lies: its folder, or its pickle."""
        pickled = (self.spots[0].name,) if is_pickle(self.spots[0].name) else ()
        return "/".join(printable(part) for part in (*self.parts, *pickled))


Member = tuple[tuple[str, ...], Spot, int]
"""Folders above a frame, where it lies, and the position."""


class _Header(tarfile.TarInfo):
    """A member's header. tarfile itself takes a damaged one for the archive's end, and reads long names whole."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except HeaderError as error:
            if isinstance(error, EOFHeaderError):
                raise
            raise ReadError(str(error)) from None

    def _proc_member(self, tarfile: tarfile.TarFile) -> Self | tarfile.TarInfo:
        # Every version of Python asks this before it reads what stands beside a member; what a header is read with is
        # not the same in all of them.
        if self.type in _BESIDE and self.size > _LONGEST:
            raise ReadError(f"a name or attribute of {self.size} bytes")
        return super()._proc_member(tarfile)  # pyright: ignore[reportAttributeAccessIssue]


def archive_suffix(name: str) -> str | None:
    """ ".zip", ".tar", ".tgz" or ".tar.gz"; None for anything else."""
    return next((suffix for suffix in _SUFFIXES if name.lower().endswith(suffix)), None)


def is_pickle(name: str) -> bool:
    """Whether a file is a whole sequence in OpenGait's form."""
    return name.lower().endswith(".pkl")


def _is_frame(name: str) -> bool:
    # GREW's energy images stand beside its sequences; CASIA-B* keeps colours and ratios beside its silhouettes.
    lower = name.lower()
    if is_pickle(name):
        return not lower.endswith(("-rgbs.pkl", "-ratios.pkl", "-sils.pkl")) or lower.endswith("-aligned-sils.pkl")
    return lower.endswith(".png") and not lower.endswith("gei.png") and not lower.startswith("._")


def _weight(folder: str, names: list[str]) -> int:
    """How much of the whole a folder's own files are, in bytes."""
    archives = sum((Path(folder) / name).lstat().st_size for name in names if archive_suffix(name))
    return archives + (_FOLDER if any(_is_frame(name) for name in names) else 0)


class Walk:
    """One pass over ``raw``; ``findings`` holds what was left out on the way."""

    def __init__(self, raw: Path, limits: Limits) -> None:
        self.raw, self.limits, self.findings = raw, limits, Findings()
        self._unpacked = 0
        self._root = os.path.realpath(raw)
        self._stamp = ""
        self._position = 0
        if not raw.exists():
            raise UserError(f"{raw}: no such folder or archive")
        if not raw.is_dir() and archive_suffix(raw.name) is None:
            raise UserError(f"{raw}: neither a folder nor a .zip, .tar, .tgz or .tar.gz")

    def total(self) -> int:
        """What ``position`` runs up to: bytes of archives, and for each folder of frames as many as those may have."""
        if self.raw.is_dir():
            return sum(_weight(top, names) for top, _, names in os.walk(self._root, followlinks=False))
        return zips.end_of_members(self.raw) if archive_suffix(self.raw.name) == ".zip" else self.raw.stat().st_size

    def runs(self) -> Iterator[Run]:
        """Every run of frames; folders in the order of their names, archives in their own order."""
        try:
            if self.raw.is_dir():
                yield from self._folder(self._root, ())
            else:
                yield from self._file(str(self.raw), ())
        except PermissionError as error:
            raise PausedError(f"{error.filename}: no permission to read it; change that and run again") from None

    # --- folders ------------------------------------------------------------------------------------------------

    def _folder(self, folder: str, parts: tuple[str, ...]) -> Iterator[Run]:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        names = {entry.name for entry in entries}
        frames: list[FileSpot] = []
        for entry in entries:
            inside = (*parts, entry.name)
            if entry.is_symlink() and not self._may_follow(entry, folder):
                self.findings.add("link", printable("/".join(inside)))
            elif entry.is_dir():
                yield from self._folder(entry.path, inside)
            elif suffix := archive_suffix(entry.name):
                if entry.name[: -len(suffix)] in names:
                    self.findings.add("unpacked beside", printable("/".join(inside)))
                    self._position += entry.stat().st_size
                else:
                    yield from self._file(entry.path, (*parts, entry.name[: -len(suffix)]))
            elif _is_frame(entry.name):
                frames.append(FileSpot(entry.name, folder))
            else:
                self.findings.add("other file", printable("/".join(inside)))
        if not entries and parts:
            self.findings.add("empty folder", printable("/".join(parts)))
        self._position += _FOLDER if frames else 0
        self._stamp = f"{Path(folder).stat().st_mtime_ns}-{len(entries)}"
        yield from self._cut((parts, spot, self._position) for spot in frames)

    def _may_follow(self, entry: os.DirEntry[str], folder: str) -> bool:
        target = os.path.realpath(entry.path)
        here = os.path.realpath(folder)
        within = target.startswith(self._root + os.sep)
        return within and Path(target).exists() and not (here + os.sep).startswith(target + os.sep)

    # --- archives -----------------------------------------------------------------------------------------------

    def _file(self, path: str, parts: tuple[str, ...]) -> Iterator[Run]:
        status = Path(path).stat()
        self._stamp = f"{status.st_mtime_ns}-{status.st_size}"
        suffix = archive_suffix(path)
        begin = self._position
        try:
            if suffix == ".zip":
                yield from self._cut(self._zip(Path(path), parts, begin))
            else:
                with open(path, "rb") as stream:
                    yield from self._cut(
                        self._tar(stream, path, parts, suffix != ".tar", 1, lambda: begin + stream.tell())
                    )
            self._position = begin + status.st_size
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, RecursionError) as error:
            raise UserError(f"{path}: damaged or cut short ({error}); copy it again") from None

    def _zip(self, path: Path, parts: tuple[str, ...], begin: int) -> Iterator[Member]:
        for member in zips.members(path):
            inside = (*parts, *self._safe(member.name, str(path)))
            self._position = max(self._position, begin + member.spot.offset)
            if member.link:
                self.findings.add("link", printable("/".join(inside)))
                continue
            self._count(member.spot.size, str(path))
            suffix = archive_suffix(inside[-1])
            if suffix == ".zip":
                raise UserError(f"{path}: holds the zip file {member.name}; unpack the outer one and name the folder")
            if suffix:
                stem = inside[-1][: -len(suffix)]
                above = (*inside[:-1], stem)
                with zips.MemberStream(member.spot, self._position) as packed, io.BufferedReader(packed) as stream:
                    yield from self._tar(stream, str(path), above, suffix != ".tar", 2, packed.place)
            elif _is_frame(inside[-1]):
                self.limits.check(f"{path}: {member.name}", member.spot.size)
                yield inside[:-1], member.spot, self._position
            else:
                self.findings.add("other file", printable("/".join(inside)))

    def _tar(
        self,
        stream: IO[bytes] | io.BufferedReader,
        path: str,
        parts: tuple[str, ...],
        packed: bool,
        depth: int,
        position: Callable[[], int],
    ) -> Iterator[Member]:
        if depth > _DEEPEST:
            raise UserError(f"{path}: archives within archives, more than {_DEEPEST} deep; unpack the outer ones")
        seekable = depth == 1 and not packed
        source = gzip.GzipFile(fileobj=stream) if packed else stream
        with tarfile.open(fileobj=source, mode="r:" if seekable else "r|", tarinfo=_Header) as tar:
            while (member := tar.next()) is not None:
                # tarfile keeps every member it has seen: millions of frames among them.
                tar.members.clear()  # pyright: ignore[reportAttributeAccessIssue]
                self._position = position()
                if member.isdir():
                    continue
                inside = (*parts, *self._safe(member.name, path))
                if not member.isreg():
                    self.findings.add("link", printable("/".join(inside)))
                    continue
                self._count(member.size, path)
                yield from self._tar_member(tar, member, path, inside, depth, seekable, position)
        # The checksum of what is packed stands at its very end.
        while rest := source.read(MIB):
            self._count(len(rest), path)

    def _tar_member(
        self,
        tar: tarfile.TarFile,
        member: tarfile.TarInfo,
        path: str,
        inside: tuple[str, ...],
        depth: int,
        seekable: bool,
        position: Callable[[], int],
    ) -> Iterator[Member]:
        suffix = archive_suffix(inside[-1])
        if suffix == ".zip":
            raise UserError(f"{path}: holds the zip file {member.name}; unpack the outer one and name the folder")
        if not suffix and not _is_frame(inside[-1]):
            self.findings.add("other file", printable("/".join(inside)))
            return
        if not suffix:
            self.limits.check(f"{path}: {member.name}", member.size)
        if seekable and not suffix and not member.issparse():
            yield inside[:-1], SpanSpot(inside[-1], path, member.offset_data, member.size), self._position
            return
        content = tar.extractfile(member)
        assert content is not None  # it is a regular file
        with content:
            if suffix:
                stem = inside[-1][: -len(suffix)]
                above = (*inside[:-1], stem)
                yield from self._tar(content, path, above, suffix != ".tar", depth + 1, position)  # pyright: ignore[reportArgumentType]
            else:
                yield inside[:-1], BytesSpot(inside[-1], content.read()), self._position

    # --- both ---------------------------------------------------------------------------------------------------

    def _safe(self, name: str, archive: str) -> tuple[str, ...]:
        """A member's folders and name; one that would leave the archive is refused, though nothing is unpacked."""
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if name.startswith("/") or name[1:2] == ":" or ".." in parts or not parts:
            raise UserError(
                f"{archive}: its member {printable(name)!r} points outside the archive: nobody publishes data "
                "like that; get it again from its owners"
            )
        return parts

    def _count(self, size: int, archive: str) -> None:
        self._unpacked += size
        if self._unpacked > self.limits.total:
            raise UserError(
                f"{archive}: unpacks to more than {self.limits.total / MIB / 1024:g} GiB; if it is genuine, raise "
                "--max-total-gib"
            )

    def _cut(self, members: Iterable[Member]) -> Iterator[Run]:
        """Members that follow each other in one folder, in runs that a process can take; a pickle is a run alone."""
        parts: tuple[str, ...] = ()
        held: list[Spot] = []
        size = position = 0
        for above, spot, place in members:
            alone = is_pickle(spot.name)
            full = len(held) >= _RUN or size >= _RUN_BYTES
            if held and (above != parts or alone or full):
                yield Run(parts, tuple(held), self._stamp, position)
                held, size = [], 0
            parts, position = above, place
            if alone:
                yield Run(above, (spot,), self._stamp, place)
                continue
            held.append(spot)
            size += len(spot.data) if isinstance(spot, BytesSpot) else 0
        if held:
            yield Run(parts, tuple(held), self._stamp, position)
