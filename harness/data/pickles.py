"""OpenGait's pickled sequences, read by an unpickler that can build arrays of bytes and nothing else.

No class or function of the file's choosing is ever looked up: the names that numpy's pickles use stand here for
stand-ins of our own, which keep a shape and bytes.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data.prepare import middle
from harness.types import FRAME


class BadPickleError(Exception):
    """The file is not a pickled array of silhouettes; the message says why."""


class _Type:
    """Stands for a numpy dtype: its name, and the state that numpy sets on it, which is ignored."""

    def __init__(self, name: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        pass


class _Array:
    """Stands for a numpy array: bytes and a shape."""

    def __init__(self, shape: Any = (), kind: Any = None, content: Any = b"", fortran: bool = False) -> None:
        self.shape, self.kind, self.content, self.fortran = shape, kind, content, fortran

    def __setstate__(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) == 5):
            raise BadPickleError("an array of unknown form")
        _, self.shape, self.kind, self.fortran, self.content = state

    def build(self) -> npt.NDArray[np.uint8]:
        kind = self.kind.name if isinstance(self.kind, _Type) else None
        if kind not in ("u1", "|u1", "uint8"):
            raise BadPickleError(f"an array of type {kind}, where uint8 is expected")
        shape, content = self.shape, self.content
        if not (isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)):
            raise BadPickleError("an array without a shape")
        if not isinstance(content, bytes | bytearray) or len(content) != math.prod(shape):
            raise BadPickleError("an array whose bytes do not fill its shape")
        return np.frombuffer(bytes(content), dtype=np.uint8).reshape(shape, order="F" if self.fortran else "C")


def _encode(text: Any, encoding: Any) -> bytes:
    """Bytes as pickles of protocol 2 and older carry them: text in Latin-1."""
    if not isinstance(text, str) or encoding != "latin1":
        raise BadPickleError("bytes of unknown form")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): None,  # only ever an argument of _reconstruct
    ("numpy", "dtype"): lambda name, *_: _Type(name),
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): lambda *_: _Array() for core in ("core", "_core")},
    **{
        (f"numpy.{core}.numeric", "_frombuffer"): lambda content, kind, shape, order: _Array(
            shape, kind, content, order == "F"
        )
        for core in ("core", "_core")
    },
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise BadPickleError(f"asks for {module_name}.{global_name}, which is no array")
        return _ALLOWED[module_name, global_name]

    def persistent_load(self, pid: Any) -> Any:
        raise BadPickleError("refers to something outside itself")


def load_frames(data: bytes) -> npt.NDArray[np.uint8]:
    """Silhouettes uint8[T,64,44] of a pickled uint8[T,64,64] or uint8[T,64,44] (or a list of such frames).

    Anything else, and a pickle that would run code or fill memory, is a :class:`BadPickleError`.
    """
    try:
        content = _Unpickler(io.BytesIO(data)).load()
    except BadPickleError:
        raise
    except Exception as error:
        # Whatever a damaged file makes the unpickler raise, it is a damaged file.
        raise BadPickleError(f"not a readable pickle ({type(error).__name__})") from None
    if isinstance(content, list) and content and all(isinstance(part, _Array) for part in content):
        parts = [part.build() for part in content]
        if len({part.shape for part in parts}) != 1:
            raise BadPickleError("frames of different sizes")
        if len(parts) * parts[0].nbytes > len(data):
            # A few bytes can name one frame a million times.
            raise BadPickleError("more frames than bytes for them")
        frames = np.stack(parts)
    elif isinstance(content, _Array):
        frames = content.build()
    else:
        raise BadPickleError("holds no array")
    height, width = FRAME
    if frames.ndim != 3 or frames.shape[1] != height or frames.shape[2] not in (width, height):
        raise BadPickleError(f"an array of shape {list(frames.shape)}, where [T, 64, 64] or [T, 64, 44] is expected")
    return np.ascontiguousarray(middle(frames) if frames.shape[2] == height else frames)
