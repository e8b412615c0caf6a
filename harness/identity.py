"""What a run is: a digest of everything that its result depends on."""

from __future__ import annotations

import ast
import functools
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
from harness.layout import IMAGE_MARK, LOCK

_PACKAGES = ("torch", "numpy", "faiss-cpu", "faiss-gpu", "infomap", "opencv-python-headless", "anny", "dvc", "mlflow")
_BF16 = ("avx512_bf16", "amx_bf16", "bf16")
_KIND = ("cpu", "cpu_units", "gpu", "gpu_libraries", "threads", "deterministic", "openblas")
_OWN = ("harness", "models", "methods")
WIRING = frozenset(
    f"harness/{name}.py" for name in ("config", "errors", "files", "identity", "layout", "plan", "registry", "standing")
)
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
        for module, taken in _imports(found[name].read_bytes()):
            waiting.append(module)
            waiting += [f"{module}.{name}" for name in taken if _is_module(own, module, name)]
    return sorted(path for path in found.values() if path.name != "__init__.py" and not _is_wiring(path))


@functools.cache
def _imports(source: bytes) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The modules that Python source imports, each with what it takes from it by name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.module, tuple(alias.name for alias in node.names)))
    return tuple(found)


def _is_wiring(path: Path) -> bool:
    return any(path.as_posix().endswith(f"/{name}") for name in WIRING)


def _is_module(own: set[str], package: str, name: str) -> bool:
    if package.split(".")[0] not in own:
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


def cpu_units() -> list[str]:
    """The widest vector instructions that torch uses on this processor, then those that it has for bf16 products."""
    import torch

    return [torch.backends.cpu.get_cpu_capability(), *(flag for flag in _cpu_flags() if flag in _BF16)]


def environment() -> dict[str, Any]:
    """The machine, the libraries and how they are set, for provenance.

    ``openblas``: the variables that choose how numpy's products are computed, where they are set (none: as the
    processor suggests).
    """
    import torch

    found = torch.cuda.is_available()
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if found else []
    return {
        "cpu": _cpu_name(),
        "cpu_units": cpu_units(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpu": ", ".join(gpus) or None,
        "gpu_libraries": {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()} if found else None,
        "threads": torch.get_num_threads(),
        "openblas": {key: value for key, value in sorted(os.environ.items()) if key.startswith("OPENBLAS_")},
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions(_PACKAGES),
        "lock": lock_digest(),
        "image": image(),
    }


def processor(environment: dict[str, Any]) -> str:
    """A recorded CPU with its units: processors of one name may differ in them, and results in their last digits."""
    units = ", ".join(environment.get("cpu_units") or ())
    return environment["cpu"] + (f" ({units})" if units else "")


def image() -> dict[str, str] | None:
    """Inside an image of ours: its commit and lock, and the digest that whoever started it gave (HARNESS_IMAGE)."""
    if "HARNESS_SOURCE" not in os.environ:
        return None
    keys = {"commit": "HARNESS_COMMIT", "lock": "HARNESS_LOCK", "digest": "HARNESS_IMAGE"}
    return {name: os.environ.get(key) or "none" for name, key in keys.items()}


def is_images() -> bool:
    """Whether the code in this folder is that of the image we run in, and not one that was mounted there."""
    source = os.environ.get("HARNESS_SOURCE")
    return bool(source) and (IMAGE_MARK.is_file() or Path(source).resolve() == Path.cwd())


def same_kind(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """What tells two environments apart that may change bits: names of differing entries, none for the same kind.

    What one of them did not record yet tells nothing.
    """
    return [key for key in _KIND if key in one and key in two and one[key] != two[key]]


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_name() -> str:
    return _cpu_line("model name") or platform.processor() or platform.machine()


def _cpu_flags() -> list[str]:
    return (_cpu_line("flags") or _cpu_line("Features")).split()


def _cpu_line(name: str) -> str:
    """What Linux says of the first processor under ``name``; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == name)
    except (OSError, StopIteration):
        return ""


def commit() -> str:
    """The checked-out commit, with "+" when its code was changed; an image's for its code; "none".

    Parameters do not count: they stand beside it in full, and every suite but the committed one changes the file.
    """
    try:
        head = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", *_OWN)
    except (OSError, subprocess.CalledProcessError):
        # A checkout that was mounted into an image is of another commit, which nothing in there can tell.
        return (is_images() and os.environ.get("HARNESS_COMMIT")) or "none"
    return head + ("+" if changed else "")


def git(*words: str) -> str:
    """What git prints; ``CalledProcessError`` where it fails, ``OSError`` where it is missing."""
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()


def command_line() -> str:
    """The command that is running, as a user would type it."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
