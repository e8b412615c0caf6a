"""OpenGait's pickles: arrays come out, and nothing else ever happens."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import subprocess

import numpy as np
import pytest

from harness.data.pickles import BadPickleError, load_frames

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 64, 64), dtype=np.uint8)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol(protocol: int):
    wide = load_frames(pickle.dumps(FRAMES, protocol))
    assert wide.dtype == np.uint8 and wide.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(wide, FRAMES[:, :, 10:54])
    narrow = np.ascontiguousarray(FRAMES[:, :, :44])
    np.testing.assert_array_equal(load_frames(pickle.dumps(narrow, protocol)), narrow)
    fortran = pickle.dumps(np.asfortranarray(FRAMES), protocol)
    np.testing.assert_array_equal(load_frames(fortran), wide)


def test_names_of_older_and_newer_numpy():
    data = pickle.dumps(FRAMES, 2)
    assert b"numpy._core" in data or b"numpy.core" in data
    for name in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        renamed = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray").replace(
            b"numpy.core.multiarray", name
        )
        np.testing.assert_array_equal(load_frames(renamed), FRAMES[:, :, 10:54])


def test_a_list_of_frames():
    np.testing.assert_array_equal(load_frames(pickle.dumps(list(FRAMES))), FRAMES[:, :, 10:54])


def test_one_frame_named_many_times_is_not_multiplied():
    with pytest.raises(BadPickleError, match="more frames than bytes"):
        load_frames(pickle.dumps([FRAMES[0]] * 1000))


class Calls:
    """Pickles as a call of anything."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "evil",
    [
        Calls(os.system, "exit 3"),
        Calls(subprocess.check_output, ["true"]),
        Calls(eval, "1 + 1"),
        Calls(open, "/etc/passwd"),
        Calls(np.load, "x.npy"),
        Calls(np.zeros, 10**12),
        [FRAMES, Calls(exec, "pass")],
        {"frames": Calls(getattr, FRAMES, "tofile")},
    ],
    ids=lambda value: type(value).__name__,
)
def test_code_is_refused_and_not_run(evil, monkeypatch):
    data = pickle.dumps(evil)
    ran = []
    monkeypatch.setattr(os, "system", lambda *_: ran.append(1))
    with pytest.raises(BadPickleError, match=r"asks for .*, which is no array"):
        load_frames(data)
    assert not ran


@pytest.mark.parametrize("call", [b"cnumpy\nndarray\n((I1000000000000\ntR.", b"cnumpy\nndarray\n(I1\ntR."])
def test_not_even_numpys_own_constructor_can_be_called(call: bytes):
    with pytest.raises(BadPickleError):
        load_frames(call)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (FRAMES.astype(np.float32), "type f4"),
        (FRAMES[0], r"shape \[64, 64\]"),
        (FRAMES[:, :32], r"shape \[5, 32, 64\]"),
        (np.array([{"a": 1}], dtype=object), "type O8"),
        ([FRAMES[0], FRAMES[0, :32]], "different sizes"),
        ({"frames": FRAMES}, "holds no array"),
        ([], "holds no array"),
        (7, "holds no array"),
    ],
)
def test_what_is_no_array_of_silhouettes(content, line: str):
    with pytest.raises(BadPickleError, match=line):
        load_frames(pickle.dumps(content))


def test_damaged_at_every_byte_nothing_but_frames_or_a_clear_refusal():
    data = pickle.dumps(FRAMES[:1], 2)
    head = len(data) - FRAMES[0].nbytes
    rng = np.random.default_rng(1)
    for place in range(0, min(head, 400)):
        broken = bytearray(data)
        broken[place] ^= int(rng.integers(1, 256))
        try:
            frames = load_frames(bytes(broken))
        except BadPickleError:
            continue
        assert frames.shape[1:] == (64, 44)
    for length in (0, 1, 10, len(data) // 2, len(data) - 1):
        with pytest.raises(BadPickleError):
            load_frames(data[:length])


def test_bytes_that_do_not_fill_their_shape():
    data = pickle.dumps(FRAMES[:2], 0)
    wrong = data.replace(b"I2\n", b"I9\n", 1)
    assert wrong != data and list(pickletools.genops(io.BytesIO(wrong)))
    with pytest.raises(BadPickleError, match="do not fill"):
        load_frames(wrong)
