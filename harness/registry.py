"""Plug-ins by name: a method is the file ``methods/<name>.py``, a backbone ``models/<name>.py``.

A package of somebody else's adds one through the entry-point groups ``harness.methods`` and ``harness.models``.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib import metadata
from typing import Any

from harness.errors import UserError, nearest

_KINDS = {"method": ("methods", "METHOD"), "backbone": ("models", "BACKBONE")}


def names(kind: str) -> list[str]:
    """Every known ``kind`` ("method" or "backbone")."""
    package, _ = _KINDS[kind]
    files = [m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__) if not m.ispkg]
    return sorted({*files, *(entry.name for entry in metadata.entry_points(group=f"harness.{package}"))})


def find(kind: str, name: str) -> Any:
    """The class behind a name; an unknown one is a :class:`UserError` with the nearest."""
    package, attribute = _KINDS[kind]
    known = names(kind)
    if name not in known:
        raise UserError(f"unknown {kind} '{name}'; {nearest(name, known)}")
    for entry in metadata.entry_points(group=f"harness.{package}", name=name):
        return entry.load()
    return getattr(importlib.import_module(f"{package}.{name}"), attribute)


def module_of(kind: str, name: str) -> str:
    """The dotted name of the module that defines a plug-in."""
    return find(kind, name).__module__
