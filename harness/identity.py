"""What a run is: a digest of everything that its result depends on."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.files import sha256
from harness.layout import LOCK

_PACKAGES = ("torch", "numpy", "faiss-cpu", "faiss-gpu", "infomap", "opencv-python-headless", "anny", "dvc", "mlflow")
_OWN = ("harness", "models", "methods")
WIRING = frozenset(f"harness/{name}.py" for name in ("config", "errors", "files", "identity", "layout", "registry"))
"""Modules without arithmetic: a change of theirs makes no run another run."""


def run_id(inputs: dict[str, Any]) -> str:
    """Sixteen hex digits of the inputs: equal inputs, equal id."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def lock_digest() -> str:
    """Digest of the lock file, or "none" outside a checkout."""
    return sha256(LOCK)[:16] if LOCK.is_file() else "none"


def code_files(modules: Iterable[str]) -> list[Path]:
    """The files with arithmetic, of this project or a plug-in's package, that ``modules`` import, directly or not."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    own = {*_OWN, *(module.split(".")[0] for module in waiting)}
    while waiting:
        name = waiting.pop()
        if name in found or name.split(".")[0] not in own:
            continue
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        found[name] = Path(spec.origin)
        for node in ast.walk(ast.parse(found[name].read_text())):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting.append(node.module)
                waiting += [f"{node.module}.{a.name}" for a in node.names if _is_module(node.module, a.name)]
    return sorted(path for path in found.values() if path.name != "__init__.py" and not _is_wiring(path))


def _is_wiring(path: Path) -> bool:
    return any(path.as_posix().endswith(f"/{name}") for name in WIRING)


def _is_module(package: str, name: str) -> bool:
    if package.split(".")[0] not in _OWN:
        return False
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec else []
    return any((Path(f) / f"{name}.py").is_file() or (Path(f) / name / "__init__.py").is_file() for f in folders)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each package that is installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def environment() -> dict[str, Any]:
    """The machine and the libraries, for provenance."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "gpu": gpu,
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions(_PACKAGES),
        "lock": lock_digest(),
    }


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str:
    """The checked-out commit, with "+" when tracked source files differ from it; "none" without git."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", *_OWN, "params.yaml")
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return head + ("+" if changed else "")


def command_line() -> str:
    """The command that is running, as a user would type it."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
