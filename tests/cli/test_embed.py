"""``harness embed``: other people's silhouettes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import opengait
import pytest
import torch
from folders import files

from harness.data.store import Sequence, write_store
from harness.interop import import_opengait
from harness.training import checkpoint

LENGTHS = np.array([5, 1, 3, 2])
EMBED = ("embed", "--checkpoint", "net.pt", "--output", "out.npz")
MODEL = opengait.gaitset()


@pytest.fixture
def network(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An imported GaitSet in the current folder; one thread, as in all tests."""
    monkeypatch.setattr("harness.cli.embed.cores", lambda: 1)
    torch.save(opengait.whole(MODEL), here / "in.pt")
    found = import_opengait(here / "in.pt", "gaitset")
    content = {"network": found.network, "prefix": "", "backbone": found.backbone, "run_id": "x", "extra": {}}
    checkpoint.save(here / "net.pt", content)
    (here / "in.pt").unlink()
    return here


def silhouettes(seed: int = 0) -> np.ndarray:
    """uint8[4,5,64,44] of blobs in both colours and some between."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice([0, 0, 128, 255], (4, 5, 8, 11)).astype(np.uint8)
    return coarse.repeat(8, axis=2).repeat(4, axis=3)


def embeddings(path: str = "out.npz") -> np.ndarray:
    with np.load(path) as content:
        return content["embeddings"]


def assert_near(got: np.ndarray, wanted: np.ndarray, share: float = 1e-5) -> None:
    assert got.shape == wanted.shape and got.dtype == np.float32
    assert np.abs(got - wanted).max() <= share * np.abs(wanted).max()


def reference(frames: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    parts = [
        opengait.gaitset_embeds(MODEL, torch.from_numpy(sequence[:n].astype(np.float64) / 255))
        for sequence, n in zip(frames, lengths)
    ]
    return torch.stack(parts).numpy()


def test_uint8_and_floats_give_the_same(network, harness):
    frames = silhouettes()
    np.savez("frames.npz", frames=frames)
    before = files()
    code, out, err = harness(*EMBED, "--frames", "frames.npz")
    assert code == 0 and err == "" and "[4, 62, 7]" in out and "20 frames" in out
    assert files().keys() - before.keys() == {"out.npz"}
    got = embeddings()
    assert_near(got, reference(frames, np.full(4, 5)))
    for kind in (np.float32, np.float64):
        np.savez("floats.npz", frames=frames.astype(kind) / 255)
        assert harness(*EMBED, "--frames", "floats.npz")[0] == 0
        assert_near(embeddings(), got, 1e-6)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32, ">i4"])
def test_lengths(network, harness, kind: Any):
    frames = silhouettes()
    np.savez("frames.npz", frames=frames, lengths=LENGTHS.astype(kind))
    assert harness(*EMBED, "--frames", "frames.npz")[0] == 0
    got = embeddings()
    assert_near(got, reference(frames, LENGTHS))
    frames[1, 1:] = 255  # beyond its length
    np.savez("frames.npz", frames=frames, lengths=LENGTHS)
    assert harness(*EMBED, "--frames", "frames.npz")[0] == 0
    np.testing.assert_array_equal(embeddings(), got)


def test_figures_as_json_and_names_passed_on(network, harness):
    names = {"subjects": np.array(["a", "b", "c", "d"]), "conditions": np.full(4, "nm-01"), "views": np.arange(4)}
    np.savez("frames.npz", frames=silhouettes(), lengths=LENGTHS, **names)
    code, out, err = harness(*EMBED, "--frames", "frames.npz", "--json", "--device", "cpu")
    figures = json.loads(out)
    assert code == 0 and err == "" and figures.pop("seconds") >= 0
    assert figures == {"shape": [4, 62, 7], "frames": int(LENGTHS.sum()), "device": "cpu"}
    with np.load("out.npz") as content:
        assert set(content.files) == {"embeddings", *names}
        assert all(content[name].tolist() == array.astype(str).tolist() for name, array in names.items())


def test_a_store_gives_what_its_frames_give(network, harness):
    frames = silhouettes()
    walks = [Sequence(f"{i:03d}", "nm-01", "090", "test", frames[i, :n]) for i, n in enumerate(LENGTHS)]
    write_store(Path("store"), walks, {"domain": "target"})
    np.savez("frames.npz", frames=frames, lengths=LENGTHS)
    assert harness(*EMBED, "--frames", "frames.npz")[0] == 0
    got = embeddings()
    code, _, err = harness(*EMBED, "--store", "store")
    assert code == 0 and err == ""
    np.testing.assert_array_equal(embeddings(), got)
    with np.load("out.npz") as content:
        assert content["subjects"].tolist() == ["000", "001", "002", "003"]
        assert set(content["views"]) == {"090"} and set(content["conditions"]) == {"nm-01"}


def test_what_embed_writes_score_reads(network, harness):
    rows = [(s, c, v) for s in ("1", "2") for c in ("nm-01", "nm-05") for v in ("000", "090")]
    names = dict(zip(("subjects", "conditions", "views"), (np.array(column) for column in zip(*rows))))
    np.savez("frames.npz", frames=np.concatenate([silhouettes(), silhouettes(1)]), **names)
    assert harness(*EMBED, "--frames", "frames.npz")[0] == 0
    assert harness("score", "out.npz", "--json", "-")[0] == 0


BAD = {
    "wrong rank": (lambda a: {"frames": a[:, 0]}, "'frames' must be [B,T,H,W], it has shape [4, 64, 44]"),
    "wrong size": (lambda a: {"frames": a[..., :40]}, "'frames' must be [B,T,H,W] with W = 44"),
    "no frames": (lambda a: {"frames": a[:, :0]}, "'frames' is empty"),
    "another name": (lambda a: {"frame": a}, "array 'frames' is missing; did you mean 'frame'?"),
    "NaN": (lambda a: {"frames": np.where(a > 200, np.nan, a / 255)}, "'frames' holds NaN or infinity"),
    "beyond 1": (lambda a: {"frames": a.astype(np.float32)}, "float 'frames' must lie in [0,1]; divide by 255"),
    "below 0": (lambda a: {"frames": a / 255 - 0.1}, "float 'frames' must lie in [0,1]"),
    "int64": (lambda a: {"frames": a.astype(np.int64)}, "'frames' must hold float or uint8 numbers, it holds int64"),
    "uint16": (lambda a: {"frames": a.astype(np.uint16)}, "'frames' must be uint8 or float, it is uint16"),
    "booleans": (lambda a: {"frames": a > 0}, "'frames' must hold float or uint8 numbers"),
    "objects": (lambda a: {"frames": a.astype(object)}, "holds Python objects"),
    "too long": (lambda a: {"frames": a, "lengths": LENGTHS + 1}, "'lengths' of row 0 is 6, but there are 5 frames"),
    "zero": (lambda a: {"frames": a, "lengths": LENGTHS - 1}, "'lengths' of row 1 is 0"),
    "negative": (lambda a: {"frames": a, "lengths": LENGTHS - 4}, "'lengths' of row 1 is -3"),
    "huge": (lambda a: {"frames": a, "lengths": LENGTHS.astype(np.uint64) + 2**63}, "'lengths' of row 0"),
    "float lengths": (lambda a: {"frames": a, "lengths": LENGTHS / 1}, "'lengths' must hold whole numbers"),
    "too few lengths": (lambda a: {"frames": a, "lengths": LENGTHS[:3]}, "'lengths' and 'frames' differ in B: 3 and 4"),
    "lengths of rank 2": (lambda a: {"frames": a, "lengths": LENGTHS[None]}, "'lengths' must be [B]"),
    "too few names": (lambda a: {"frames": a, "views": np.array(["0"])}, "'views' and 'frames' differ in B"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays(network, refuses, case: str):
    change, message = BAD[case]
    np.savez("frames.npz", **change(silhouettes()))
    line = refuses(*EMBED, "--frames", "frames.npz")
    assert line.startswith("error: frames.npz: ") and message in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (EMBED, "give either --frames FRAMES.npz or --store STORE"),
        ((*EMBED, "--frames", "frames.npz", "--store", "store"), "give either --frames FRAMES.npz or --store STORE"),
        ((*EMBED, "--frames", "nowhere.npz"), "nowhere.npz: cannot be read"),
        ((*EMBED, "--store", "nowhere"), "nowhere/store.json: no such file"),
        ((*EMBED, "--store", "frames.npz"), "frames.npz/store.json: cannot be read"),
        ((*EMBED, "--frames", "frames.npz", "--device", "tpu"), "--device is auto, cpu or cuda"),
        ((*EMBED, "--frames", "frames.npz", "--precision", "fp8"), "--precision is fp32 or bf16"),
        (("embed", "--checkpoint", "frames.npz", *EMBED[3:], "--frames", "frames.npz"), "not a checkpoint of this"),
        (("embed", "--checkpoint", "nowhere.pt", *EMBED[3:], "--frames", "frames.npz"), "no such checkpoint"),
        ((*EMBED[:4], "folder", "--frames", "frames.npz"), "folder: is a folder"),
        ((*EMBED[:4], EMBED[2], "--frames", "frames.npz"), "is read too and would be lost"),
        ((*EMBED[:4], "frames.npz", "--frames", "frames.npz"), "frames.npz: is read too and would be lost"),
    ],
)
def test_mistakes(network, refuses, words: tuple[str, ...], message: str):
    np.savez("frames.npz", frames=silhouettes())
    Path("folder").mkdir()
    Path("folder/mine").write_text("kept")
    assert message in refuses(*words)


def test_no_gpu(network, refuses, monkeypatch):
    np.savez("frames.npz", frames=silhouettes())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch sees no GPU here" in refuses(*EMBED, "--frames", "frames.npz", "--device", "cuda")


def test_opengaits_own_file_is_pointed_to_the_import(network, refuses):
    torch.save(opengait.whole(MODEL), "in.pt")
    np.savez("frames.npz", frames=silhouettes())
    line = refuses("embed", "--checkpoint", "in.pt", *EMBED[3:], "--frames", "frames.npz")
    assert "`harness checkpoint import`" in line and "delete" not in line


def test_a_checkpoint_whose_weights_do_not_fit(network, refuses):
    np.savez("frames.npz", frames=silhouettes())
    content = checkpoint.load(Path("net.pt"))
    content["backbone"]["embedding"] = 8
    checkpoint.save(Path("net.pt"), content)
    line = refuses(*EMBED, "--frames", "frames.npz")
    assert line.startswith("error: net.pt: its weights do not fit its architecture")


@pytest.mark.parametrize(
    "backbone",
    [
        {"kind": "gaitset", "channels": [4, 5, 6]},
        {"kind": "os.system"},
        {"kind": "../x"},
        {"kind": "gaitset", "channels": [4, 5, 6], "embedding": 7, "norm": "none", "head_init": "stacked", "more": 1},
        None,
    ],
)
def test_a_checkpoint_with_other_settings(network, refuses, backbone: Any):
    np.savez("frames.npz", frames=silhouettes())
    checkpoint.save(Path("net.pt"), {**checkpoint.load(Path("net.pt")), "backbone": backbone})
    line = refuses(*EMBED, "--frames", "frames.npz")
    assert "pydantic" not in line and "net.pt" in line
