"""Zip files a member at a time: Python's zipfile holds every member in memory, millions of frames among them."""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.data.spots import ZipSpot
from harness.errors import UserError

_END, _END64, _LOCATOR64, _CENTRAL = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_FULL32 = 0xFFFFFFFF
_METHODS = (0, 8)


@dataclass(frozen=True)
class ZipMember:
    """A line of the central directory. ``name`` with "/" between folders, ``link``: a symbolic link."""

    name: str
    link: bool
    spot: ZipSpot


def _directory(path: Path) -> tuple[int, int]:
    """Where the central directory begins, and its bytes."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        tail_at = max(0, size - 65_557)
        stream.seek(tail_at)
        tail = stream.read()
        place = tail.rfind(_END)
        if place < 0 or place + 22 > len(tail):
            raise UserError(f"{path}: not a whole zip file (its end is missing); copy it again")
        count, length, begin = struct.unpack_from("<HII", tail, place + 10)
        if _FULL32 in (length, begin) or count == 0xFFFF:
            locator = tail_at + place - 20
            stream.seek(max(0, locator))
            found = stream.read(20)
            if locator >= 0 and found[:4] == _LOCATOR64:
                stream.seek(struct.unpack_from("<Q", found, 8)[0])
                record = stream.read(56)
                if len(record) < 56 or record[:4] != _END64:
                    raise UserError(f"{path}: not a whole zip file (its directory is damaged); copy it again")
                length, begin = struct.unpack_from("<QQ", record, 40)
    if begin + length > size:
        raise UserError(f"{path}: not a whole zip file (it is cut short); copy it again")
    return begin, length


def end_of_members(path: Path) -> int:
    """Where a zip file's members end and their directory begins, in bytes."""
    return _directory(path)[0]


def members(path: Path) -> Iterator[ZipMember]:
    """Every file of a zip, in the order of its central directory; folders are not listed."""
    begin, length = _directory(path)
    with path.open("rb") as stream:
        stream.seek(begin)
        while stream.tell() < begin + length:
            fixed = stream.read(46)
            if len(fixed) < 46 or fixed[:4] != _CENTRAL:
                raise UserError(f"{path}: not a whole zip file (its directory is damaged); copy it again")
            flags, method = struct.unpack_from("<HH", fixed, 8)
            crc, packed, size, n, m, k = struct.unpack_from("<IIIHHH", fixed, 16)
            mode, offset = struct.unpack_from("<II", fixed, 38)
            raw, extra = stream.read(n), stream.read(m)
            stream.seek(k, os.SEEK_CUR)
            name = raw.decode("utf-8" if flags & 0x800 else "cp437", "backslashreplace").replace("\\", "/")
            size, packed, offset = _wide(extra, size, packed, offset)
            if name.endswith("/"):
                continue
            if flags & 1:
                raise UserError(
                    f"{path}: locked by a password; unpack it with the one you were given, then name the folder"
                )
            if method not in _METHODS:
                raise UserError(
                    f"{path}: {name} is packed by method {method}, which is rare; unpack it and name the folder"
                )
            spot = ZipSpot(name.rsplit("/", 1)[-1], str(path), offset, packed, size, method, crc)
            yield ZipMember(name, stat.S_ISLNK(mode >> 16), spot)


def _wide(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Sizes and offset with those that do not fit 32 bits taken from the extra field."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{length // 8}Q", extra.ljust(place + 4 + length, b"\0"), place + 4))
            size = next(wide, size) if size == _FULL32 else size
            packed = next(wide, packed) if packed == _FULL32 else packed
            offset = next(wide, offset) if offset == _FULL32 else offset
        place += 4 + length
    return size, packed, offset


class MemberStream(io.RawIOBase):
    """A member's unpacked bytes as a stream: for a tar inside a zip, which is never held whole.

    A wrong checksum at its end is a :class:`zlib.error`.
    """

    def __init__(self, spot: ZipSpot, begin: int) -> None:
        self._file = open(spot.path, "rb")  # noqa: SIM115 (closed by close())
        at = spot.data_offset()
        self._file.seek(max(0, at))
        self._left = spot.packed if at >= 0 else 0
        self._end = begin + self._left
        self._unpack = zlib.decompressobj(-15) if spot.method else None
        self._wanted, self._crc = spot.crc, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while True:
            if self._unpack is None or not (data := self._unpack.unconsumed_tail):
                data = self._file.read(min(self._left, 1 << 16 if self._unpack else len(buffer)))
                self._left -= len(data)
            # Also without data: what did not fit into the last buffer is still to come.
            out = self._unpack.decompress(data, len(buffer)) if self._unpack else data
            if out:
                self._crc = zlib.crc32(out, self._crc)
                buffer[: len(out)] = out
                return len(out)
            if not data:
                if self._crc != self._wanted:
                    raise zlib.error("wrong checksum")
                return 0

    def place(self) -> int:
        """``begin`` and the packed bytes that have been read so far."""
        return self._end - self._left

    def close(self) -> None:
        self._file.close()
        super().close()
