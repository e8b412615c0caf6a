"""Arrays of other people's .npz files: every fault is one line that names the file and the array."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UserError, nearest
from harness.files import atomic_path


@dataclass(frozen=True)
class Wanted:
    """One array: its axes as letters ("BTHW"), what it holds ("numbers", "counts" or "words"), whether it may lack.

    ``sizes``: letters whose size is fixed.
    """

    axes: str
    holds: str = "numbers"
    optional: bool = False
    sizes: Mapping[str, int] | None = None


_KINDS = {"numbers": "fu", "counts": "iu", "words": "USiu"}
_SAY = {"numbers": "float or uint8 numbers", "counts": "whole numbers", "words": "text"}


def read_arrays(path: Path, wanted: Mapping[str, Wanted]) -> dict[str, np.ndarray]:
    """The wanted arrays of an .npz file; axes with the same letter have the same size."""
    sizes: dict[str, tuple[int, str]] = {}
    found = {}
    with _opened(path) as content:
        for name, want in wanted.items():
            if name not in content.files:
                if want.optional:
                    continue
                raise UserError(f"{path}: array '{name}' is missing; {nearest(name, content.files)}")
            array = content[name]
            if not isinstance(array, np.ndarray):
                raise UserError(f"{path}: '{name}' is no array; write it with numpy.savez")
            _check(path, name, array, want, sizes)
            found[name] = _plain(path, name, array, want)
    return found


@contextmanager
def _opened(path: Path):
    try:
        content = np.load(path, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise UserError(f"{path}: a single array; put it into an .npz file under its name (numpy.savez)")
        with content:
            yield content
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); name an .npz file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise UserError(f"{path}: not an .npz file, or cut short; write it again with numpy.savez") from None
    except MemoryError:
        raise UserError(f"{path}: is larger than memory, or damaged; write it in parts") from None
    except ValueError as error:
        reason = (
            "holds Python objects, or is no .npz file"
            if "pickle" in str(error).lower()
            else "not an .npz file, or damaged"
        )
        raise UserError(f"{path}: {reason}; write plain arrays with numpy.savez") from None


def _check(path: Path, name: str, array: np.ndarray, want: Wanted, sizes: dict[str, tuple[int, str]]) -> None:
    axes = f"[{','.join(want.axes)}]"
    if array.ndim != len(want.axes):
        raise UserError(f"{path}: '{name}' must be {axes}, it has shape {list(array.shape)}")
    if array.dtype.kind not in _KINDS[want.holds]:
        raise UserError(f"{path}: '{name}' must hold {_SAY[want.holds]}, it holds {array.dtype}")
    if array.size == 0:
        raise UserError(f"{path}: '{name}' is empty, shape {list(array.shape)}")
    for letter, size in zip(want.axes, array.shape, strict=True):
        fixed = (want.sizes or {}).get(letter)
        if fixed is not None and size != fixed:
            raise UserError(
                f"{path}: '{name}' must be {axes} with {letter} = {fixed}, it has shape {list(array.shape)}"
            )
        other, where = sizes.setdefault(letter, (size, name))
        if other != size:
            raise UserError(f"{path}: '{name}' and '{where}' differ in {letter}: {size} and {other}")
    if array.dtype.kind == "f":
        finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            raise UserError(
                f"{path}: '{name}' holds NaN or infinity, first in row {int(np.argmin(finite))}; leave it out"
            )


def _plain(path: Path, name: str, array: np.ndarray, want: Wanted) -> np.ndarray:
    """The array in a type that torch takes: floats f32, text as text, whole numbers in this machine's byte order."""
    if array.dtype.kind == "f" and array.dtype != np.float32:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise UserError(f"{path}: '{name}' holds numbers that fp32 cannot hold; scale it down")
        return array
    if want.holds == "words":
        return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array.astype(np.str_)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Writes an .npz file, whole or not at all."""
    with atomic_path(path) as scratch, open(scratch, "wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
