"""A member of a zip as a stream, against Python's own reading."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from harness.data.zips import MemberStream, members


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("seed", range(10))
def test_a_member_as_a_stream(tmp_path: Path, method: int, seed: int):
    """Long runs of one byte: much comes out of little, more than fits into the reader's buffer, up to the very end."""
    rng = np.random.default_rng(seed)
    runs = [bytes([int(rng.integers(256))]) * int(rng.choice((1, 5, 70_000))) for _ in range(rng.integers(1, 60))]
    place = tmp_path / "x.zip"
    with zipfile.ZipFile(place, "w", method) as archive:
        archive.writestr("a.tar", b"".join(runs))
    member = next(members(place))
    with MemberStream(member.spot, 7) as stream, io.BufferedReader(stream, int(rng.choice((16, 512, 8192)))) as reader:
        parts = iter(lambda: reader.read(int(rng.integers(1, 9000))), b"")
        assert b"".join(parts) == zipfile.ZipFile(place).read("a.tar")
        assert stream.place() == 7 + member.spot.packed


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_stream_with_a_wrong_checksum(tmp_path: Path, method: int):
    place = tmp_path / "x.zip"
    with zipfile.ZipFile(place, "w", method) as archive:
        archive.writestr("a.tar", bytes(range(256)))
    data = bytearray(place.read_bytes())
    data[40 + len("a.tar")] ^= 1
    place.write_bytes(data)
    with MemberStream(next(members(place)).spot, 0) as stream, pytest.raises(zlib.error):
        stream.read()
