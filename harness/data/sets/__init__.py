"""Data sets: one file each."""

from __future__ import annotations

import importlib

from harness.types import EvaluationProtocol


def protocol_of(layout: str) -> EvaluationProtocol:
    """The official protocol of a data set's structure ("casia-b", "oumvlp", "outdoor-gait", "grew")."""
    return importlib.import_module(f"harness.data.sets.{layout.replace('-', '_')}").PROTOCOL
