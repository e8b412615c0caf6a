"""Do records still follow from what made them? Compares what a run's provenance names with what stands there now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MACHINE = ("device", "knn", "ranks", "store")
"""Parts of `compute` that say where a run was, not what it was asked to do."""


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


def against_lock(stages: Mapping[str, Any], folder: str, scores: str) -> Iterator[tuple[str, str]]:
    """(record, problem) of each file or folder in ``folder`` that is gone or not what DVC last wrote, and of those in
    ``scores`` whose code has changed since: that of training is in a run's own provenance.

    stages: those of dvc.lock. What is not in ``folder`` (data, checkpoints) is left to `dvc status`.
    """
    known = {out["path"]: (stage, out["md5"]) for stage in stages.values() for out in stage.get("outs", ())}
    for path in sorted(path for path in known if path.startswith(f"{folder}/")):
        stage, digest = known[path]
        if not Path(path).exists():
            yield path, "gone: DVC recorded it; bring it back from git, or make it again with `dvc repro`"
            continue
        if _md5(path) != digest:
            yield path, "not what DVC recorded: edited, or made without `dvc repro`"
            continue
        if not path.startswith(f"{scores}/"):
            continue
        deps = [
            dep for dep in stage.get("deps", ()) if Path(dep["path"]).suffix == ".py" and Path(dep["path"]).is_file()
        ]
        if changed := [dep["path"] for dep in deps if _md5(dep["path"]) != dep["md5"]]:
            more = f" and {len(changed) - 2} more" * (len(changed) > 2)
            yield path, f"stale: scored with other code: {', '.join(changed[:2])}{more}"


def _md5(path: str) -> str:
    """The digest by which DVC knows a file, or a folder: that of the list of what is in it."""
    place = Path(path)
    if not place.is_dir():
        return hashlib.md5(place.read_bytes(), usedforsecurity=False).hexdigest()
    inside = sorted(file for file in place.rglob("*") if file.is_file())
    listed = [{"md5": _md5(str(file)), "relpath": file.relative_to(place).as_posix()} for file in inside]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
