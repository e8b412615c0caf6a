"""Checkpoints as OpenGait writes them, with random weights under its own names, and what they embed (float64)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from slow import slow_gaitgl, slow_gaitset
from torch import Tensor

CLASSES = 7
Model = dict[str, Tensor]


def whole(model: Model) -> dict[str, Any]:
    """The file's content: the model beside the states of its optimiser and scheduler."""
    optimiser = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4}]}
    scheduler = {"milestones": Counter({70000: 1}), "gamma": 0.1, "last_epoch": 3, "_last_lr": [1e-4]}
    return {"model": OrderedDict(model), "optimizer": optimiser, "scheduler": scheduler, "iteration": 3}


class Draw:
    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int, scale: float | None = None) -> Tensor:
        fan = torch.Size(shape[1:]).numel()
        spread = fan**-0.5 if scale is None else scale
        return torch.randn(*shape, generator=self.generator) * spread


def gaitset(channels: tuple[int, ...] = (4, 5, 6), embedding: int = 7, seed: int = 0) -> Model:
    draw, model, before = Draw(seed), {}, 1
    for number, after in enumerate(channels, start=1):
        places = [f"set_block{number}.forward_block"] + ([f"gl_block{number}"] if number > 1 else [])
        for place in places:
            model[f"{place}.0.conv.weight"] = draw(after, before, *((5, 5) if number == 1 else (3, 3)))
            model[f"{place}.2.conv.weight"] = draw(after, after, 3, 3)
        before = after
    return {**model, "Head.fc_bin": draw(62, before, embedding, scale=0.3)}


def gaitset_embeds(model: Model, sequence: Tensor) -> Tensor:
    """f64[62,D] of f32[T,64,44]."""

    def weight(name: str) -> Tensor:
        if name == "head":
            return model["Head.fc_bin"].double()
        branch, stage, layer = name.split()
        place = f"set_block{int(stage) + 1}.forward_block" if branch == "frames" else f"gl_block{int(stage) + 1}"
        return model[f"{place}.{2 * int(layer)}.conv.weight"].double()

    return slow_gaitset(weight, sequence.double(), sum(key.startswith("set_block") for key in model) // 2)


def gaitgl(doubled: bool = False, heads: tuple[str, ...] = ("norm",), seed: int = 0) -> Model:
    draw, channels = Draw(seed), (3, 4, 5, 6) if doubled else (4, 5, 6)
    last = channels[-1]
    model = {"conv3d.0.conv3d.weight": draw(channels[0], 1, 3, 3, 3)}
    if doubled:
        model["conv3d.2.conv3d.weight"] = draw(channels[0], channels[0], 3, 3, 3)
    model["LTA.0.conv3d.weight"] = draw(channels[0], channels[0], 3, 1, 1)
    steps = [*pairwise(channels), *([] if doubled else [(last, last)])]
    for name, (before, after) in zip(("GLConvA0", "GLConvA1", "GLConvB2"), steps, strict=True):
        for block in range(2) if doubled else (None,):
            place = name if block is None else f"{name}.{block}"
            for part in ("global_conv3d", "local_conv3d"):
                model[f"{place}.{part}.conv3d.weight"] = draw(after, after if block else before, 3, 3, 3)
    model["HPP.p"] = torch.tensor([5.7])
    model["Head0.fc_bin"] = draw(64, last, last, scale=0.4)
    if "norm" in heads:
        model |= _statistics("Bn", last, draw) | {"Head1.fc_bin": draw(64, last, CLASSES)}
    if "necks" in heads:
        model |= _statistics("BNNecks.bn1d", 64 * last, draw) | {"BNNecks.fc_bin": draw(64, last, CLASSES)}
    return model


def _statistics(name: str, size: int, draw: Draw) -> Model:
    means = {key: draw(size, scale=0.3) for key in ("bias", "running_mean")}
    spreads = {key: 1 + draw(size, scale=0.3).abs() for key in ("weight", "running_var")}
    return {f"{name}.{key}": value for key, value in (means | spreads).items()} | {
        f"{name}.num_batches_tracked": torch.tensor(3)
    }


def gaitgl_embeds(model: Model, sequence: Tensor, head: str) -> Tensor:
    """f64[64,D] of f32[T,64,44]: after the one BatchNorm, or before the necks."""
    doubled = "conv3d.2.conv3d.weight" in model

    def weight(name: str) -> Tensor:
        words = name.split()
        if words[0] == "stage":
            place = ("GLConvA0", "GLConvA1", "GLConvB2")[int(words[1])] + (f".{words[3]}" if doubled else "")
            return model[f"{place}.{'global' if words[4] == 'whole' else 'local'}_conv3d.conv3d.weight"].double()
        if words[0] == "stem":
            return model[f"conv3d.{2 * int(words[1])}.conv3d.weight"].double()
        return model[{"aggregate": "LTA.0.conv3d.weight", "power": "HPP.p", "head": "Head0.fc_bin"}[name]].double()

    parts = slow_gaitgl(weight, sequence.double(), doubled, halving=1 if doubled else 3)
    if head == "necks":
        return parts
    mean, var, scale, shift = (model[f"Bn.{key}"].double() for key in ("running_mean", "running_var", "weight", "bias"))
    return (parts - mean) / (var + 1e-5).sqrt() * scale + shift


def written(path: Path, content: Any, **how: Any) -> Path:
    torch.save(content, path, **how)
    return path


GAITSETS: dict[str, Model] = {
    "three stages": gaitset((4, 5, 6), 7),
    "four stages": gaitset((3, 4, 5, 6), 5, seed=1),
}
GAITGLS: dict[str, tuple[Model, str, dict[str, Any]]] = {
    "single": (gaitgl(), "norm", {"channels": [4, 5, 6], "doubled": False, "halving": 3}),
    "single, necks": (gaitgl(heads=("necks",)), "necks", {"channels": [4, 5, 6], "doubled": False}),
    "doubled": (gaitgl(True), "norm", {"channels": [3, 4, 5, 6], "doubled": True, "halving": 1}),
    "doubled, necks": (gaitgl(True, ("necks",)), "necks", {"channels": [3, 4, 5, 6], "doubled": True}),
}
