"""Data sets: one file each."""

from __future__ import annotations

import importlib

from harness.data.dataset import DataSet
from harness.errors import UserError, nearest
from harness.types import EvaluationProtocol

_FILES = ("casia_b", "oumvlp", "outdoor_gait", "grew")


def protocol_of(layout: str) -> EvaluationProtocol:
    """The official protocol of a data set's structure ("casia-b", "oumvlp", "outdoor-gait", "grew")."""
    return importlib.import_module(f"harness.data.sets.{layout.replace('-', '_')}").PROTOCOL


def data_sets() -> dict[str, DataSet]:
    """Every data set whose archive can be read, by name."""
    modules = [importlib.import_module(f"harness.data.sets.{name}") for name in _FILES]
    return {one.name: one for module in modules for one in module.DATA_SETS}


def data_set(name: str) -> DataSet:
    """The data set of a name; an unknown one is a :class:`UserError` with the nearest."""
    known = data_sets()
    if name not in known:
        raise UserError(f"unknown data set '{name}'; {nearest(name, known)}")
    return known[name]
