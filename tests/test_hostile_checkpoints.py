"""Checkpoints of OpenGait that are refused: of other forms, damaged, not plain, or made to run code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import opengait
import pytest
import torch
from opengait import GAITGLS, GAITSETS, written
from torch import Tensor

from harness.cli.networks import network_of
from harness.errors import UserError
from harness.interop import import_opengait


def refused(path: Path, kind: str = "gaitset", head: str | None = None) -> str:
    """The one line that names the file; a network is built too, which is where sizes are checked."""
    with pytest.raises(UserError) as caught:
        found = import_opengait(path, kind, head)
        network_of({"network": found.network, "prefix": "", "backbone": found.backbone}, path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and "\n" not in line
    return line


def test_the_wrong_backbone_is_named(tmp_path: Path):
    gaitset = written(tmp_path / "a.pt", opengait.whole(GAITSETS["three stages"]))
    gaitgl = written(tmp_path / "b.pt", opengait.whole(GAITGLS["doubled"][0]))
    assert "it looks like gaitset: use --backbone gaitset" in refused(gaitset, "gaitgl")
    assert "it looks like gaitgl: use --backbone gaitgl" in refused(gaitgl, "gaitset")
    other = written(tmp_path / "c.pt", {"model": {"conv1.weight": torch.zeros(2)}})
    assert "it is of another architecture" in refused(other)


@pytest.mark.parametrize("name", [*GAITSETS, *GAITGLS])
def test_no_weight_may_be_missing(name: str, tmp_path: Path):
    kind, model = ("gaitset", GAITSETS[name]) if name in GAITSETS else ("gaitgl", GAITGLS[name][0])
    aside = ("Head1.", "BNNecks.")
    needed = [key for key in model if not key.startswith(aside)]
    for key in needed[1:]:
        rest = {other: value for other, value in model.items() if other != key}
        line = refused(written(tmp_path / "x.pt", opengait.whole(rest)), kind)
        assert f"{key}' is missing" in line or (key == "Bn.weight" and "neither head" in line)


def test_other_forms_of_a_backbone(tmp_path: Path):
    five = {f"set_block5.forward_block.{layer}.conv.weight": torch.zeros(6, 6, 3, 3) for layer in (0, 2)}
    assert "a GaitSet of 5 stage(s)" in refused(written(tmp_path / "a.pt", {"model": GAITSETS["four stages"] | five}))
    deeper = {"set_block3.forward_block.4.conv.weight": torch.zeros(6, 6, 3, 3)}
    line = refused(written(tmp_path / "b.pt", {"model": GAITSETS["three stages"] | deeper}))
    assert "no place for 'set_block3.forward_block.4.conv.weight'" in line
    mixed = GAITGLS["single"][0] | {"GLConvB2.1.global_conv3d.conv3d.weight": torch.zeros(6, 6, 3, 3, 3)}
    assert "no place for 'GLConvB2.1" in refused(written(tmp_path / "c.pt", {"model": mixed}), "gaitgl")


def test_sizes_that_do_not_fit(tmp_path: Path):
    for key, value in (
        ("Head.fc_bin", torch.zeros(61, 6, 7)),
        ("Head.fc_bin", torch.zeros(62, 6)),
        ("Head.fc_bin", torch.tensor(1.0)),
        ("set_block1.forward_block.0.conv.weight", torch.zeros(4, 1, 3, 3)),
        ("set_block2.forward_block.0.conv.weight", torch.zeros(5, 4, 3, 3, 3)),
        ("set_block3.forward_block.2.conv.weight", torch.zeros(6, 5, 3, 3)),
    ):
        refused(written(tmp_path / "x.pt", {"model": GAITSETS["three stages"] | {key: value}}))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(value: float, tmp_path: Path):
    head = GAITSETS["three stages"]["Head.fc_bin"].clone()
    head[3, 2, 1] = value
    path = written(tmp_path / "x.pt", opengait.whole(GAITSETS["three stages"] | {"Head.fc_bin": head}))
    assert "'Head.fc_bin' holds NaN or infinity" in refused(path)


@pytest.mark.parametrize("change", [Tensor.to_sparse, lambda x: x.to(torch.complex64)], ids=["sparse", "complex"])
def test_weights_that_are_not_plain(change: Any, tmp_path: Path):
    model = GAITSETS["three stages"]
    path = written(tmp_path / "x.pt", {"model": model | {"Head.fc_bin": change(model["Head.fc_bin"])}})
    assert "'Head.fc_bin' is not a plain tensor of real numbers" in refused(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_short_anywhere(zipped: bool, tmp_path: Path):
    path = written(tmp_path / "x.pt", opengait.whole(GAITSETS["three stages"]), _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for length in {*range(300), *range(300, len(content), len(content) // 40), len(content) - 1}:
        path.write_bytes(content[:length])
        refused(path)
    path.write_bytes(content)
    assert import_opengait(path, "gaitset").backbone["channels"] == [4, 5, 6]


class Hostile:
    """Touches a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("form", ["zip", "old", "pickle"])
@pytest.mark.parametrize("place", ["top", "model", "beside", "inside"])
def test_code_is_refused_and_never_runs(form: str, place: str, tmp_path: Path):
    mark = tmp_path / "ran"
    hostile, model = Hostile(mark), GAITSETS["three stages"]
    content = {
        "top": hostile,
        "model": {"model": hostile},
        "beside": {**opengait.whole(model), "scheduler": hostile},
        "inside": {"model": {**model, "x": hostile}},
    }[place]
    path = tmp_path / "x.pt"
    if form == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    line = refused(path)
    assert not mark.exists()
    assert "could run code" in line
    torch.load(path, weights_only=False) if form != "pickle" else pickle.loads(path.read_bytes())
    assert mark.exists()  # it would have run


@pytest.mark.parametrize("content", [[], 3, "text", {}, {"model": []}, {"model": {"a": 1}}, {"model": None}, {"a": {}}])
def test_a_file_without_a_model(content: Any, tmp_path: Path):
    assert "holds no 'model' with weights" in refused(written(tmp_path / "x.pt", content))


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x02", b"PK\x03\x04", bytes(range(256))])
def test_a_file_of_something_else(content: bytes, tmp_path: Path):
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    refused(path)


def test_a_folder_and_nothing_at_all(tmp_path: Path):
    assert "cannot be read" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "nowhere.pt")
