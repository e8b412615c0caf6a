"""``harness bench``: how fast the harness is beside a plain reference and beside what the machine can do at best."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.console import console, errors
from harness.errors import UserError
from harness.files import atomic_path

PAGE = Path("docs") / "performance.md"


class What(StrEnum):
    train = "train"
    extract = "extract"
    cluster = "cluster"
    score = "score"
    prepare = "prepare"
    generate = "generate"
    end_to_end = "end-to-end"
    schedule = "schedule"
    large = "large"
    all = "all"


class Precision(StrEnum):
    fp32 = "fp32"
    bf16 = "bf16"


class OnDevice(StrEnum):
    cpu = "cpu"
    cuda = "cuda"


class Compile(StrEnum):
    none = "none"
    default = "default"
    cuda_graphs = "cuda-graphs"


def bench(
    what: Annotated[What, typer.Argument(help="which part, or all")],
    size: Annotated[list[str] | None, typer.Option(help="a size that differs, e.g. frames=30; may be repeated")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="turns that count; default: 5")] = None,
    warm_up: Annotated[int | None, typer.Option(min=0, help="turns before them that do not; default: 1")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads of either side")] = 1,
    precision: Annotated[
        Precision | None, typer.Option(help="of ours; default: bf16 where there are units for it. The reference: fp32")
    ] = None,
    device: Annotated[OnDevice, typer.Option(help="for either side")] = OnDevice.cpu,
    compiled: Annotated[
        Compile, typer.Option("--compile", help="of ours: torch.compile in training steps, and CUDA graphs of them")
    ] = Compile.none,
    as_json: Annotated[bool, typer.Option("--json", help="print the figures as JSON")] = False,
    write: Annotated[bool, typer.Option("--write", help=f"with all, schedule and large: write {PAGE}")] = False,
) -> None:
    """Time a part of the harness and a plain reference in turns, each in a process of its own.

    Seconds are medians with their spread (least to most). The ratio, reference by ours, holds on a busy machine too.
    The bound is what the measured rate of a matrix product and the bandwidth of a copy would allow.

    schedule and large are for a GPU and have no reference: the paper's CASIA-B schedule, and GREW's size.

    Example: harness bench train --size backbone=gaitset --size frames=30 --repeats 5 --json
    """
    from harness.bench.measure import ALONE, PARTS, alone, measure, page, plan, renewed, report
    from harness.checks.machine import bf16_is_fast, sees_gpu

    if write and what is not What.all and what.value not in ALONE:
        raise UserError("--write goes with `harness bench all`, schedule or large: the page holds every part")
    if write and compiled is not Compile.none:
        raise UserError("--write: the page holds what the presets run, which compile nothing; leave --compile out")
    if compiled is Compile.cuda_graphs and device is OnDevice.cpu:
        raise UserError("--compile cuda-graphs needs --device cuda")
    if device is OnDevice.cuda and not sees_gpu():
        raise UserError("--device cuda, but torch sees no GPU here; leave it out")
    chosen = precision or (Precision.bf16 if bf16_is_fast(device) else Precision.fp32)
    common = {"threads": threads, "precision": chosen.value, "device": device.value, "compile": compiled.value}
    if what.value in ALONE:
        if repeats is not None or warm_up is not None:
            raise UserError(
                f"{what.value} has no turns: leave --repeats and --warm-up out, and say its sizes by --size"
            )
        tell = errors if as_json else console
        found = alone(what.value, _sizes(size or []), common, lambda text: tell.print(text, markup=False))
        if as_json:
            print(json.dumps(found.as_json(), indent=1))
        if write:
            _write(lambda before: renewed(before, found.title, *found.lines()))
        return
    turns = 5 if repeats is None else repeats, 1 if warm_up is None else warm_up
    names = list(PARTS) if what is What.all else [what.value]
    changes = _sizes(size or [])
    figures = []
    for name, sizes in plan(names, changes, common):
        found = measure(name, sizes, *turns)
        figures.append(found)
        if not as_json:
            console.print(found.line(), markup=False)
    if as_json:
        print(json.dumps(report(figures, common), indent=1))
    if write:
        _write(lambda before: page(figures, common, *turns, before))


def _write(renew: Callable[[str], str]) -> None:
    before = PAGE.read_text() if PAGE.is_file() else ""
    with atomic_path(PAGE) as scratch:
        scratch.write_text(renew(before))
    console.print(f"{PAGE} written")


def _sizes(words: list[str]) -> dict[str, int | float | str]:
    found: dict[str, int | float | str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not value:
            raise UserError(f"--size {word}: write it as name=number, for example frames=30")
        try:
            found[key] = int(value)
        except ValueError:
            try:
                found[key] = float(value)
            except ValueError:
                found[key] = value
    return found
