"""Where the bytes of a frame lie: in a file, in a part of one, in a zip, or already in memory."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache

from harness.errors import PausedError, UserError

MIB = 1 << 20
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class Limits:
    """Against archives made to fill memory: bytes of one member, and of all members together."""

    member: int = 64 * MIB
    total: int = (1 << 20) * MIB

    def check(self, place: str, size: int) -> None:
        """Raises when a member says, or turns out, to be larger than allowed."""
        if size > self.member:
            raise UserError(
                f"{place}: unpacks to more than {self.member / MIB:g} MiB, which no frame does; if it is "
                "genuine, raise --max-member-mib"
            )


@lru_cache(maxsize=4)
def _descriptor(path: str) -> int:
    # Stays open for the next frame; a worker has at most a few archives open.
    return os.open(path, os.O_RDONLY)


@dataclass(frozen=True, slots=True)
class FileSpot:
    """A file of its own in ``folder``."""

    name: str
    folder: str

    def read(self, limits: Limits) -> bytes:
        path = os.path.join(self.folder, self.name)  # noqa: PTH118 (a Path for each frame costs more than the read)
        try:
            with open(path, "rb", buffering=0) as stream:
                data = stream.read(limits.member + 1) or b""
        except PermissionError:
            raise PausedError(f"{path}: no permission to read it; change that and run again") from None
        limits.check(path, len(data))
        return data


@dataclass(frozen=True, slots=True)
class SpanSpot:
    """``size`` bytes of an archive that is not compressed."""

    name: str
    path: str
    offset: int
    size: int

    def read(self, limits: Limits) -> bytes:
        limits.check(f"{self.path}: {self.name}", self.size)
        return os.pread(_descriptor(self.path), self.size, self.offset)


@dataclass(frozen=True, slots=True)
class ZipSpot:
    """A member of a zip file: where its local header stands, its packed and unpacked sizes, and its checksum."""

    name: str
    path: str
    offset: int
    packed: int
    size: int
    method: int
    crc: int

    def data_offset(self) -> int:
        """Where the packed bytes begin, or -1 where no member stands."""
        header = os.pread(_descriptor(self.path), _LOCAL_HEADER, self.offset)
        if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            return -1
        name, extra = struct.unpack_from("<HH", header, 26)
        return self.offset + _LOCAL_HEADER + name + extra

    def read(self, limits: Limits) -> bytes:
        """The unpacked bytes; b"" for a damaged member, as of an empty file."""
        limits.check(f"{self.path}: {self.name}", self.size)
        begin = self.data_offset()
        if begin < 0:
            return b""
        data = os.pread(_descriptor(self.path), self.packed, begin)
        if self.method:
            try:
                # One byte more than is announced: a member that lies about its size is noticed, never unpacked.
                data = zlib.decompressobj(-15).decompress(data, self.size + 1)
            except zlib.error:
                return b""
        return data if len(data) == self.size and zlib.crc32(data) == self.crc else b""


@dataclass(frozen=True, slots=True)
class BytesSpot:
    """Bytes that were read from a compressed stream."""

    name: str
    data: bytes

    def read(self, limits: Limits) -> bytes:
        return self.data


Spot = FileSpot | SpanSpot | ZipSpot | BytesSpot
