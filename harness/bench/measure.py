"""Runs a benchmark's two sides in turns and sets them beside the hardware's bound."""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch

from harness.bench import hardware
from harness.bench.alone import Row
from harness.bench.hardware import Work
from harness.bench.turns import Times, take_turns
from harness.errors import UserError, nearest
from harness.identity import commit, environment, processor

PARTS = {
    "train": "harness.bench.train",
    "extract": "harness.bench.extract",
    "cluster": "harness.bench.cluster",
    "score": "harness.bench.score",
    "prepare": "harness.bench.preparation",
    "generate": "harness.bench.generate",
    "end-to-end": "harness.bench.end_to_end",
}
ALONE = {"schedule": "harness.bench.schedule", "large": "harness.bench.large"}
"""Parts without a reference: too large for one."""
ASKED = {"train": {"bf16": 3.0, "fp32": 1.3}, "extract": {"bf16": 3.0, "fp32": 3.0}}
"""How many times the reference's speed was asked for when these parts were planned: on a CPU, by ours' precision."""
_ON_CPU = ("prepare", "generate")
_BACKBONES = ("gaitset", "gaitgl")
_ABOUT = """\
Written by `harness bench all --write`. Each part runs beside a plain reference in the field's usual way (a file for
each sequence, fp32, one sequence at a time in extraction, links and memory updates one by one, a pair of views at a
time in scoring), in turns, each side in a process of its own with the same number of threads. Ratios are medians over
the turns with least and most; they hold on other machines better than seconds do. The bound is the time that the work's
operations at the measured rate of a matrix product, or its bytes at the measured bandwidth of a copy, would take.
FLOP utilisation is the operations that the work needs, a second, over that rate. "Asked" is how many times the
reference's speed the project set itself as target on a CPU, for ours in that precision at these sizes. What is too
large for a reference (`harness bench schedule` and `large`, with `--write`) has a section of its own, without ratios.

What makes the difference on a CPU: bf16 products, frames flat in channels-last layout, freed memory kept instead of
given back (glibc), whole batches from packed frames, and maxima over frames without their places where no gradient
needs them. Where a processor has no units for bf16, ours computes in fp32 too. Each kind of machine has its part here:
the command renews that of the one it runs on."""


@dataclass(frozen=True)
class Figure:
    """One benchmark: sizes, seconds of each side, their ratio turn by turn, and the hardware's least time.

    bound: those seconds; rate: operations a second that a product reaches here in the work's precision.
    """

    name: str
    about: str
    unit: str
    size: dict[str, Any]
    ours: Times
    plain: Times
    work: Work
    bound: float
    rate: float
    details: dict[str, float]

    @property
    def ratios(self) -> list[float]:
        return [theirs / own for theirs, own in zip(self.plain.wall, self.ours.wall, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def cpu_ratio(self) -> float:
        """By processor time, which hardly depends on who else is working."""
        return statistics.median(self.plain.cpu) / statistics.median(self.ours.cpu)

    @property
    def flops(self) -> float:
        """Floating-point operations a second that the work needs, whatever else ours computes."""
        return self.work.operations / self.ours.median

    def remarks(self) -> list[str]:
        """How much of a product's rate ours reaches, what else the part says of itself, and what was asked."""
        more = [f"{key.replace('_', ' ')} {value:.2%}" for key, value in self.details.items()]
        asked = ASKED.get(self.name, {}).get(self.size.get("precision", ""))
        if asked and self.size["device"] == "cpu" and self._of_usual_size():
            more.append(f"asked {asked}: {'met' if self.ratio >= asked else 'missed'}")
        if not self.work.operations:
            return more
        return [f"FLOP utilisation {self.flops / self.rate:.0%} ({self.flops / 1e9:.3g} GFLOP/s)", *more]

    def _of_usual_size(self) -> bool:
        usual = importlib.import_module(PARTS[self.name]).SIZE.items()
        return all(self.size[key] == value for key, value in usual if key != "backbone")

    def line(self) -> str:
        more = "".join(f", {remark}" for remark in self.remarks())
        what = self.size.get("backbone", "")
        return (
            f"{self.name:10} {what:8} {_spread(self.ours.wall)} s, reference {_spread(self.plain.wall)} s: "
            f"{self.ratio:.2f} x ({self.cpu_ratio:.2f} x by processor time), "
            f"{self.bound / self.ours.median:.0%} of the bound{more}"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "seconds": self.ours.median,
            "reference_seconds": self.plain.median,
            "ratio": self.ratio,
            "ratio_spread": [min(self.ratios), max(self.ratios)],
            "cpu_ratio": self.cpu_ratio,
            "of_the_bound": self.bound / self.ours.median,
            "flops": self.flops,
            "flop_utilisation": self.flops / self.rate,
        }


def plan(names: list[str], changes: dict[str, Any], common: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each part with its sizes, all of them checked; where none is named, parts with a backbone are run with each.

    A GPU gets the sizes that fill it, and not the parts that never run there.
    """
    on_gpu = common.get("device") == "cuda"
    chosen = [name for name in names if not (on_gpu and name in _ON_CPU and len(names) > 1)]
    modules = {name: importlib.import_module(PARTS[name]) for name in chosen}
    known = {key for module in modules.values() for key in module.SIZE}
    for key in changes.keys() - known:
        whose = f"{chosen[0]} has no such" if len(chosen) == 1 else "no part has such a"
        raise UserError(f"--size {key}: {whose} size; {nearest(key, known)}")
    found = []
    for name, module in modules.items():
        own = {key: value for key, value in changes.items() if key in module.SIZE}
        several = len(names) > 1 and "backbone" in module.SIZE and "backbone" not in own
        for backbone in _BACKBONES if several else (None,):
            usual = {**module.SIZE, **(getattr(module, "GPU_SIZE", {}) if on_gpu else {})}
            size = {**usual, **common, **own, **({"backbone": backbone} if backbone else {})}
            _check(size, module)
            found.append((name, size))
    return found


def _check(size: dict[str, Any], module: Any) -> None:
    """Sizes are numbers of the kind that is usual, and a backbone is one of ours; else a :class:`UserError`."""
    for key, usual in module.SIZE.items():
        least = getattr(module, "LEAST", {}).get(key, 1)
        if isinstance(usual, int) and (not isinstance(size[key], int) or size[key] < least):
            raise UserError(f"--size {key}={size[key]}: a whole number of {least} or more is expected")
        if isinstance(usual, float) and not isinstance(size[key], int | float):
            raise UserError(f"--size {key}={size[key]}: a number is expected")
    for key, below, of in (("spread", 1, "length"), ("neighbours", 0, "count")):
        if {key, of} <= module.SIZE.keys() and size[key] > (most := size[of] - below):
            raise UserError(f"--size {key}={size[key]}: {most} at most, as {of} is {size[of]}")
    if size.get("backbone", _BACKBONES[0]) not in _BACKBONES:
        raise UserError(f"--size backbone={size['backbone']}: {nearest(str(size['backbone']), _BACKBONES)}")


def measure(name: str, size: dict[str, Any], repeats: int, warm_up: int) -> Figure:
    """Times both sides of a part."""
    module = importlib.import_module(PARTS[name])
    taken = take_turns({side: f"{module.__name__}:{side}" for side in ("ours", "plain")}, size, repeats, warm_up)
    details = module.details(size, taken["ours"].median) if hasattr(module, "details") else {}
    machine, work = _hardware(size["device"], size["threads"]), module.work(size)
    bound, rate = machine.seconds(work), machine.rate(work.precision)
    return Figure(name, module.ABOUT, module.UNIT, size, taken["ours"], taken["plain"], work, bound, rate, details)


@cache
def _hardware(device: str, threads: int) -> hardware.Hardware:
    return hardware.measure(torch.device(device), threads)


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.3g} ({min(seconds):.3g}-{max(seconds):.3g})"


def report(figures: list[Figure], common: dict[str, Any]) -> dict[str, Any]:
    """The figures, and where and with what they were measured."""
    return {
        "commit": commit(),
        "environment": environment(),
        "hardware": asdict(_hardware(common["device"], common["threads"])),
        "figures": [found.as_json() for found in figures],
    }


def page(figures: list[Figure], common: dict[str, Any], repeats: int, warm_up: int, before: str = "") -> str:
    """docs/performance.md: ``before``, what it was, with this kind of machine's part renewed or added."""
    return renewed(before, *section(figures, common, repeats, warm_up))


def renewed(before: str, title: str, *lines: str) -> str:
    """The page ``before`` with the part of that title renewed or added."""
    parts = {head: rest for head, _, rest in (part.partition("\n") for part in before.split("\n## ")[1:])}
    parts[title] = "\n".join(["", *lines, ""])
    return "\n## ".join([f"# Performance\n\n{_ABOUT}\n", *(f"{head}\n{rest}" for head, rest in parts.items())])


def section(figures: list[Figure], common: dict[str, Any], repeats: int, warm_up: int) -> list[str]:
    """Lines about one kind of machine; the first is its title."""
    where = environment()
    machine = _hardware(common["device"], common["threads"])
    lines = [
        _machine(common),
        f"{common['threads']} thread(s) a side; torch {where['packages']['torch']}; commit {commit()}. Ours in "
        f"{common['precision']}, the reference in fp32; {repeats} turns after {warm_up}. Measured here: "
        f"products {_gigas(machine.fp32)}FLOP/s in fp32, {_gigas(machine.bf16)}FLOP/s in bf16; "
        f"copies {_gigas(machine.copy)}B/s.",
        "",
        "| Part | Size | Ours, s | Reference, s | Reference / ours | by processor time | of the bound | |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for found in figures:
        sizes = ", ".join(f"{key} {value}" for key, value in found.size.items() if key not in common)
        ratio = f"{found.ratio:.2f} ({min(found.ratios):.2f}-{max(found.ratios):.2f})"
        lines.append(
            f"| {found.about} | {sizes} | {_spread(found.ours.wall)} | {_spread(found.plain.wall)} | {ratio} "
            f"| {found.cpu_ratio:.2f} | {found.bound / found.ours.median:.0%} | {', '.join(found.remarks())} |"
        )
    return lines


def _machine(common: dict[str, Any]) -> str:
    where = environment()
    gpu = f", {where['gpu']}" if common["device"] == "cuda" else ""
    return f"{processor(where)}, {where['cores']} cores{gpu}"


@dataclass(frozen=True)
class Alone:
    """A part without a reference: its sizes and what was measured."""

    name: str
    about: str
    size: dict[str, Any]
    rows: list[Row]

    @property
    def title(self) -> str:
        """Of its part of docs/performance.md."""
        return f"{_machine(self.size)}: {self.about}"

    def lines(self) -> list[str]:
        """The part itself."""
        own = importlib.import_module(ALONE[self.name]).SIZE
        sizes = ", ".join(f"{key} {self.size[key]}" for key in own)
        kind = f"{self.size['precision']}, " if "backbone" in own else ""
        return [
            f"`harness bench {self.name}`: {sizes}. {kind}{self.size['threads']} thread(s); "
            f"torch {environment()['packages']['torch']}; commit {commit()}.",
            "",
            "| What | times | Seconds (least-most) | |",
            "| --- | ---: | ---: | --- |",
            *(f"| {' | '.join(row.cells())} |" for row in self.rows),
        ]

    def as_json(self) -> dict[str, Any]:
        return {"commit": commit(), "environment": environment(), **asdict(self)}


def alone(name: str, changes: dict[str, Any], common: dict[str, Any], tell: Callable[[str], None]) -> Alone:
    """Measures a part that has no reference; ``tell`` hears how it goes."""
    module = importlib.import_module(ALONE[name])
    for key in changes.keys() - module.SIZE.keys():
        raise UserError(f"--size {key}: {name} has no such size; {nearest(key, module.SIZE)}")
    if common["device"] == "cpu" and not changes:
        raise UserError(f"bench {name}: its sizes are those of a GPU; give --device cuda, or smaller ones by --size")
    size, rows = {**module.SIZE, **common, **changes}, []
    _check(size, module)
    for row in module.rows(size, tell):
        rows.append(row)
        tell(" | ".join(cell for cell in row.cells() if cell))
    return Alone(name, module.ABOUT, size, rows)


def _gigas(value: float) -> str:
    return f"{value / 1e9:.3g} G"
