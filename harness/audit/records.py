"""Do records still follow from what made them? Compares what a run's provenance names with what stands there now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MACHINE = ("device", "knn", "ranks", "store")
"""Parts of `compute` that say where a run was, not what it was asked to do."""


@dataclass(frozen=True)
class Stale:
    """A run whose inputs are no longer those it was made from. changed: what, from what, to what."""

    stem: str
    run_id: str
    changed: tuple[tuple[str, str, str], ...]


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """A tree of dicts as dotted keys; lists stay whole."""
    out: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            out.update(flat(value, f"{prefix}{key}."))
        else:
            out[f"{prefix}{key}"] = value
    return out


def compare(recorded: dict[str, Any], now: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(key, recorded, now) wherever the two trees differ; keys that ``now`` leaves out are not compared."""
    before, after = flat(recorded), flat(now)
    for key in after.keys() | {k for k in before if any(k.startswith(f"{top}.") for top in now)}:
        if key.startswith("compute.") and key.split(".")[-1] in MACHINE:
            continue
        if before.get(key) != after.get(key):
            yield key, str(before.get(key, "absent")), str(after.get(key, "absent"))
