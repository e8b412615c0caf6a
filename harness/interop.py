"""Checkpoints of OpenGait, in and out.

OpenGait keeps {model, optimizer, scheduler, iteration}; the shapes of ``model`` say which architecture it is. What our
networks have no place for (a classifier's weights) is kept beside them, so that an export gives it back.
"""

from __future__ import annotations

import io
import pickle
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.errors import UserError

_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_DAMAGED = (
    RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, AssertionError, OverflowError,
    MemoryError, struct.error,
)  # fmt: skip
"""What torch raises on files that are cut short or altered."""
_MARKS = {"gaitset": "set_block1.forward_block.0.conv.weight", "gaitgl": "conv3d.0.conv3d.weight"}

_OWN = {"gaitset": ("set_block", "gl_block", "Head."), "gaitgl": ("conv3d.", "LTA.", "GLConv", "HPP.", "Head0.")}
"""How the names of a backbone's own weights start; none of them may be left over."""


@dataclass(frozen=True)
class Imported:
    """``backbone``: the settings that build it; ``network``: its state dict; ``extra``: what else the file's model
    held, under its own names."""

    backbone: dict[str, Any]
    network: dict[str, Tensor]
    extra: dict[str, Tensor]


def read_model(path: Path) -> dict[str, Tensor]:
    """The state dict of an OpenGait checkpoint, loaded without running code; any fault is a :class:`UserError`."""
    try:
        raw = Path(path).read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch remarks on the pickle's version; the error says enough
            content = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name an OpenGait checkpoint") from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: no checkpoint, or one that holds more than tensors and plain values and could run code; "
            "it was not loaded"
        ) from None
    except _DAMAGED:
        raise UserError(f"{path}: not a torch checkpoint, or cut short; copy it again from where it came") from None
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict) or not all(isinstance(v, Tensor) for v in model.values()):
        raise UserError(f"{path}: holds no 'model' with weights; OpenGait's checkpoints do")
    weights = {str(key): value for key, value in model.items()}
    for key, value in weights.items():
        if value.layout != torch.strided or value.is_quantized or value.is_complex():
            raise UserError(f"{path}: '{key}' is not a plain tensor of real numbers; OpenGait's weights are")
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise UserError(f"{path}: '{key}' holds NaN or infinity; the training that made it has failed")
    return weights


def import_opengait(path: Path, kind: str, head: str | None = None) -> Imported:
    """Reads an OpenGait checkpoint as a backbone of ``kind`` ("gaitset" or "gaitgl").

    Channels, form and head come from the shapes; ``head`` ("norm" or "necks") decides where a GaitGL has both or
    neither. A file of another architecture is a :class:`UserError`.
    """
    model = read_model(path)
    if _MARKS[kind] not in model:
        other = next((name for name, mark in _MARKS.items() if mark in model), None)
        hint = f"it looks like {other}: use --backbone {other}" if other else "it is of another architecture"
        raise UserError(f"{path}: not a {kind} checkpoint of OpenGait ('{_MARKS[kind]}' is missing); {hint}")
    try:
        backbone = _gaitset(path, model) if kind == "gaitset" else _gaitgl(path, model, head)
        names = dict(_names(backbone))
        network = {ours: model[theirs] for ours, theirs in names.items()}
    except KeyError as error:
        raise UserError(f"{path}: not a whole {kind} checkpoint: {error} is missing") from None
    except (IndexError, TypeError, ValueError):
        raise UserError(f"{path}: not a {kind} checkpoint of OpenGait: its weights have other dimensions") from None
    used = set(names.values())
    extra = {key: value for key, value in model.items() if key not in used}
    for key in extra:
        if key.startswith(_OWN[kind]):
            raise UserError(f"{path}: another form of {kind}, which has no place for '{key}'")
    return Imported(backbone, network, extra)


def export_opengait(backbone: dict[str, Any], network: dict[str, Tensor], extra: dict[str, Tensor]) -> dict[str, Any]:
    """An OpenGait checkpoint of a backbone's weights.

    It has no optimiser and scheduler: OpenGait starts fresh ones where they lack, and stops at empty ones.
    """
    kind = backbone["kind"]
    if kind not in _MARKS:
        raise UserError(f"OpenGait has no place for a {kind}; export a gaitset or a gaitgl")
    if backbone.get("norm") == "batch":
        raise UserError("OpenGait's GaitSet has no BatchNorm, this one has; train one with norm: none to export it")
    model = {theirs: network[ours] for ours, theirs in _names(backbone)}
    return {"model": {**model, **extra}, "iteration": 0}


def classifier_weights(backbone: dict[str, Any], network: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a GaitGL was trained with beside its embedding, under OpenGait's names; nothing for other networks.

    OpenGait's BNNecks count dims first and parts second, ours parts first.
    """
    own = {key.removeprefix("classifier."): v for key, v in network.items() if key.startswith("classifier.")}
    if not own:
        return {}
    if backbone["head"] == "norm":
        return {"Head1.fc_bin": own["weight"]}
    parts, dims = own["linear.weight"].shape[:2]
    necks = {"BNNecks.fc_bin": own["linear.weight"]}
    for name in _NORM:
        value = own[f"norm.norm.{name}"]
        necks[f"BNNecks.bn1d.{name}"] = value.view(parts, dims).t().reshape(-1) if value.dim() else value
    return necks


def _gaitset(path: Path, model: dict[str, Tensor]) -> dict[str, Any]:
    stages = max(int(found[1]) for key in model if (found := re.match(r"set_block(\d)\.", key)))
    if stages not in (3, 4):
        raise UserError(f"{path}: a GaitSet of {stages} stage(s); three or four can be imported")
    channels = [len(model[f"set_block{i + 1}.forward_block.0.conv.weight"]) for i in range(stages)]
    embedding = model["Head.fc_bin"].shape[2]
    return {"kind": "gaitset", "channels": channels, "embedding": embedding, "norm": "none", "head_init": "stacked"}


def _gaitgl(path: Path, model: dict[str, Tensor], head: str | None) -> dict[str, Any]:
    doubled = any(key.startswith("GLConvA0.0.") for key in model)
    block = "{}.0.global_conv3d.conv3d.weight" if doubled else "{}.global_conv3d.conv3d.weight"
    names = ("GLConvA0", "GLConvA1", "GLConvB2") if doubled else ("GLConvA0", "GLConvA1")
    channels = [len(model["conv3d.0.conv3d.weight"]), *(len(model[block.format(name)]) for name in names)]
    found = {"norm": "Bn.weight" in model, "necks": any(key.startswith("BNNecks.") for key in model)}
    if head is None and sum(found.values()) != 1:
        has = "both heads" if all(found.values()) else "neither head"
        raise UserError(f"{path}: has {has} (Bn, BNNecks); say which with --head norm or --head necks")
    if head == "norm" and not found["norm"]:
        raise UserError(f"{path}: has no Bn; use --head necks")
    if head == "necks" and found["norm"] and not found["necks"]:
        raise UserError(f"{path}: has no BNNecks; use --head norm")
    chosen = head or next(name for name, there in found.items() if there)
    return {
        "kind": "gaitgl",
        "channels": channels,
        "embedding": model["Head0.fc_bin"].shape[2],
        "doubled": doubled,
        "halving": 1 if doubled else 3,
        "head": chosen,
        "head_init": "stacked",
    }


def _names(backbone: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(our name, OpenGait's name) of every weight of a backbone."""
    return _gaitset_names(len(backbone["channels"])) if backbone["kind"] == "gaitset" else _gaitgl_names(backbone)


def _gaitset_names(stages: int) -> Iterator[tuple[str, str]]:
    for stage in range(stages):
        for layer in (0, 2):
            block = f"set_block{stage + 1}.forward_block.{layer}.conv.weight"
            yield f"frame_stages.{stage}.{layer}.weight", block
            if stage:
                yield f"set_stages.{stage - 1}.{layer}.weight", f"gl_block{stage + 1}.{layer}.conv.weight"
    yield "head.weight", "Head.fc_bin"


def _gaitgl_names(backbone: dict[str, Any]) -> Iterator[tuple[str, str]]:
    doubled = backbone["doubled"]
    for layer in range(2 if doubled else 1):
        yield f"stem.{layer}.weight", f"conv3d.{2 * layer}.conv3d.weight"
    yield "aggregate.weight", "LTA.0.conv3d.weight"
    for stage, name in enumerate(("GLConvA0", "GLConvA1", "GLConvB2")):
        for block in range(2 if doubled else 1):
            place = f"{name}.{block}" if doubled else name
            for ours, theirs in (("whole", "global_conv3d"), ("local", "local_conv3d")):
                yield f"stages.{stage}.{block}.{ours}.weight", f"{place}.{theirs}.conv3d.weight"
    yield "pool.power", "HPP.p"
    yield "head.weight", "Head0.fc_bin"
    if backbone["head"] == "norm":
        yield from ((f"norm.norm.{name}", f"Bn.{name}") for name in _NORM)
