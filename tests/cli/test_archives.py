"""Real data sets in miniature from the archive to a score, by the command line alone."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import raw_sets
import torch
import yaml
from raw_sets import pack

from harness.cli import app as cli
from harness.cli import wiring
from harness.config import load
from harness.data.store import SequenceStore
from harness.layout import result
from harness.training import checkpoint

TINY = {"epochs": 1, "iterations": 2, "subjects": 2, "sequences": 2, "frames": 2}


@pytest.fixture
def tree(settings_tree: dict[str, Any]) -> dict[str, Any]:
    settings_tree["backbones"]["gaitset"] |= {"channels": [4, 4, 8], "embedding": 8}
    for name in ("upper", "pretrain"):
        settings_tree["methods"][name]["training"] |= TINY
    settings_tree["overrides"] = {key: {} for key in settings_tree["overrides"]}
    return settings_tree


@pytest.fixture
def here(tmp_path: Path, root: Path, tree, monkeypatch):
    shutil.copytree(root / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    deterministic = torch.are_deterministic_algorithms_enabled()
    yield tmp_path
    torch.use_deterministic_algorithms(deterministic)


def settle(tree: dict[str, Any]) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


@pytest.fixture
def harness(here, monkeypatch, capsys):
    """Runs the console script in this process: (exit code, stdout, stderr)."""

    def call(*words: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["harness", *words])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == code, out + err
        return err if code == 2 else out

    return call


MAKERS = {"casia-b": raw_sets.casia_b, "oumvlp": raw_sets.oumvlp, "outdoor-gait": raw_sets.outdoor_gait}
CONDITIONS = {"casia-b": {"NM", "BG", "CL"}, "oumvlp": {"NM"}, "outdoor-gait": {"NM", "BG", "CL"}}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("kind", ["", ".tgz"])
def test_prepared_verified_trained_and_scored(harness, here, tree, name: str, kind: str):
    top = MAKERS[name](here)
    raw = pack(top, here / f"raw{kind}") if kind else top
    tree["archives"][name]["raw"] = str(raw)
    tree["suite"]["datasets"] = [name]
    settle(tree)
    assert "digest" in harness("data", "prepare", "--dataset", name, "--jobs", "1")
    told = json.loads(harness("data", "verify", name, "--json"))
    assert told["digest"] == SequenceStore(Path("data/smoke") / name).digest and not told["complete"]
    assert told["splits"]["train"]["subjects"] == 2
    shown = json.loads(harness("data", "show", name, "--json"))
    assert shown["splits"]["test"]["subjects"] == 2 and shown["digest"] == told["digest"]
    assert "sheet.png: " in harness("data", "sheet", name, "--subjects", "1")
    harness("train", "upper", "--dataset", name)
    harness("evaluate", "upper", "--dataset", name)
    scores = json.loads(result("smoke", "upper", "gaitset", name, 0).read_text())
    assert set(scores["conditions"]) == CONDITIONS[name]
    assert all(0 <= value <= 100 for value in scores["metrics"].values())
    assert scores["store"] == told["digest"]


@pytest.mark.parametrize("kind", ["", ".zip"])
def test_grew_is_trained_and_submitted(harness, here, tree, kind: str):
    top = raw_sets.grew(here, train=5)
    raw = pack(top, here / f"raw{kind}") if kind else top
    tree["archives"]["grew"] |= {"raw": str(raw), "validation": 2}
    tree["suite"]["datasets"] = ["grew"]
    settle(tree)
    harness("data", "prepare", "--dataset", "grew", "--jobs", "1")
    verified = harness("data", "verify", "grew")
    assert "train + val" in verified and "is published nowhere" in " ".join(verified.replace("│", " ").split())
    harness("train", "upper", "--dataset", "grew")
    said = harness("submit", "grew", "--method", "upper")
    assert "5 probes against 24 gallery sequences" in said and "local score on val" in said and "rank-20" in said
    with zipfile.ZipFile("submission.zip") as archive:
        assert archive.namelist() == ["submission.csv"]
        rows = list(csv.reader(io.StringIO(archive.read("submission.csv").decode())))
    assert rows[0] == ["videoId", *(f"rank{k}" for k in range(1, 21))]
    assert sorted(row[0] for row in rows[1:]) == sorted(p.name for p in (top / "test/probe").iterdir() if p.is_dir())
    assert all(len(row) == 21 and {int(x) for x in row[1:]} <= set(range(1, 13)) for row in rows[1:])
    first = Path("submission.zip").read_bytes()
    harness("submit", "grew", "--method", "upper")
    assert Path("submission.zip").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("submit", "grew", "--dataset", "target"), "target: not GREW"),
        (("submit", "grew"), "data/smoke/grew: no store; make it with `harness data prepare --dataset grew`"),
        (("data", "prepare", "--dataset", "casia-b"), "CASIA-B is not here: ask for Dataset B"),
        (("data", "prepare", "--dataset", "casia"), "unknown data set 'casia'; did you mean 'casia-b'?"),
        (("data", "prepare", "--dataset", "casia-b", "--raw", "nowhere"), "nowhere: no such folder or archive"),
        (("data", "prepare", "--dataset", "target"), "target: name the folder or archive of its PNG frames"),
        (("data", "verify"), "name a data set"),
        (("data", "verify", "casia-b"), "data/smoke/casia-b"),
        (("train", "upper", "--dataset", "casia-b"), "`harness data prepare --dataset casia-b`"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(harness, here, tree, words, line):
    settle(tree)
    before = sorted(here.rglob("*"))
    said = harness(*words, code=2)
    assert line in said and said.count("\n") == 1 and sorted(here.rglob("*")) == before


def test_without_parameters_a_place_is_enough(harness, here):
    raw_sets.casia_b(here, subjects=(1,))
    words = ("data", "prepare", "--dataset", "casia-b", "--raw", "GaitDatasetB-silh")
    assert "name a place with --store" in harness(*words, code=2)
    harness(*words, "--store", "out", "--jobs", "1")
    assert "missing" in harness("data", "verify", "--store", "out")
    harness("data", "verify", "--store", "out", "--strict", code=1)


def test_a_damaged_store_is_noticed(harness, here, tree):
    raw_sets.casia_b(here, subjects=(1,))
    harness("data", "prepare", "--dataset", "casia-b", "--raw", "GaitDatasetB-silh", "--store", "out", "--jobs", "1")
    content = bytearray(Path("out/frames.npy").read_bytes())
    content[-5] ^= 1
    Path("out/frames.npy").write_bytes(content)
    assert "frames.npy: content does not match" in harness("data", "verify", "--store", "out", code=2)


def test_the_list_says_what_is_here_and_how_to_get_the_rest(harness, here, tree):
    raw_sets.casia_b(here, subjects=(1,))
    tree["archives"]["casia-b"]["raw"] = "GaitDatasetB-silh"
    tree["archives"]["grew"]["raw"] = "gone.zip"
    settle(tree)
    said = harness("data", "list")
    assert "gone.zip: not there" in said and "GREW: apply at" in said and "CASIA-B: ask" not in said
    states = {state["name"]: state for state in json.loads(harness("data", "list", "--json"))}
    assert states["casia-b"]["raw_is_there"] and not states["grew"]["raw_is_there"] and not states["oumvlp"]["raw"]


# --- pre-trained weights from a file --------------------------------------------------------------------------


def weights_of_pretraining(name: str) -> str:
    """A checkpoint with a backbone's weights, as a machine that has the source would write it."""
    run = wiring.resolve(load(), "pretrain", "gaitset", "target", 0)
    network = run.method.build(wiring.new_backbone(run), 0)
    checkpoint.save(Path(name), wiring.checkpoint_of(run, network, "0" * 16))
    return name


def test_weights_are_imported_where_the_source_is_missing(harness, here, tree):
    settle(tree)
    tree["checkpoints"]["gaitset"] = weights_of_pretraining("given.pt")
    tree["suite"] |= {"pretraining": "oumvlp", "datasets": ["casia-b"]}
    settle(tree)
    assert "weights imported from given.pt" in harness("train", "pretrain")
    run = wiring.resolve(load(), "pretrain", "gaitset", "casia-b", 0)
    made = checkpoint.load(run.name.checkpoint)
    given = checkpoint.load(Path("given.pt"))
    assert run.name.stem.startswith("pretrain-gaitset-oumvlp-s0") and made["run_id"] != given["run_id"]
    assert all(torch.equal(made["network"][key], value) for key, value in given["network"].items())
    first = made["run_id"]
    harness("train", "pretrain")
    assert checkpoint.load(run.name.checkpoint)["run_id"] == first
    harness("train", "pretrain", "--seed", "1")
    other = wiring.resolve(load(), "pretrain", "gaitset", "casia-b", 1).name.checkpoint
    assert checkpoint.load(other)["run_id"] != first  # each seed's scores are its own


def test_dvc_sees_when_the_weights_in_the_file_change(harness, here, tree):
    settle(tree)
    tree["checkpoints"]["gaitset"] = weights_of_pretraining("given.pt")
    tree["suite"] |= {"pretraining": "oumvlp", "datasets": ["casia-b"]}
    tree["archives"]["casia-b"]["raw"] = "x.zip"
    settle(tree)
    stages = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text())["stages"]
    assert "runs/${item.suite}/imported/${item.backbone}.json" in stages["import"]["deps"]
    stamp = Path("runs/smoke/imported/gaitset.json")
    seen = []
    for content in (Path("given.pt").read_bytes(), b"other"):
        Path("given.pt").write_bytes(content)
        harness("suite", "refresh")
        seen.append(stamp.read_text())
    assert seen[0] != seen[1]
    Path("given.pt").unlink()
    harness("suite", "refresh")
    assert "null" in stamp.read_text()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("missing.pt", "no such checkpoint; correct checkpoints.gaitset"),
        ("text.pt", "not a checkpoint"),
        ("small.pt", "another architecture"),
    ],
)
def test_weights_that_cannot_be_taken(harness, here, tree, name, line):
    settle(tree)
    Path("text.pt").write_text("x")
    small = {"network": {"x": torch.zeros(1)}, "prefix": "", "backbone": {}, "method": None, "run_id": "0" * 16}
    checkpoint.save(Path("small.pt"), small)
    tree["checkpoints"]["gaitset"] = name
    settle(tree)
    assert line in harness("train", "pretrain", code=2) and not Path("runs").exists()


# --- suites ---------------------------------------------------------------------------------------------------


def test_the_papers_suite_without_any_archive_says_what_is_missing(harness, here):
    said = harness("suite", "use", "paper")
    assert "CASIA-B is not here: its stages are skipped. To have it, ask" in said
    assert "OU-MVLP is not here" in said and "checkpoints.gaitset" in said
    said = harness("tables", "--format", "md")
    assert "—" in said and "casia-b" in said


def test_one_setting_brings_a_data_set_in(harness, here):
    harness("suite", "use", "paper")
    text = Path("params.yaml").read_text().replace("raw: null", "raw: GaitDatasetB-silh.zip", 1)
    Path("params.yaml").write_text(text)
    assert "plan at its end does not follow" in harness("tables", "--write", code=2)
    said = harness("suite", "refresh")
    assert "plan renewed" in said and "CASIA-B is not here" not in said
    assert load().plan.archives == ("casia-b",) and load().plan.methods == ("upper", "gaitssb")
    assert "in step already" in harness("suite", "refresh")
