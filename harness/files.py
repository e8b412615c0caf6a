"""Files that are whole or absent, and their digests."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from harness.errors import PausedError, UserError

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built with it: many times as fast
_BLOCK = re.compile(r"^ *(?:[-?:] +)*", re.MULTILINE)
_FLOW = re.compile(r"[\[{](?!\s*[\]}])")  # one that is closed at once holds nothing
_DEEPEST = 5000


class _Loader(_Safe):
    """Refuses a key that is given twice, of which YAML would keep the last without a word."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.flattened: dict[int, yaml.MappingNode] = {}

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Once for each mapping: what it merges in is laid into its node afterwards, and again for who merges it."""
        if id(node) not in self.flattened:
            self.flattened[id(node)] = node
            seen: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                    if (key.tag, key.value) in seen:
                        raise yaml.MarkedYAMLError(problem=f"'{key.value}' is given twice", problem_mark=key.start_mark)
                    seen.add((key.tag, key.value))
        super().flatten_mapping(node)


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``target`` (a file or a folder) that replaces it at the end.

    When the block raises, ``target`` is as it was; when the process is killed, it is as it was or (a folder) absent.
    A file never replaces a folder, and a place that cannot be written to is a :class:`UserError`,
    a full disk a :class:`PausedError`.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        if is_full(error):
            raise PausedError(f"{target}: no space left; free some and run the same command again") from None
        above = next((parent for parent in target.parents if parent.is_file()), None)
        reason = error.strerror if above is None else f"{above} is a file"
        raise UserError(f"{target}: cannot be written ({reason}); name another place") from None
    inner, replaced = scratch / target.name, scratch / "replaced"
    try:
        yield inner
        _flush(inner)
        if inner.is_file():
            refuse_folder(target)
        if target.is_dir():
            # A folder cannot be replaced in one step: between these two lines a kill leaves it absent, never in part.
            os.replace(target, replaced)
        os.replace(inner, target)
    except BaseException:
        if replaced.exists() and not target.exists():
            os.replace(replaced, target)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def is_full(error: OSError) -> bool:
    """Whether the disk, or a user's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def refuse_folder(target: Path) -> None:
    """A folder where a file is to be written is a :class:`UserError`: it would be lost with all that is in it."""
    if Path(target).is_dir():
        raise UserError(f"{target}: is a folder; name a file to write")


def refuse_input(target: Path, *sources: Path | None) -> None:
    """An output that is read as well is a :class:`UserError`: what it held would be lost."""
    if any(source is not None and Path(source).resolve() == Path(target).resolve() for source in sources):
        raise UserError(f"{target}: is read too and would be lost; name another file to write")


def _flush(path: Path) -> None:
    if path.is_file():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_json(target: Path, value: Any) -> None:
    """Writes ``value`` as JSON that is byte-identical for equal values (keys in given order)."""
    with atomic_path(target) as path:
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file; a missing or broken one is a :class:`UserError` that names it."""
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); delete it and run again") from None


def parse_yaml(text: str) -> Any:
    """YAML that holds nothing but plain values; what is none is a ``yaml.YAMLError``."""
    if _depth(text) > _DEEPEST:
        raise yaml.YAMLError("nested too deeply")
    try:
        return yaml.load(text, Loader=_Loader)
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:  # of a date that is none
        raise yaml.YAMLError(str(error) or "a value that is none of its kind") from None


def _depth(text: str) -> int:
    """No less than the depth to which values are nested; some ten thousand would overflow the C loader's stack."""
    block = max((len(found[0]) for found in _BLOCK.finditer(text)), default=0)
    return block + len(_FLOW.findall(text))


def sha256(*paths: Path) -> str:
    """Hex SHA-256 of the files' contents, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
