"""PNG files to masks, with everything odd about them said."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY = 0
_PALETTE = 3


def _header(data: bytes) -> tuple[int, int, int, int] | None:
    """Width, height, bit depth and colour type; None for a file that is cut short or damaged anywhere.

    Every chunk's length and checksum is looked at: OpenCV fills what is missing with black and says nothing.
    """
    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR" or len(data) < 33:
        return None
    place = 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[place + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return None
        if data[place + 4 : place + 8] == b"IEND":
            return struct.unpack_from(">IIBB", data, 16)
        place = end + 4
    return None


def decode(data: bytes, most_pixels: int) -> tuple[npt.NDArray[np.uint8] | None, list[str]]:
    """A PNG file as a mask uint8[H,W], read as the field reads it (OpenCV, grey), and what is odd about it.

    None with "unreadable" for a damaged file and with "too large" beyond ``most_pixels``; "colour" and "16 bit"
    are converted.
    """
    header = _header(data)
    if header is None:
        return None, ["unreadable"]
    width, height, depth, kind = header
    if width * height > most_pixels:
        return None, ["too large"]
    frame = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    if frame is None:
        return None, ["unreadable"]
    notes = ["16 bit"] if depth == 16 else []
    if kind not in (_GREY, _PALETTE):
        notes.append("colour")
    return np.asarray(frame, dtype=np.uint8), notes
