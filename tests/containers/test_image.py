"""The image and the services around it do what is said of them, where `tools/build-image` has built this commit's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_LABEL = '"org.opencontainers.image.revision"'
_ASK = {
    "docker": ["image", "inspect", "--format", f"{{{{index .Config.Labels {_LABEL}}}}}", "harness:cpu"],
    "podman": ["image", "inspect", "--format", f"{{{{index .Config.Labels {_LABEL}}}}}", "harness:cpu"],
    "buildah": ["inspect", "--type=image", f"--format={{{{index .OCIv1.Config.Labels {_LABEL}}}}}", "harness:cpu"],
}


def commits_of_images(*engines: str) -> list[str]:
    """The commit of each engine's harness:cpu."""
    found = []
    for engine in engines or _ASK:
        words = _ASK[engine]
        if shutil.which(engine):
            try:
                done = subprocess.run([engine, *words], capture_output=True, text=True, timeout=60)
            except subprocess.TimeoutExpired:
                continue
            found += [done.stdout.strip()] if done.returncode == 0 else []
    return found


@pytest.fixture
def head(root: Path) -> str:
    if shutil.which("git") is None:
        pytest.skip("no git here to say which commit this is")
    asked = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, text=True)
    return asked.stdout.strip()


@pytest.mark.slow
@pytest.mark.xdist_group("services")
def test_inside_and_outside_are_the_same_bytes(root: Path, head: str):
    """As nobody, without network, on a read-only root: tools/prove-image checks these too."""
    if head not in commits_of_images():
        pytest.skip("no image of this commit here: tools/build-image makes it")
    done = subprocess.run([root / "tools/prove-image"], capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "are the same bytes inside and outside" in done.stdout and "everything that a run needs is here" in done.stdout
    )


@pytest.mark.slow
@pytest.mark.xdist_group("services")
def test_compose_brings_up_the_services(root: Path, head: str):
    """MLflow on PostgreSQL, reached from this host alone; a pipeline's runs land there and stay."""
    if head not in commits_of_images("docker"):
        pytest.skip("docker has no image of this commit: tools/build-image makes it")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("no docker compose here")
    done = subprocess.run([root / "tools/prove-compose"], capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "after a second sync" in done.stdout and "is a DVC remote" in done.stdout
