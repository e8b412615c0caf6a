"""The locks are in step with pyproject.toml and with one another, and name a hash for everything."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness.checks.packages import locked

EXTRAS = {"cpu": ("cpu", "remote"), "gpu": ("gpu", "remote"), "dev": ("cpu", "dev", "remote")}
ROOT = "gait-selective-fusion-harness (pyproject.toml)"


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


def asked_for(project: dict, name: str) -> dict[str, Requirement]:
    texts = [*project["dependencies"]]
    for extra in EXTRAS[name]:
        texts += project["optional-dependencies"][extra]
    wanted = {str(canonicalize_name(r.name)): r for r in map(Requirement, texts)}
    assert wanted.pop("torch")  # comes in builds of its own: requirements/README.md
    return wanted


def blocks(text: str) -> dict[str, str]:
    """Each pinned package with its lines."""
    parts = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    return {canonicalize_name(part.split("==")[0]): part for part in parts}


@pytest.mark.parametrize("name", EXTRAS)
def test_a_lock_holds_what_pyproject_asks_for_and_nothing_older(root: Path, project: dict, name: str):
    path = root / "requirements" / f"{name}.lock"
    pins, wanted = locked(path), asked_for(project, name)
    direct = {package for package, lines in blocks(path.read_text()).items() if ROOT in lines}
    assert direct == set(wanted), "run `make lock`"
    for package, requirement in wanted.items():
        assert requirement.specifier.contains(pins[package]), f"{requirement}: locked {pins[package]}; run `make lock`"


@pytest.mark.parametrize("name", EXTRAS)
def test_everything_in_a_lock_has_hashes_and_no_address(root: Path, name: str):
    text = (root / "requirements" / f"{name}.lock").read_text()
    for package, lines in blocks(text).items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", lines), package
    assert "://" not in text and "/opt/" not in text
    assert "torch" not in blocks(text)
    cuda = {package for package in blocks(text) if package.startswith(("nvidia", "triton"))}
    # torch's own CUDA libraries must not be there; faiss-gpu has needs of its own.
    assert all("cu12" in package for package in cuda) and (cuda == set() or name == "gpu")


@pytest.mark.parametrize("name", ["cpu", "dev"])
def test_a_lock_is_closed(root: Path, name: str):
    """What is installed needs nothing that the lock lacks (of those packages that are installed here)."""
    pins = locked(root / "requirements" / f"{name}.lock")
    for package, version in pins.items():
        try:
            if metadata.version(package) != version:
                continue
        except metadata.PackageNotFoundError:
            continue
        for text in metadata.requires(package) or []:
            needed = Requirement(text)
            if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
                continue
            found = pins.get(canonicalize_name(needed.name))
            if canonicalize_name(needed.name) != "torch":
                assert found is not None, f"{package} needs {needed.name}; run `make lock`"
                assert needed.specifier.contains(found, prereleases=True), f"{package} needs {needed}, locked {found}"


def test_the_locks_agree(root: Path):
    cpu, gpu, dev = (locked(root / "requirements" / f"{name}.lock") for name in EXTRAS)
    assert cpu.items() <= dev.items()
    both = cpu.keys() & gpu.keys()
    assert {name: cpu[name] for name in both} == {name: gpu[name] for name in both}
    assert "faiss-cpu" in cpu and "faiss-gpu" not in cpu
    assert "faiss-gpu" in gpu and "faiss-cpu" not in gpu
    assert "pytest" in dev and "pytest" not in cpu and "pytest" not in gpu
