"""OpenGait's checkpoints, in and out: weights under its names give its embeddings, and come back unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import opengait
import pytest
import torch
from opengait import GAITGLS, GAITSETS, Model, written
from torch import Tensor

from harness.cli.networks import network_of
from harness.errors import UserError
from harness.interop import export_opengait, import_opengait, read_model


def embedded(path: Path, kind: str, frames: Tensor, lengths: list[int], head: str | None = None) -> Tensor:
    found = import_opengait(path, kind, head)
    network: Any = network_of({"network": found.network, "prefix": "", "backbone": found.backbone}, path).eval()
    with torch.no_grad():
        return network.embed(frames, torch.tensor(lengths)).double()


def assert_near(got: Tensor, wanted: Tensor) -> None:
    """Within 1e-5 of the largest value."""
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max() <= 1e-5 * wanted.abs().max()


FRAMES = torch.rand(3, 7, 64, 44, generator=torch.Generator().manual_seed(5)).round(decimals=1)
LENGTHS = [7, 2, 4]


@pytest.mark.parametrize("name", GAITSETS)
def test_an_imported_gaitset_embeds_as_opengait_does(name: str, tmp_path: Path):
    model = GAITSETS[name]
    path = written(tmp_path / "x.pt", opengait.whole(model))
    wanted = torch.stack([opengait.gaitset_embeds(model, FRAMES[i, :n]) for i, n in enumerate(LENGTHS)])
    assert_near(embedded(path, "gaitset", FRAMES, LENGTHS), wanted)
    found = import_opengait(path, "gaitset")
    stages = 3 if name == "three stages" else 4
    assert found.backbone["channels"] == ([4, 5, 6] if stages == 3 else [3, 4, 5, 6])
    assert found.backbone["embedding"] == wanted.shape[2] and found.backbone["norm"] == "none" and not found.extra


@pytest.mark.parametrize("name", GAITGLS)
def test_an_imported_gaitgl_embeds_as_opengait_does(name: str, tmp_path: Path):
    model, head, form = GAITGLS[name]
    path = written(tmp_path / "x.pt", opengait.whole(model))
    wanted = torch.stack([opengait.gaitgl_embeds(model, FRAMES[i, :n], head) for i, n in enumerate(LENGTHS)])
    assert_near(embedded(path, "gaitgl", FRAMES, LENGTHS), wanted)
    found = import_opengait(path, "gaitgl")
    assert found.backbone | form == found.backbone and found.backbone["head"] == head
    classifier = {key for key in model if key.startswith(("Head1.", "BNNecks."))}
    assert set(found.extra) == classifier and classifier


@pytest.mark.parametrize("head", ["norm", "necks"])
def test_both_heads_need_a_word(head: str, tmp_path: Path):
    model = opengait.gaitgl(heads=("norm", "necks"))
    path = written(tmp_path / "x.pt", opengait.whole(model))
    with pytest.raises(UserError, match=r"has both heads .*--head norm or --head necks"):
        import_opengait(path, "gaitgl")
    wanted = torch.stack([opengait.gaitgl_embeds(model, FRAMES[i, :n], head) for i, n in enumerate(LENGTHS)])
    assert_near(embedded(path, "gaitgl", FRAMES, LENGTHS, head), wanted)
    assert_comes_back(path, "gaitgl", model, head)


def test_no_head_needs_a_word_too(tmp_path: Path):
    path = written(tmp_path / "x.pt", opengait.whole(opengait.gaitgl(heads=())))
    with pytest.raises(UserError, match="has neither head"):
        import_opengait(path, "gaitgl")
    with pytest.raises(UserError, match="has no Bn; use --head necks"):
        import_opengait(path, "gaitgl", "norm")
    assert import_opengait(path, "gaitgl", "necks").backbone["head"] == "necks"


def test_a_head_that_the_file_has_not(tmp_path: Path):
    path = written(tmp_path / "x.pt", opengait.whole(opengait.gaitgl()))
    with pytest.raises(UserError, match="has no BNNecks; use --head norm"):
        import_opengait(path, "gaitgl", "necks")


def assert_comes_back(path: Path, kind: str, model: Model, head: str | None = None) -> None:
    found = import_opengait(path, kind, head)
    back = export_opengait(found.backbone, found.network, found.extra)
    assert set(back["model"]) == set(model)
    for key, value in model.items():
        assert back["model"][key].dtype == value.dtype and torch.equal(back["model"][key], value), key
    # OpenGait starts a new optimiser where there is none, and fails on an empty one.
    assert not {"optimizer", "scheduler"} & set(back)


@pytest.mark.parametrize("name", [*GAITSETS, *GAITGLS])
def test_every_weight_comes_back(name: str, tmp_path: Path):
    kind, model = ("gaitset", GAITSETS[name]) if name in GAITSETS else ("gaitgl", GAITGLS[name][0])
    assert_comes_back(written(tmp_path / "x.pt", opengait.whole(model)), kind, model)


def test_the_old_format_and_half_precision_are_read_too(tmp_path: Path):
    model = {key: value.half() for key, value in GAITSETS["three stages"].items()}
    path = written(tmp_path / "x.pt", opengait.whole(model), _use_new_zipfile_serialization=False)
    wanted = torch.stack([opengait.gaitset_embeds(model, FRAMES[i, :n]) for i, n in enumerate(LENGTHS)])
    assert_near(embedded(path, "gaitset", FRAMES, LENGTHS), wanted)


def test_reading_keeps_the_files_order_and_types(tmp_path: Path):
    model = GAITGLS["single"][0]
    read = read_model(written(tmp_path / "x.pt", opengait.whole(model)))
    assert list(read) == list(model) and read["Bn.num_batches_tracked"].dtype == torch.int64


def test_what_opengait_has_no_place_for():
    with pytest.raises(UserError, match="OpenGait has no place for a view_classifier"):
        export_opengait({"kind": "view_classifier"}, {}, {})
    with pytest.raises(UserError, match="has no BatchNorm"):
        export_opengait({"kind": "gaitset", "norm": "batch", "channels": [1, 2, 3]}, {}, {})
