"""``harness verify`` and ``harness env``: the same bits, other bits, another machine, another run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from harness.cli import app as cli
from harness.data.store import Sequence, write_store
from harness.files import read_json, write_json
from harness.training import checkpoint

RUN = "upper-gaitset-target-s0"


@pytest.fixture
def harness(monkeypatch, capsys):
    """Runs the console script in this process: (exit code, stdout, stderr)."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["harness", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (ended.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture
def trained(tmp_path, settings_tree, monkeypatch, harness):
    """A folder with a finished run of four epochs."""
    monkeypatch.chdir(tmp_path)
    settings_tree["backbones"]["gaitset"] |= {"channels": [4, 4, 8], "embedding": 8}
    training = settings_tree["methods"]["upper"]["training"]
    training |= {"epochs": 4, "iterations": 2, "subjects": 2, "sequences": 3, "frames": 2}
    Path("params.yaml").write_text(yaml.safe_dump(settings_tree))
    rng = np.random.default_rng(0)
    walks = [
        Sequence(f"{s}", f"nm-0{n}", "090", "train", rng.integers(0, 255, (3, 64, 44), dtype=np.uint8))
        for s in range(3) for n in range(4)
    ]  # fmt: skip
    write_store(Path("data/smoke/target"), walks, {})
    deterministic = torch.are_deterministic_algorithms_enabled()
    code, out, _ = harness("train", "upper")
    assert code == 0 and "epoch 4/4" in out
    yield tmp_path
    torch.use_deterministic_algorithms(deterministic)


def test_the_last_epochs_and_the_whole(trained, harness):
    code, out, _ = harness("verify", RUN)
    assert code == 0 and "epochs 4 to 4 of 4" in out and "bit for bit" in out
    code, out, _ = harness("verify", RUN, "--whole", "--json")
    found = json.loads(out)
    assert code == 0 and found["identical"] and found["from_epoch"] == 0
    assert found["weights"] == found["metrics"] == 0 and found["other_machine"] == []


def test_other_weights_are_noticed(trained, harness):
    path = trained / "runs/smoke" / RUN / "checkpoint.pt"
    content = checkpoint.load(path)
    content["network"]["head.weight"][3, 2, 1] += 1e-3
    checkpoint.save(path, content)
    code, out, _ = harness("verify", RUN)
    assert code == 1 and "does not reproduce" in out and "0.001  (head.weight)" in out


def test_other_labels_and_metrics_are_noticed(trained, harness):
    path = trained / "results/smoke/epochs" / f"{RUN}.json"
    content = read_json(path)
    content["epochs"][2]["loss"] += 0.5
    content["digests"][1]["labels"] = "0" * 16
    write_json(path, content)
    code, out, _ = harness("verify", RUN)
    assert code == 1 and "0.5  (loss of epoch 2)" in out and "labels" in out and "differ from epoch 2 on" in out


def test_a_metric_of_one_of_them_alone_is_a_difference(trained, harness):
    """Some are there only in epochs in which something happened."""
    path = trained / "results/smoke/epochs" / f"{RUN}.json"
    content = read_json(path)
    content["epochs"][3]["reassigned_right"] = 0.5
    write_json(path, content)
    code, out, _ = harness("verify", RUN)
    assert code == 1 and "inf  (reassigned_right of epoch 3)" in out


def test_another_machine_is_told_and_forgiven(trained, harness):
    path = trained / "results/smoke/provenance" / f"{RUN}.json"
    content = read_json(path)
    content["environment"]["cpu"] = "a slide rule"
    write_json(path, content)
    code, out, _ = harness("verify", RUN)
    assert code == 0 and "another kind of machine than the run's own: cpu differ" in out


@pytest.mark.parametrize(
    "path, key",
    [(f"provenance/{RUN}.json", "inputs"), (f"epochs/{RUN}.json", "epochs"), (f"epochs/{RUN}.json", "digests")],
)
def test_damaged_files_of_the_run_are_named(trained, harness, path, key):
    file = Path("results/smoke") / path
    content = read_json(file)
    write_json(file, {**content, key: content[key][:1] if isinstance(content[key], list) else {}})
    code, _, err = harness("verify", RUN)
    assert code == 2 and err.startswith(f"error: {file}: not a") and err.count("\n") == 1


def test_another_run_is_refused(trained, harness):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["methods"]["upper"]["margin"] = 0.25
    Path("params.yaml").write_text(yaml.safe_dump(params))
    code, _, err = harness("verify", RUN)
    assert code == 2 and "params changed since it was trained" in err
    code, _, err = harness("verify", "uper-gaitset-target-s0")
    assert code == 2 and f"did you mean '{RUN}'" in err


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("extract_frames", 64, "compute.extract_frames changed since"), ("threads", 2, "compute.threads changed since")],
)
def test_parameters_of_computing_that_were_changed_here_are_no_other_machine(trained, harness, key, value, said):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["compute"][key] = value
    Path("params.yaml").write_text(yaml.safe_dump(params))
    code, _, err = harness("verify", RUN)
    assert code == 2 and said in err and err.count("\n") == 1


def test_a_device_that_was_chosen_elsewhere_is_another_machine(trained, harness):
    path = trained / "results/smoke/provenance" / f"{RUN}.json"
    content = read_json(path)
    content["inputs"]["compute"]["device"] = "cuda"
    write_json(path, content)
    code, out, _ = harness("verify", RUN)
    assert code == 0 and "another kind of machine than the run's own: compute differ" in out


def test_a_run_of_several_processes_is_refused_in_words(trained, harness):
    path = trained / "results/smoke/provenance" / f"{RUN}.json"
    content = read_json(path)
    content["inputs"]["compute"]["ranks"] = 2
    write_json(path, content)
    code, _, err = harness("verify", RUN)
    assert code == 2 and "2 processes trained it" in err and err.count("\n") == 1


def test_env(harness, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = harness("env", "--json")
    found = json.loads(out)
    assert code == 0 and found["threads"] >= 1 and found["packages"]["torch"] and found["cpu_units"]
    assert harness("env")[1].startswith("cpu ")
