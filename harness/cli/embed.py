"""``harness embed``: embeddings of anybody's silhouettes."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from harness.cli.arrays import Wanted, read_arrays, write_arrays
from harness.cli.console import console
from harness.config import Compute
from harness.errors import UserError
from harness.files import refuse_folder, refuse_input
from harness.identity import cores

if TYPE_CHECKING:
    from torch import nn

_ARRAYS = {
    "frames": Wanted("BTHW", sizes={"H": 64, "W": 44}),
    "lengths": Wanted("B", "counts", optional=True),
    "subjects": Wanted("B", "words", optional=True),
    "conditions": Wanted("B", "words", optional=True),
    "views": Wanted("B", "words", optional=True),
}


def embed(
    checkpoint: Annotated[Path, typer.Option(help="a checkpoint of ours, trained or imported")],
    output: Annotated[Path, typer.Option(help="where `embeddings` f32[B,P,D] go, an .npz file")],
    frames: Annotated[
        Path | None, typer.Option(help="an .npz file: `frames` [B,T,64,44], `lengths` [B] if they differ")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="a store made by `harness data`, instead of --frames")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32 or bf16")] = "fp32",
    as_json: Annotated[bool, typer.Option("--json", help="print the figures as JSON")] = False,
) -> None:
    """Embed silhouettes with a trained backbone; the output is what `harness score` reads.

    Frames are uint8, or float in [0,1]. Names of subjects, conditions and views are passed on where they are given.
    What comes out is what `harness evaluate` compares; for that a run of GaitSSB* needs its params.yaml.

    Example: harness embed --checkpoint gaitset.pt --frames frames.npz --output embeddings.npz
    """
    if (frames is None) == (store is None):
        raise UserError("give either --frames FRAMES.npz or --store STORE")
    if device not in ("auto", "cpu", "cuda") or precision not in ("fp32", "bf16"):
        raise UserError("--device is auto, cpu or cuda; --precision is fp32 or bf16")
    refuse_folder(output)
    refuse_input(output, checkpoint, frames)
    import torch

    from harness.training import checkpoint as checkpoints
    from harness.training.device import set_up
    from harness.training.extract import extract

    content = checkpoints.load(checkpoint)
    network = _embedder(content, checkpoint)
    images, pool, labels = _of_store(store) if store is not None else _of_arrays(frames)
    settings: Any = {"device": device, "precision": precision, "threads": cores(), "ranks": 1, "store": "host"}
    on = set_up(Compute(**settings, channels_last=True, compile="none", extract_frames=128, knn="auto"))
    if on.torch.type == "cuda":
        on = replace(on, extract_frames=8192)  # a GPU is not filled by less
    began, placed = time.perf_counter(), on.place(network)
    while True:
        try:
            embeddings = extract(placed, torch.from_numpy(images), pool, on).cpu().numpy()
            break
        except torch.cuda.OutOfMemoryError:
            if on.extract_frames == 1:
                raise UserError("the GPU has no memory for one sequence; give --device cpu") from None
            on = replace(on, extract_frames=on.extract_frames // 2)
    seconds = time.perf_counter() - began
    write_arrays(output, {"embeddings": embeddings, **labels})
    shape = list(embeddings.shape)
    if as_json:
        about = {"shape": shape, "frames": int(pool.length.sum()), "seconds": seconds, "device": str(on.torch)}
        typer.echo(json.dumps(about))
        return
    console.print(f"{output}: embeddings {shape} of {int(pool.length.sum())} frames in {seconds:.1f} s on {on.torch}")


def _embedder(content: dict[str, Any], path: Path) -> nn.Module:
    """The network that evaluation asks: the backbone, or what the run's method builds around it."""
    from harness.cli.networks import network_of
    from harness.config import load
    from harness.registry import find

    backbone = network_of(content, path)
    if not content["prefix"]:
        return backbone
    network = find("method", content["method"])(load()).build(backbone, 0)
    if network is not backbone:
        network.load_state_dict(content["network"])
    return network


def _of_store(path: Path) -> tuple[np.ndarray, Any, dict[str, np.ndarray]]:
    from harness.data.store import SequenceStore
    from harness.types import Pool

    opened = SequenceStore(path)
    opened.verify()
    truth = opened.labels(np.arange(len(opened)))
    labels = {"subjects": truth.subject, "conditions": truth.condition, "views": truth.view}
    return opened.frames, Pool(opened.start, opened.length, None), labels


def _of_arrays(path: Path | None) -> tuple[np.ndarray, Any, dict[str, np.ndarray]]:
    from harness.types import Pool

    assert path is not None
    arrays = read_arrays(path, _ARRAYS)
    images = arrays.pop("frames")
    if images.dtype.kind == "f":
        if images.min() < 0 or images.max() > 1:
            raise UserError(f"{path}: float 'frames' must lie in [0,1]; divide by 255, or give uint8")
    elif images.dtype != np.uint8:
        raise UserError(f"{path}: 'frames' must be uint8 or float, it is {images.dtype}")
    count, size = images.shape[:2]
    length = arrays.pop("lengths", np.full(count, size)).astype(np.int64)
    wrong = np.flatnonzero((length < 1) | (length > size))
    if wrong.size:
        row = int(wrong[0])
        raise UserError(
            f"{path}: 'lengths' of row {row} is {length[row]}, but there are {size} frames; 1 to {size} will do"
        )
    return images.reshape(-1, *images.shape[2:]), Pool(np.arange(count) * size, length, None), arrays
