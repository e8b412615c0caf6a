"""PNG files of every kind against OpenCV's own reading, and damage at any byte."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from raw_sets import mask, png

from harness.data.decode import decode

LIMIT = 10**7


@pytest.mark.parametrize("kind", ["grey", "1 bit", "colour", "alpha", "16 bit"])
def test_read_as_the_field_reads_it(tmp_path, kind: str):
    image = mask(3, 2)
    made = {
        "grey": png(image),
        "1 bit": cv2.imencode(".png", image, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes(),
        "colour": png(np.stack([image, image // 2, image], axis=2)),
        "alpha": png(np.stack([image, image, image // 3, image], axis=2)),
        "16 bit": png(image.astype(np.uint16) * 200),
    }[kind]
    (tmp_path / "x.png").write_bytes(made)
    frame, notes = decode(made, LIMIT)
    np.testing.assert_array_equal(frame, cv2.imread(str(tmp_path / "x.png"), cv2.IMREAD_GRAYSCALE))
    assert notes == {"colour": ["colour"], "alpha": ["colour"], "16 bit": ["16 bit"]}.get(kind, [])


def test_damage_at_any_byte_and_any_length_is_noticed():
    data = png(mask(1, 1))
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 0x41
        assert decode(bytes(broken), LIMIT)[0] is None, place
    for length in range(len(data)):
        assert decode(data[:length], LIMIT) == (None, ["unreadable"]), length


def test_bytes_after_the_end_do_no_harm():
    frame, notes = decode(png(mask(1, 1)) + b"rubbish", LIMIT)
    np.testing.assert_array_equal(frame, mask(1, 1))
    assert notes == []


def test_too_many_pixels():
    assert decode(png(mask(1, 1)), 60 * 80 - 1) == (None, ["too large"])
    assert decode(png(mask(1, 1)), 60 * 80)[0] is not None
