"""Results inside and outside the image are the same bytes. Runs where `tools/build-image` has built this commit's."""

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


def commits_of_images() -> list[str]:
    """The commit of each engine's harness:cpu."""
    found = []
    for engine, words in _ASK.items():
        if shutil.which(engine):
            try:
                done = subprocess.run([engine, *words], capture_output=True, text=True, timeout=60)
            except subprocess.TimeoutExpired:
                continue
            found += [done.stdout.strip()] if done.returncode == 0 else []
    return found


@pytest.mark.slow
@pytest.mark.xdist_group("services")
def test_inside_and_outside_are_the_same_bytes(root: Path):
    """As nobody, without network, on a read-only root: tools/prove-image checks these too."""
    if shutil.which("git") is None:
        pytest.skip("no git here to say which commit this is")
    head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, text=True)
    if head.stdout.strip() not in commits_of_images():
        pytest.skip("no image of this commit here: tools/build-image makes it")
    done = subprocess.run([root / "tools/prove-image"], capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "are the same bytes inside and outside" in done.stdout and "everything that a run needs is here" in done.stdout
    )
