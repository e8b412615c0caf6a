"""Python, the packages that pyproject.toml asks for, and whether they are those of the lock."""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness.checks.finding import Finding, fault, good, warning
from harness.layout import LOCK

DISTRIBUTION = "gait-selective-fusion-harness"
_MODULES = {"opencv-python-headless": "cv2", "pyyaml": "yaml", "scikit-learn": "sklearn"}
"""What is imported, where the package has another name."""
_PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+))?", re.MULTILINE)


def locked(path: Path) -> dict[str, str]:
    """The pinned version of each package of a lock, of those meant for this Python and system."""
    pins = {}
    for match in _PIN.finditer(path.read_text()):
        marker = match["marker"]
        if marker is None or Requirement(f"x; {marker}").marker.evaluate():  # pyright: ignore[reportOptionalMemberAccess]
            pins[canonicalize_name(match["name"])] = match["version"]
    return pins


def python() -> Finding:
    version = sys.version.split()[0]
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return good("Python", version)
    return fault("Python", f"{version} is not supported", "make the environment with Python 3.11, 3.12 or 3.13")


def requirements() -> Iterator[Finding]:
    """Every package that the harness imports, as its own metadata names them: there, new enough, and whole."""
    missing, wrong, broken, count = [], [], [], 0
    # As in harness.clustering.infomap: loaded after infomap, faiss would take over its iterators.
    with contextlib.suppress(ImportError):
        import faiss  # noqa: F401
    for text in metadata.requires(DISTRIBUTION) or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            missing.append(wanted.name)
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            wrong.append(f"{wanted.name} {version} (needs {wanted.specifier})")
        try:
            importlib.import_module(_MODULES.get(canonicalize_name(wanted.name), wanted.name))
        except Exception as error:
            broken.append(f"{wanted.name} ({' '.join(str(error).split())})")
    if missing:
        yield fault("packages", f"missing: {', '.join(missing)}", "make setup, or pip install the lock again")
    if wrong:
        yield fault("packages", f"of another version: {', '.join(wrong)}", "make setup, or pip install the lock again")
    if broken:
        yield fault("packages", f"cannot be imported: {', '.join(broken)}", "make setup, or pip install the lock again")
    if not missing and not wrong and not broken:
        yield good("packages", f"all {count} that the harness needs")


def lock() -> Finding:
    """Whether the installed versions are the lock's: other ones make other runs."""
    path = LOCK
    with contextlib.suppress(metadata.PackageNotFoundError):
        metadata.version("faiss-gpu")
        path = LOCK.with_name("gpu.lock")
    if not path.is_file():
        return warning("lock", f"{path} is not here", "run from the repository's root, so that runs know their lock")
    differs = []
    for name, pinned in locked(path).items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = "missing"
        if version != pinned:
            differs.append(f"{name} {version} instead of {pinned}")
    if differs:
        more = f" and {len(differs) - 3} more" if len(differs) > 3 else ""
        return warning("lock", f"{', '.join(differs[:3])}{more}", "make setup installs the lock; numbers may differ")
    return good("lock", f"the installed packages are those of {path}")
