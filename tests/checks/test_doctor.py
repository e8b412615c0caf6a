"""harness doctor: what it finds, and that it notices what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from harness.checks import machine, packages, repository
from harness.checks.examine import examine
from harness.config import check
from harness.data.store import Sequence, write_store

NAME = "Metadata-Version: 2.1\nName: faiss-gpu\nVersion: 1.15.1\n"


def called(folder: Path, packages: Path) -> tuple[int, dict[str, str]]:
    """``harness doctor`` in ``folder`` with ``packages`` before all others: exit code, and each fault's text."""
    command = [sys.executable, "-m", "harness.cli.app", "doctor", "--json"]
    path = os.pathsep.join((str(packages), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, {f["subject"]: f["text"] for f in json.loads(done.stdout) if f["state"] == "fault"}


@pytest.fixture
def here(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pipeline and nothing computed."""
    for name in ("conf", ".dvc/config", "dvc.yaml", "dvc.lock", "params.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (shutil.copytree if (root / name).is_dir() else shutil.copy)(root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def by_subject(findings) -> dict[str, list]:
    found: dict[str, list] = {}
    for finding in findings:
        found.setdefault(finding.subject, []).append(finding)
    return found


def test_in_the_repository_nothing_is_missing(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = by_subject(examine())
    wanted = {"Python", "packages", "lock", "device", "faiss", "BLAS", "memory", "disk", "params", "DVC", "git", "data"}
    assert wanted <= set(found)
    assert [f for every in found.values() for f in every if f.state == "fault"] == []
    assert all(f.advice for every in found.values() for f in every if f.state != "good")


def test_elsewhere_it_says_where_to_go_and_ends_with_1(tmp_path: Path):
    environment = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, "-m", "harness.cli.app", "doctor", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == ""
    faults = {f["subject"]: f["advice"] for f in json.loads(done.stdout) if f["state"] == "fault"}
    assert set(faults) == {"params", "DVC"} and "repository's root" in faults["DVC"]


def test_a_missing_package_is_a_sentence(tmp_path: Path):
    (tmp_path / "torch.py").write_text("raise ImportError('No module named torch')\n")
    command = [sys.executable, "-c", "from harness.cli.start import main; main()", "train", "cc"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: No module named torch; `make setup` installs what is missing\n"


def test_versions_are_compared_with_what_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metadata, "requires", lambda name: ["numpy>=99", "nobodys-package>=1", 'x; extra == "dev"'])
    missing, wrong = packages.requirements()
    assert missing.state == wrong.state == "fault"
    assert "nobodys-package" in missing.text and "numpy" in wrong.text and ">=99" in wrong.text


def test_the_lock_is_compared_with_what_is_installed(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert packages.lock().state == "warning"
    (tmp_path / "requirements").mkdir()
    shutil.copy(root / "requirements/cpu.lock", tmp_path / "requirements")
    lock = tmp_path / "requirements/cpu.lock"
    pinned = packages.locked(lock)["numpy"]
    assert packages.lock().state == "good"
    lock.write_text(lock.read_text().replace(f"numpy=={pinned} ", "numpy==1.0.0 "))
    assert packages.lock().state == "warning" and f"numpy {pinned} instead of 1.0.0" in packages.lock().text


def test_with_faiss_for_gpus_the_lock_is_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "faiss_gpu-9.0.dist-info").mkdir()
    (tmp_path / "faiss_gpu-9.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: faiss-gpu\nVersion: 9.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert packages.lock().state == "warning" and "requirements/gpu.lock is not here" in packages.lock().text
    (tmp_path / "requirements").mkdir()
    lock = tmp_path / "requirements/gpu.lock"
    for pinned, state in (("9.0", "good"), ("9.1", "warning")):
        lock.write_text(f"faiss-gpu=={pinned} \\\n    --hash=sha256:0\n")
        assert packages.lock().state == state


def test_pins_of_other_systems_do_not_count(tmp_path: Path):
    lock = tmp_path / "x.lock"
    lock.write_text('a==1.0 \\\n    --hash=sha256:0\nb==2.0 ; sys_platform == "win32" \\\n    --hash=sha256:0\n')
    assert packages.locked(lock) == ({"a": "1.0"} if sys.platform != "win32" else {"a": "1.0", "b": "2.0"})


def test_a_broken_package_and_two_faiss_are_faults(root: Path, tmp_path: Path):
    """Broken as opencv is where a library of the system is missing."""
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')\n")
    (tmp_path / "faiss_gpu-1.15.1.dist-info").mkdir()
    (tmp_path / "faiss_gpu-1.15.1.dist-info/METADATA").write_text(NAME)
    code, faults = called(root, tmp_path)
    assert code == 1 and faults.keys() == {"packages", "faiss"}
    assert "cannot be imported" in faults["packages"] and "opencv-python-headless (libGL.so.1" in faults["packages"]
    assert "overwrite each other" in faults["faiss"]


@pytest.mark.parametrize(("knn", "state"), [("faiss", "fault"), ("auto", "warning"), ("exact", "warning")])
def test_faiss_is_needed_where_it_is_asked_for(settings_tree, monkeypatch: pytest.MonkeyPatch, knn: str, state: str):
    settings_tree["compute"]["knn"] = knn
    compute = check(settings_tree, "x").compute
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert machine.faiss(compute).state == state
    monkeypatch.setattr("harness.checks.machine.installed_faiss", lambda: None)
    assert machine.faiss(compute).state == state


def test_a_gpu_is_needed_where_it_is_asked_for(settings_tree, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert machine.device(check(settings_tree, "x").compute).state == "good"
    settings_tree["compute"]["device"] = "cuda"
    finding = machine.device(check(settings_tree, "x").compute)
    assert finding.state == "fault" and "compute.device is cuda" in finding.text


@pytest.mark.parametrize(
    ("units", "state"),
    [(["AVX2"], "warning"), (["AVX512"], "good"), (["AVX512", "avx512_bf16"], "good"), (["DEFAULT", "bf16"], "good")],
)
def test_bf16_without_units_is_a_warning(settings_tree, monkeypatch: pytest.MonkeyPatch, units: list[str], state: str):
    monkeypatch.setattr(machine, "cpu_units", lambda: units)
    settings_tree["compute"] |= {"device": "cpu", "precision": "fp32"}
    assert machine.precision(check(settings_tree, "x").compute).state == "good"
    settings_tree["compute"]["precision"] = "bf16"
    assert machine.precision(check(settings_tree, "x").compute).state == state
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    settings_tree["compute"]["device"] = "auto"
    assert machine.precision(check(settings_tree, "x").compute).state == "good"


@pytest.mark.parametrize("name", [".dvc/config", "dvc.yaml", "dvc.lock"])
def test_a_broken_file_of_dvc_is_a_fault(here: Path, name: str):
    assert repository.dvc().state == "good"
    with open(here / name, "a") as stream:
        stream.write("<<<<<<< HEAD\n")
    finding = repository.dvc()
    assert finding.state == "fault" and Path(name).name.split(".")[-1] in finding.text and "\n" not in finding.text


def test_without_its_folder_dvc_is_a_fault(here: Path):
    shutil.rmtree(here / ".dvc")
    assert repository.dvc().state == "fault" and "not inside of a DVC repository" in repository.dvc().text


def test_its_remote_is_named(here: Path):
    (here / ".dvc/config").write_text("[core]\n    remote = shared\n['remote \"shared\"']\n    url = /srv/gait\n")
    assert repository.dvc().text.endswith("remote: shared")


def test_a_damaged_store_is_a_fault(here: Path, settings_tree):
    settings, path = check(settings_tree, "x"), Path("data/smoke/target")
    states = {f.text.split(":")[0]: f.state for f in repository.data(settings)}
    assert states == {"data/smoke/source": "good", "data/smoke/target": "good"}
    walk = Sequence("001", "nm-01", "000", "test", np.zeros((4, 64, 44), np.uint8))
    write_store(path, [walk], {})
    assert f"{path}: 1 sequences" in [f.text for f in repository.data(settings)]
    with open(path / "frames.npy", "r+b") as stream:
        stream.truncate(1000)
    (finding,) = [f for f in repository.data(settings) if f.state == "fault"]
    assert "frames.npy" in finding.text and f"rm -r {path}" in finding.advice


def test_archives_are_looked_for(here: Path):
    from harness.presets import compose, planned

    tree = yaml.safe_load(compose("paper"))
    findings = list(repository.data(check(tree, "x")))
    assert {f.state for f in findings} == {"warning"} and any(f.text.startswith("casia-b is not") for f in findings)
    tree["archives"]["casia-b"]["raw"] = "/nowhere/casia-b.zip"
    tree = yaml.safe_load(planned(yaml.safe_dump(tree), "x"))
    (finding,) = [f for f in repository.data(check(tree, "x")) if f.state == "fault"]
    assert finding.text == "archives.casia-b.raw: /nowhere/casia-b.zip is not there"


def test_a_full_disk_is_a_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1000))  # pyright: ignore
    assert [f.state for f in machine.memory_and_disk() if f.subject == "disk"] == ["fault"]


def test_the_device_is_torchs():
    assert ("CPU" in machine.device().text) == (not torch.cuda.is_available())


def test_a_gpu_that_is_not_asked_for_is_not_reported(settings_tree, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    compute = check({**settings_tree, "compute": {**settings_tree["compute"], "device": "cpu"}}, "x").compute
    finding = machine.device(compute)
    assert finding.state == "good" and finding.text.startswith("CPU") and "compute.device" in finding.text


def test_a_damaged_store_of_mlflow_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert repository.mlflow().state == "good"
    damaged = tmp_path / "damaged.db"  # by its whole path: MLflow keeps a store that it opened by a name open
    damaged.write_bytes(bytes(range(256)) * 12)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{damaged}")
    finding = repository.mlflow()
    assert finding.state == "warning" and "not a database" in finding.text


def test_a_dead_mlflow_is_a_warning(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    finding = repository.mlflow()
    assert finding.state == "warning" and "harness track sync" in finding.advice
