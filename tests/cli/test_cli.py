"""The command line: a user's mistake is one line and exit code 2, and nothing is written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
import yaml
from folders import files

from harness.cli import app as cli
from harness.cli import wiring
from harness.config import load
from harness.data.store import Sequence, write_store
from harness.files import write_json
from harness.training import checkpoint

STORE = Path("data/smoke/target")


@pytest.fixture
def here(tmp_path, root, settings_tree, monkeypatch):
    """A folder with the presets, the stages and the smoke suite's parameters; no data, no runs."""
    shutil.copytree(root / "conf", tmp_path / "conf")
    shutil.copy(root / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    settle(settings_tree)
    deterministic = torch.are_deterministic_algorithms_enabled()
    yield tmp_path
    torch.use_deterministic_algorithms(deterministic)


def settle(tree) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(tree))


def make_store(subjects=4, seed=0) -> None:
    """A tiny store of random blobs in CASIA-B's structure."""
    rng = np.random.default_rng(seed)
    walks = [
        Sequence(f"{s:03d}", condition, view, split, (rng.random((4, 64, 44)) < 0.4).astype(np.uint8) * 255)
        for split, first in (("train", 0), ("test", subjects))
        for s in range(first, first + subjects)
        for condition in ("nm-01", "nm-05", "cl-01")
        for view in ("000", "090")
    ]
    write_store(STORE, walks, {"domain": "target"})


def make_run(method: str):
    """A run with its initial weights, as if it had been trained."""
    settings = load()
    run = wiring.resolve(settings, method, "gaitset", "target", 0)
    network = run.method.build(wiring.new_backbone(run), 0)
    checkpoint.save(run.name.checkpoint, wiring.checkpoint_of(run, network, "0" * 16))
    write_json(run.name.epochs, {"run_id": "0" * 16, "epochs": []})
    return run.name


# --- mistakes that are noticed before any work ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("suite", "use", "walker"), "unknown suite 'walker'; did you mean 'walkers'?"),
        (("run", "smok"), "unknown suite 'smok'; did you mean 'smoke'?"),
        (("train", "uper"), "unknown method 'uper'; did you mean 'upper'?"),
        (("evaluate", "sff"), "unknown method 'sff'; did you mean 's"),
        (("train", "cc", "--backbone", "gaitsett"), "unknown backbone 'gaitsett'; did you mean 'gaitset'?"),
        (("train", "cc", "--dataset", "targit"), "unknown data set 'targit'; did you mean 'target'?"),
        (("evaluate", "pretrain", "--dataset", "targit"), "'targit'"),
        (("data", "generate", "targit"), "unknown domain 'targit'; did you mean 'target'?"),
        (("data", "generate", "target", "--store", "conf"), "conf: exists and is no store; name another place"),
        (("data", "generate", "target", "--store", "params.yaml"), "params.yaml: exists and is no store"),
        (("data", "generate", "target", "--store", "a", "--raw", "b"), "give either --store STORE or --raw FOLDER"),
        (("data", "show", "target"), "data/smoke/target"),
        (("data", "show", "target", "--store", "conf"), "conf: no store there; `harness data prepare` makes stores"),
        (("data", "sheet", "target"), "data/smoke/target"),
        (("train", "upper"), "data/smoke/target: no store; make it with `harness data generate target`"),
        (("evaluate", "cc"), "data/smoke/target: no store; make it with `harness data generate target`"),
        (("tables", "--table", "99"), "no table 99"),
        (("claims", "--claims", "conf"), "conf: cannot be read"),
        (("run", "--slurm-options", "x"), "--slurm-options go with --slurm"),
        (("run", "--slurm", "--slurm-options", "'--gres"), "--slurm-options: No closing quotation"),
        (("tables", "--update", "README.md"), "README.md: no such file; name a document that has '<!-- harness tables"),
        (("tables", "--update", "conf"), "conf: cannot be read (Is a directory); name a text file"),
        (("run", "smoke", "--only", "cd"), "--only cd: no such method; did you mean 'cc'?"),
        (("run", "walkers", "--resume"), "--resume goes on with params.yaml, which holds suite smoke"),
        (("submit", "grew", "--output", "conf"), "conf: is a folder; name a file to write"),
    ],
)
def test_mistakes(refuses, words, expected):
    assert expected in refuses(*words)


def test_a_mistake_in_a_process_of_its_own(here):
    """Nothing else may write to standard error there: no warning of a library, no traceback."""
    command = [sys.executable, "-m", "harness.cli.app", "train", "uper"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "error: unknown method 'uper'; did you mean 'upper'?\n"


@pytest.mark.parametrize("words", [("train", "[/red]"), ("train", "[red]cc[/]"), ("tables", "--update", "[red].md")])
def test_brackets_are_shown_as_typed(refuses, words):
    assert words[-1] in refuses(*words)


@pytest.mark.parametrize("words", [("train", "cc"), ("tables",), ("suite", "list"), ("track", "sync"), ("run",)])
def test_misspelt_parameter(refuses, settings_tree, words):
    settings_tree["methods"]["scf"]["cloth_probabilty"] = 0.5
    settle(settings_tree)
    assert "'methods.scf.cloth_probabilty'; did you mean 'cloth_probability'?" in refuses(*words)


def test_parameter_out_of_range(refuses, settings_tree):
    settings_tree["methods"]["scf"]["a"] = 0
    settle(settings_tree)
    assert "params.yaml: parameter 'methods.scf.a'" in refuses("train", "scf")


def test_no_parameters_no_presets(here, harness):
    Path("params.yaml").unlink()
    shutil.rmtree("conf")
    cases = ((("tables",), "params.yaml: no such file"), (("suite", "list"), "conf/suite: no presets here"))
    for words, expected in cases:
        code, _, err = harness(*words)
        assert code == 2 and err.startswith("error: ") and expected in err and files().keys() == {"dvc.yaml"}


def test_a_broken_preset_leaves_the_parameters(refuses):
    path = Path("conf/suite/smoke.yaml")
    path.write_text(path.read_text().replace("n: 15", "n: 0"))
    assert "conf/suite/smoke.yaml: parameter 'methods.cc.n'" in refuses("suite", "use", "smoke")


@pytest.mark.parametrize("text", ["suite:\n  name: [x", "x: 1\n", "- 1\n", "suite: 3\n"])
def test_somebodys_preset_in_the_making(here, harness, text):
    """Named when it is asked for or listed; no reason not to use another."""
    Path("conf/suite/mine.yaml").write_text(text)
    for words in (("suite", "use", "mine"), ("suite", "list")):
        code, _, err = harness(*words)
        assert code == 2 and err.startswith("error: conf/suite/mine.yaml: no preset") and err.count("\n") == 1
    assert harness("suite", "use", "tiny")[0] == 0 and load().suite.name == "tiny"


def test_a_copied_preset_has_its_own_name(refuses):
    """Its tables would pass for the other's."""
    shutil.copy("conf/suite/tiny.yaml", "conf/suite/mine.yaml")
    assert "conf/suite/mine.yaml: its suite.preset is 'tiny'; write 'preset: mine'" in refuses("suite", "use", "mine")


def test_defaults_that_are_no_yaml(refuses):
    Path("conf/config.yaml").write_text("[")
    assert refuses("suite", "use", "tiny").startswith("error: conf/suite/tiny.yaml: ")


def test_a_preset_that_hydra_cannot_compose(refuses):
    Path("conf/suite/mine.yaml").write_text("# @package _global_\ndefaults: [nowhere]\nsuite: {preset: mine}\n")
    assert "conf/suite/mine.yaml: " in refuses("suite", "use", "mine")


def test_parameters_that_are_a_folder(here, harness):
    Path("params.yaml").unlink()
    Path("params.yaml").mkdir()
    code, _, err = harness("tables")
    assert code == 2 and err.startswith("error: params.yaml: cannot be read") and err.count("\n") == 1


def test_edits_are_kept_each_time(here, harness):
    edits = []
    for name in ("walkers", "tiny", "smoke"):
        text = Path("params.yaml").read_text() + f"# before {name}\n"
        edits.append(text)
        Path("params.yaml").write_text(text)
        assert harness("suite", "use", name)[0] == 0
    kept = [Path(f"params.yaml.bak{number}").read_text() for number in ("", "2", "3")]
    assert kept == edits
    Path("params.yaml").write_text(edits[1])
    assert harness("suite", "use", "smoke")[0] == 0 and not Path("params.yaml.bak4").exists()


def test_two_faiss_wheels(refuses, monkeypatch):
    true = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "1.13" if name in ("faiss-cpu", "faiss-gpu") else true(name))
    line = refuses("tables")
    assert (
        "faiss-cpu 1.13 and faiss-gpu 1.13 are both installed" in line and "pip uninstall faiss-cpu faiss-gpu" in line
    )


def test_no_gpu(refuses, settings_tree, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    settings_tree["compute"]["device"] = "cuda"
    settle(settings_tree)
    assert "compute.device is cuda" in refuses("train", "cc")


# --- documents and tables -------------------------------------------------------------------------------------


OPEN, CLOSE = "<!-- harness tables -->", "<!-- /harness tables -->"


@pytest.mark.parametrize("text", ["no marks\n", OPEN, CLOSE, OPEN + OPEN + CLOSE, CLOSE + OPEN])
def test_a_document_without_marks(refuses, text):
    Path("README.md").write_text(text)
    assert f"README.md: needs one '{OPEN}'" in refuses("tables", "--update", "README.md")


def test_a_document_with_marks_changes_only_between_them(here, harness):
    Path("README.md").write_text(f"before\n{OPEN}\nold\n{CLOSE}\nafter\n")
    assert harness("tables", "--update", "README.md")[0] == 0
    once = Path("README.md").read_text()
    assert once.startswith(f"before\n{OPEN}\n") and once.endswith(f"{CLOSE}\nafter\n")
    assert "old" not in once and "Ours (SF)" in once
    assert harness("tables", "--update", "README.md")[0] == 0
    assert Path("README.md").read_text() == once


@pytest.mark.parametrize("form", ["rich", "md", "csv"])
def test_tables_without_results_show_the_papers(here, harness, form):
    before = files()
    code, out, _ = harness("tables", "--table", "6", "--format", form)
    assert code == 0 and "82.9" in out and "Base + SSF" in out
    assert files() == before


def test_tables_of_a_suite_with_a_set_that_the_paper_does_not_test_on(here, harness, settings_tree):
    settings_tree["suite"]["datasets"] = ["source", "target"]
    settle(settings_tree)
    assert harness("tables", "--table", "6", "--format", "md")[0] == 0


def test_written_tables_are_the_same_twice(here, harness):
    assert harness("tables", "--write")[0] == 0
    once = files(Path("results"))
    stems = ("summary", "controls", *(f"table{number}" for number in range(3, 11)))
    expected = {f"{stem}.{end}" for stem in stems for end in ("md", "csv")}
    assert {Path(path).name for path in once} == {*expected, "means.json"}
    assert harness("tables", "--write")[0] == 0
    assert files(Path("results")) == once


def test_half_a_result_file(refuses):
    path = Path("results/smoke/scores/cc-gaitset-target-s0.json")
    path.parent.mkdir(parents=True)
    path.write_text('{"dataset": "tar')
    assert f"{path}: not valid JSON" in refuses("tables")


# --- stores and checkpoints -----------------------------------------------------------------------------------


def damage_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("name", ["frames.npy", "index.npz", "store.json"])
@pytest.mark.parametrize("harm", [damage_byte, cut, Path.unlink], ids=["byte", "cut", "missing"])
def test_a_damaged_store(refuses, name, harm):
    make_store()
    if name == "store.json" and harm is damage_byte:
        (STORE / name).write_text('{"format": 99}')
    else:
        harm(STORE / name)
    assert str(STORE) in refuses("train", "upper")


def test_evaluation_notices_damaged_frames_too(refuses):
    make_store()
    make_run("cc")
    damage_byte(STORE / "frames.npy")
    assert f"{STORE / 'frames.npy'}: content does not match the digest" in refuses("evaluate", "cc")


def test_missing_checkpoints(refuses):
    make_store()
    assert "runs/smoke/cc-gaitset-target-s0/checkpoint.pt: no such checkpoint" in refuses("evaluate", "cc")
    assert "runs/smoke/pretrain-gaitset-source-s0" in refuses("train", "cc")
    assert "runs/smoke/pretrain-gaitset-source-s0" in refuses("evaluate", "pretrain")


def replace(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04")


@pytest.mark.parametrize("harm", [damage_byte, cut, replace], ids=["byte", "cut", "other"])
def test_a_damaged_checkpoint(refuses, harm):
    make_store()
    path = make_run("cc").checkpoint
    harm(path)
    assert str(path) in refuses("evaluate", "cc")


def test_a_checkpoint_of_another_architecture(refuses, settings_tree):
    make_store()
    path = make_run("cc").checkpoint
    settings_tree["backbones"]["gaitset"]["embedding"] = 16
    settle(settings_tree)
    assert f"{path}: made with another architecture" in refuses("evaluate", "cc")


def test_evaluation_writes_its_scores_and_nothing_else(here, harness):
    make_store()
    make_run("cc")
    before = files()
    assert harness("evaluate", "cc")[0] == 0
    scores, events = "results/smoke/scores/cc-gaitset-target-s0.json", f"work/events/{'0' * 16}.jsonl"
    assert files().keys() - before.keys() == {scores, events}
    once = files(Path("results"))
    assert harness("evaluate", "cc")[0] == 0
    assert files(Path("results")) == once


# --- trainings that cannot go on ------------------------------------------------------------------------------


def test_a_batch_larger_than_the_subjects(refuses, settings_tree):
    settings_tree["methods"]["upper"]["training"]["subjects"] = 999
    settle(settings_tree)
    make_store()
    line = refuses("train", "upper", but="work/events/")
    assert "methods.upper.training.subjects: a batch needs 999 subjects, the training split has 4" in line


@pytest.mark.parametrize("few", ["stop", "shrink"])
def test_too_few_clusters(refuses, settings_tree, few):
    settings_tree["methods"]["cc"] |= {"n": 5, "s_up": 1.0, "few_clusters": few}
    settle(settings_tree)
    make_store()
    make_run("pretrain")
    line = refuses("train", "cc", but="work/events/")
    assert "training stopped: 0 clusters, a batch needs 8" in line and "methods.cc.s_up" in line


def test_more_neighbours_than_sequences(refuses, settings_tree):
    settings_tree["methods"]["cc"]["n"] = 25
    settle(settings_tree)
    make_store()
    make_run("pretrain")
    assert "n is 25 neighbours, but there are only 24 sequences" in refuses("train", "cc", but="work/events/")


# --- help, suites, Ctrl-C -------------------------------------------------------------------------------------


def commands(command, words=()):
    """The words of every command that does something."""
    if not hasattr(command, "list_commands"):
        return [words]
    names = command.list_commands(None)
    return [found for name in names for found in commands(command.get_command(None, name), (*words, name))]


ALL = commands(typer.main.get_command(cli.app))


def test_every_command_is_known_to_these_tests():
    assert set(ALL) >= {("run",), ("tables",), ("train",), ("evaluate",)}
    assert set(ALL) >= {("suite", "use"), ("data", "generate"), ("track", "sync")}


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_has_an_example(harness, words):
    code, out, _ = harness(*words, "--help")
    assert code == 0 and f"Example: harness {' '.join(words)}" in " ".join(out.replace("│", " ").split())


@pytest.mark.parametrize("words", [(), ("suite",), ("data",), ("track",)], ids=" ".join)
def test_help_of_groups(harness, words):
    code, out, _ = harness(*words, "--help")
    assert code == 0
    assert all(sub[len(words)] in out for sub in ALL if sub[: len(words)] == words)


def test_the_help_of_the_whole_has_an_example(harness):
    assert "Example:" in harness("--help")[1]


def test_suite_list_marks_the_one_in_use(here, harness):
    code, out, _ = harness("suite", "list")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("*")] == [["*", "smoke"]]
    assert all(name in out for name in ("paper", "smoke", "walkers"))


def test_suite_use_composes_a_preset_over_the_shared_settings(here, harness):
    before = files()
    assert harness("suite", "use", "walkers")[0] == 0
    settings = load()
    own = yaml.safe_load(Path("conf/suite/walkers.yaml").read_text())
    shared = yaml.safe_load(Path("conf/config.yaml").read_text())
    assert settings.suite.name == "walkers" and list(settings.suite.seeds) == own["suite"]["seeds"]
    assert settings.walkers["target"].subjects.train == own["walkers"]["target"]["subjects"]["train"]
    assert settings.methods.cc.tau == shared["methods"]["cc"]["tau"]
    assert {path for path, content in files().items() if before.get(path) != content} <= {
        "params.yaml",
        "params.yaml.bak",
    }
    once = files()
    assert harness("suite", "use", "walkers")[0] == 0
    assert files() == once


def test_ctrl_c_says_how_to_go_on(here, harness, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.tables.print_tables", stop)
    code, _, err = harness("tables")
    assert code == 130
    assert "the same command goes on from here" in err


def test_version(harness):
    from harness import __version__

    assert harness("--version")[:2] == (0, f"harness {__version__}\n")


# --- plug-ins -------------------------------------------------------------------------------------------------


def test_a_method_that_nobody_brings_is_not_added(refuses):
    assert "no installed package brings the method 'nobodys'" in refuses("suite", "use", "smoke", "--extra", "nobodys")


def test_plugins_are_listed(harness, monkeypatch):
    entry = metadata.EntryPoint("theirs", "their_plugin:Theirs", "harness.methods")
    monkeypatch.setattr("harness.cli.plugins.plugged", lambda kind: {"theirs": entry} if kind == "method" else {})
    code, out, _ = harness("plugins", "list", "--json")
    wanted = {"kind": "method", "name": "theirs", "package": "a package", "module": "their_plugin"}
    assert code == 0 and json.loads(out) == [wanted]
    assert "their_plugin" in harness("plugins", "list")[1]
    monkeypatch.setattr("harness.cli.plugins.plugged", lambda kind: {})
    assert "docs/adding.md" in harness("plugins", "list")[1]
