"""Plug-ins by name: a method is the file ``methods/<name>.py``, a backbone ``models/<name>.py``.

A package of somebody else's adds one through the entry-point groups ``harness.methods`` and ``harness.models``.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
from importlib import metadata
from typing import Any

from harness.errors import UserError, nearest

_KINDS = {"method": ("methods", "METHOD"), "backbone": ("models", "BACKBONE")}


def names(kind: str) -> list[str]:
    """Every known ``kind`` ("method" or "backbone")."""
    return sorted({*_own(kind), *plugged(kind)})


def plugged(kind: str) -> dict[str, metadata.EntryPoint]:
    """The plug-ins of other packages. One that takes a name of ours is a :class:`UserError`."""
    package, _ = _KINDS[kind]
    found = {entry.name: entry for entry in _entries(f"harness.{package}", tuple(sys.path))}
    if taken := sorted(found.keys() & _own(kind)):
        source = package_of(found[taken[0]])
        raise UserError(
            f"{source} brings a {kind} '{taken[0]}', which the harness has itself; `pip uninstall {source}`"
        )
    return dict(sorted(found.items()))


@functools.cache
def _entries(group: str, _path: tuple[str, ...]) -> tuple[metadata.EntryPoint, ...]:
    """Read once for each search path: finding them looks into every package that is installed."""
    return tuple(metadata.entry_points(group=group))


def package_of(entry: metadata.EntryPoint) -> str:
    """The name under which pip knows the package of a plug-in."""
    return entry.dist.name if entry.dist is not None else "a package"


@functools.cache
def _own(kind: str) -> set[str]:
    package, _ = _KINDS[kind]
    return {m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__) if not m.ispkg}


def find(kind: str, name: str) -> Any:
    """The class behind a name; an unknown one is a :class:`UserError` with the nearest."""
    package, attribute = _KINDS[kind]
    others = plugged(kind)
    if name in others:
        return _loaded(others[name])
    if name not in _own(kind):
        raise UserError(f"unknown {kind} '{name}'; {nearest(name, names(kind))}")
    return getattr(importlib.import_module(f"{package}.{name}"), attribute)


def _loaded(entry: metadata.EntryPoint) -> Any:
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise UserError(f"the plug-in '{entry.name}' ({entry.value}) cannot be loaded: {error}") from None


def module_of(kind: str, name: str) -> str:
    """The dotted name of the module that defines a plug-in."""
    return find(kind, name).__module__
