"""``harness checkpoint``: weights in from OpenGait and out again, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import opengait
import pytest
import torch
from folders import files

from harness.config import load
from harness.training import checkpoint

IMPORT = ("checkpoint", "import", "in.pt", "out.pt", "--from", "opengait", "--backbone")


def write(model: opengait.Model) -> None:
    torch.save(opengait.whole(model), "in.pt")


def test_in_and_out_again(here, harness):
    model = opengait.gaitset()
    write(model)
    before = files()
    code, out, err = harness(*IMPORT, "gaitset")
    size = sum(weight.numel() for weight in model.values())
    assert code == 0 and err == "" and out.startswith("out.pt: gaitset") and f"{size} parameters" in out
    assert files().keys() - before.keys() == {"out.pt"}
    code, out, err = harness("checkpoint", "export", "out.pt", "back.pt")
    assert code == 0 and err == "" and f"{len(model)} weights of gaitset" in out
    back = torch.load("back.pt", weights_only=True)["model"]
    assert set(back) == set(model) and all(torch.equal(back[key], model[key]) for key in model)
    assert {path: content for path, content in files().items() if path == "in.pt"} == before


@pytest.mark.parametrize("head", ["norm", "necks"])
@pytest.mark.parametrize("doubled", [False, True])
def test_gaitgl_as_json(here, harness, doubled: bool, head: str):
    model = opengait.gaitgl(doubled, (head,))
    write(model)
    code, out, err = harness(*IMPORT, "gaitgl", "--json")
    assert code == 0 and err == ""
    figures = json.loads(out)
    assert figures["backbone"] == {
        "kind": "gaitgl",
        "channels": [3, 4, 5, 6] if doubled else [4, 5, 6],
        "embedding": 6,
        "doubled": doubled,
        "halving": 1 if doubled else 3,
        "head": head,
        "head_init": "stacked",
    }
    aside = sorted(key for key in model if key.startswith(("Head1", "BNNecks")))
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    own = [key for key in model if key not in aside and not key.endswith(buffers)]
    assert figures["kept_aside"] == aside and figures["parameters"] == sum(model[key].numel() for key in own)
    code, out, err = harness("checkpoint", "export", "out.pt", "back.pt", "--json")
    assert code == 0 and err == ""
    assert json.loads(out) == {"backbone": figures["backbone"], "weights": sorted(model)}
    back = torch.load("back.pt", weights_only=True)["model"]
    assert set(back) == set(model) and all(torch.equal(back[key], model[key]) for key in model)


def test_a_file_is_imported_the_same_twice(here, harness):
    write(opengait.gaitgl())
    assert harness(*IMPORT, "gaitgl")[0] == 0
    once = files()["out.pt"]
    assert harness(*IMPORT, "gaitgl")[0] == 0 and files()["out.pt"] == once


def test_both_heads(refuses, harness):
    write(opengait.gaitgl(heads=("norm", "necks")))
    assert "--head norm or --head necks" in refuses(*IMPORT, "gaitgl")
    assert harness(*IMPORT, "gaitgl", "--head", "necks")[0] == 0
    assert checkpoint.load(Path("out.pt"))["backbone"]["head"] == "necks"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*IMPORT, "gaitgl"), "in.pt: not a gaitgl checkpoint of OpenGait"),
        ((*IMPORT, "gaitpart"), "--backbone: unknown 'gaitpart'; did you mean"),
        ((*IMPORT, "gaitset", "--head", "neck"), "--head: unknown 'neck'; did you mean 'necks'?"),
        ((*IMPORT[:4], "--from", "fastreid", "--backbone", "gaitset"), "--from: unknown 'fastreid'; known: opengait"),
        (("checkpoint", "import", "nowhere.pt", "out.pt", "--backbone", "gaitset"), "nowhere.pt: cannot be read"),
        (("checkpoint", "import", "in.pt", "folder", "--backbone", "gaitset"), "folder: is a folder"),
        (("checkpoint", "import", "in.pt", "in.pt", "--backbone", "gaitset"), "in.pt: is read too and would be lost"),
        (("checkpoint", "export", "in.pt", "in.pt"), "in.pt: is read too and would be lost"),
        (("checkpoint", "import", "in.pt", "in.pt/out.pt", "--backbone", "gaitset"), "in.pt/out.pt: cannot be written"),
        (("checkpoint", "import", "in.pt", "out.pt"), "Missing option '--backbone'"),
        (("checkpoint", "export", "in.pt", "out.pt"), "in.pt: not a checkpoint of this harness"),
        (("checkpoint", "export", "nowhere.pt", "out.pt"), "nowhere.pt: no such checkpoint"),
        (("checkpoint", "export", "folder", "out.pt"), "folder: cannot be read"),
        (("checkpoint", "export", "in.pt/x", "out.pt"), "in.pt/x: cannot be read"),
        (("checkpoint", "export", "in.pt", "out.pt", "--to", "fastreid"), "--to: unknown 'fastreid'"),
    ],
)
def test_mistakes(refuses, words: tuple[str, ...], message: str):
    write(opengait.gaitset())
    Path("folder").mkdir()
    Path("folder/mine").write_text("kept")
    assert message in refuses(*words)


def spoiled(kind: str) -> None:
    model: Any = opengait.gaitset()
    if kind == "NaN":
        model["Head.fc_bin"][0, 0, 0] = float("nan")
    elif kind == "missing weight":
        del model["gl_block3.2.conv.weight"]
    elif kind == "other sizes":
        model["Head.fc_bin"] = torch.zeros(61, 6, 7)
    elif kind == "two stages":
        model = {key: value for key, value in model.items() if "block3" not in key}
    write(model)
    if kind == "cut":
        Path("in.pt").write_bytes(Path("in.pt").read_bytes()[:-300])


@pytest.mark.parametrize("kind", ["NaN", "missing weight", "other sizes", "two stages", "cut"])
def test_files_that_are_refused(refuses, kind: str):
    spoiled(kind)
    line = refuses(*IMPORT, "gaitset")
    assert line.startswith("error: in.pt: ") and "pydantic" not in line


class Hostile:
    def __reduce__(self):
        return open, ("ran", "w")


def test_code_is_refused_in_one_line(refuses):
    torch.save({"model": Hostile()}, "in.pt", pickle_protocol=4)  # torch would remark on the protocol
    line = refuses(*IMPORT, "gaitset")
    assert line.startswith("error: in.pt: ") and "could run code" in line and files().keys() == {"in.pt"}


@pytest.mark.parametrize("content", [[1, 2], {}, {"network": {}, "prefix": ""}, {"backbone": {"kind": "gaitset"}}])
def test_checkpoints_of_ours_that_say_nothing(refuses, content: Any):
    checkpoint.save(Path("ours.pt"), content)
    assert refuses("checkpoint", "export", "ours.pt", "out.pt").startswith("error: ours.pt: ")


def test_a_network_that_opengait_does_not_know(refuses):
    backbone = {"kind": "gaitset", "channels": [3, 4, 5], "embedding": 6, "norm": "batch", "head_init": "stacked"}
    checkpoint.save(Path("ours.pt"), {"network": {}, "prefix": "", "backbone": backbone})
    assert "has no BatchNorm" in refuses("checkpoint", "export", "ours.pt", "out.pt")


def test_a_trained_run_is_exported(here, harness, settings_tree):
    """Its backbone sits within the network that was trained, whose classifier OpenGait's file then lacks."""
    import yaml

    from harness.cli import wiring

    settings_tree["backbones"]["gaitgl"] |= {"channels": [2, 3, 4], "embedding": 4}
    settings_tree["suite"]["backbones"] = ["gaitgl"]
    Path("params.yaml").write_text(yaml.safe_dump(settings_tree))
    run = wiring.resolve(load(), "upper", "gaitgl", "target", 0)
    network = run.method.build(wiring.new_backbone(run), 5)
    checkpoint.save(Path("ours.pt"), wiring.checkpoint_of(run, network, "0" * 16))
    assert harness("checkpoint", "export", "ours.pt", "in.pt")[0] == 0
    assert harness(*IMPORT, "gaitgl")[0] == 0
    back, weights = checkpoint.load(Path("out.pt"))["network"], network.state_dict()
    assert back and all(torch.equal(value, weights[f"backbone.{key}"]) for key, value in back.items())
    assert {f"backbone.{key}" for key in back} == {key for key in weights if key.startswith("backbone.")}


@pytest.mark.parametrize("head", ["norm", "necks"])
def test_a_classifier_goes_out_with_its_gaitgl(head: str):
    """Logits from OpenGait's own arithmetic on the exported weights equal ours."""
    from harness.interop import classifier_weights
    from methods.parts.classified import Classified
    from models.gaitgl import GaitGL

    torch.manual_seed(0)
    network = Classified(GaitGL((2, 3, 4), 5, False, 3, head, "per-part"), 6).eval()  # pyright: ignore[reportArgumentType]
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d) and layer.running_mean is not None and layer.running_var is not None:
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
    with torch.no_grad():
        embeddings, logits = network(torch.rand(2, 3, 64, 44), torch.tensor([3, 3]))
    out = classifier_weights({"head": head}, network.state_dict())
    theirs = embeddings.transpose(1, 2)  # [n,c,p]
    if head == "norm":
        wanted = torch.einsum("ncp,pck->npk", theirs, out["Head1.fc_bin"])
    else:
        norm = {key.removeprefix("BNNecks.bn1d."): v for key, v in out.items() if "bn1d" in key}
        flat = torch.nn.functional.batch_norm(
            theirs.flatten(1), norm["running_mean"], norm["running_var"], norm["weight"], norm["bias"]
        )
        unit = torch.nn.functional.normalize(flat.view_as(theirs), dim=1)
        wanted = torch.einsum("ncp,pck->npk", unit, torch.nn.functional.normalize(out["BNNecks.fc_bin"], dim=1))
    torch.testing.assert_close(wanted, logits, rtol=1e-4, atol=1e-5)
