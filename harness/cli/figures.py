"""``harness figures``: the paper's figures and more, from records, and from the store and networks where they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import complete
from harness.cli.console import console
from harness.cli.evidence import check_records, evidence_of, histories, provenances
from harness.config import Settings, load
from harness.errors import UserError, nearest
from harness.files import atomic_path, read_json, write_json
from harness.identity import cores
from harness.layout import figures, stem

if TYPE_CHECKING:
    from harness.cli.pictures import Trained

Learnt = Callable[[str, str], "Trained"]
"""Method, backbone -> what it learnt on the suite's first data set with its first seed."""

MANY = 6
"""Subjects in the lower panels of Figure 6."""


def _place(settings: Settings) -> tuple[str, str]:
    """The data set and backbone that figures are about: the suite's first."""
    if not settings.suite.datasets or not settings.suite.backbones:
        raise UserError("params.yaml: suite has no data set or no backbone, so there is nothing to draw")
    return settings.suite.datasets[0], settings.suite.backbones[0]


@contextmanager
def _learning(settings: Settings, wanted: Collection[str]) -> Iterator[Learnt]:
    """Asks each network of the figures ``wanted`` once, while others are drawn, as many at a time as have cores.

    Each in a thread of its own, which computes with ``compute.threads`` like a training run: what it finds does not
    depend on what runs beside it.
    """
    from threadpoolctl import threadpool_limits

    networks = dict.fromkeys(network for name in wanted for network in _networks(settings, name))
    stop, pool = Event(), ThreadPoolExecutor(max(1, cores() // settings.compute.threads))
    with threadpool_limits(1):
        asked = {network: pool.submit(_trained(settings, stop), *network) for network in networks}

        def learnt(method: str, backbone: str) -> Trained:
            from harness.training.device import set_up

            found = asked[method, backbone].result()
            set_up(settings.compute)  # also for the thread that draws: it asks for gradients
            return found

        try:
            yield learnt
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _trained(settings: Settings, stop: Event) -> Learnt:
    """What asks a network; imported here, as threads that import at a time may meet half a module."""
    from harness.cli.pictures import Trained

    dataset, seed = _place(settings)[0], settings.suite.seeds[0]
    return lambda method, backbone: Trained(settings, method, backbone, dataset, seed, stop)


def _networks(settings: Settings, name: str) -> list[tuple[str, str]]:
    """Method and backbone of the networks that a figure shows."""
    methods = {"figure6": ("cc", "sf"), "figure7": ("sf",)}.get(name)
    if methods is None or not (settings.suite.datasets and settings.suite.backbones):
        return []
    backbones = _fused(settings) if name == "figure7" else [_place(settings)[1]]
    return [(method, backbone) for backbone in backbones for method in methods]


def _figure3(settings: Settings, learnt: Learnt) -> Any:
    from harness.cli.pictures import cloth_examples
    from harness.figures import figure3

    return figure3.draw(cloth_examples(settings, _place(settings)[0]))


def _figure5(settings: Settings) -> Any:
    from harness.figures import figure5

    dataset, backbone = _place(settings)
    kind = settings.backbones[backbone].kind
    return figure5.draw(evidence_of(settings).records, dataset, kind)


def _figure6(settings: Settings, learnt: Learnt) -> Any:
    from harness.figures import figure6

    _, backbone = _place(settings)
    clouds = {name: learnt(method, backbone).cloud() for name, method in (("CC", "cc"), ("SF", "sf"))}
    subjects = sorted(set(clouds["CC"].subject.tolist()))
    return figure6.draw(clouds, subjects[0], subjects[:MANY])


def _figure7(settings: Settings, learnt: Learnt) -> Any:
    from harness.figures import figure7

    return figure7.draw([pair for backbone in _fused(settings) for pair in learnt("sf", backbone).pairs(each=2)])


def _fused(settings: Settings) -> list[str]:
    """The backbones with a recorded run of SF; all of them where there is none, so that what is missing is named."""
    dataset, _ = _place(settings)
    runs = provenances(settings)
    found = [b for b in settings.suite.backbones if stem("sf", b, dataset, settings.suite.seeds[0]) in runs]
    return found or list(settings.suite.backbones)


def _polar(settings: Settings) -> Any:
    from harness.figures import polar

    dataset, backbone = _place(settings)
    return polar.draw(evidence_of(settings).records, dataset, settings.backbones[backbone].kind)


def _epochs(settings: Settings) -> Any:
    from harness.figures import epochs

    dataset, backbone = _place(settings)
    found = histories(settings, ("cc", "ssf", "scf", "sf"), backbone, dataset)
    return epochs.draw(found, f"Pseudo-labels while training ({backbone} on {dataset}, mean over seeds)")


def _cost(settings: Settings) -> Any:
    from harness.figures import cost

    dataset, backbone = _place(settings)
    places = {(dataset, backbone), (settings.suite.pretraining, backbone), (settings.suite.views, "view_classifier")}
    seconds: dict[str, list[float]] = {}
    machines = set()
    for name, run in provenances(settings).items():
        about = run["inputs"]
        # Variants cost what their method costs; other backbones and data sets take other times.
        if name.endswith(f"-s{about['seed']}") and (about["dataset"], about["backbone"]["name"]) in places:
            seconds.setdefault(about["method"], []).append(run["seconds"])
            machines.add(run["environment"]["gpu"] or run["environment"]["cpu"])
    return cost.draw(seconds, f"{backbone} on {dataset}; {', '.join(sorted(machines)) or 'no machine yet'}")


RECORDS: dict[str, Callable[[Settings], Any]] = {
    "figure5": _figure5, "polar": _polar, "epochs": _epochs, "cost": _cost,
}  # fmt: skip
"""Drawn from result files alone."""
NETWORKS: dict[str, Callable[[Settings, Learnt], Any]] = {
    "figure3": _figure3, "figure6": _figure6, "figure7": _figure7,
}  # fmt: skip
"""These need the suite's data, and 6 and 7 its checkpoints."""
ALL = (*RECORDS, *NETWORKS)
SOURCES = "sources.json"
"""Beside the figures that need networks: which runs each was drawn from."""


def sources(settings: Settings, name: str) -> list[str]:
    """What a figure of :data:`NETWORKS` is drawn from, by the records: the digest of the data and the runs' ids."""
    dataset, first = _place(settings)
    seed, runs = settings.suite.seeds[0], provenances(settings)
    if name == "figure3":
        return [str(runs.get(stem("upper", first, dataset, seed), {}).get("inputs", {}).get("store"))]
    found = [runs.get(stem(method, b, dataset, seed), {}) for method, b in _networks(settings, name)]
    return [str(run.get("run_id")) for run in found]


def absent(settings: Settings) -> dict[str, str]:
    """Which figures of :data:`NETWORKS` are not there or were drawn from other runs than the records', and why."""
    folder = figures(settings.suite.name)
    drawn = read_json(folder / SOURCES) if (folder / SOURCES).is_file() else {}
    if not isinstance(drawn, dict):
        raise UserError(
            f"{folder / SOURCES}: does not say whose runs each figure is of; delete it and run `harness figures`"
        )
    missing = {}
    for name in NETWORKS:
        if not all((folder / f"{name}.{kind}").is_file() for kind in ("svg", "png")):
            missing[name] = "`harness figures` draws it where the suite's data and checkpoints are"
        elif drawn.get(name) != sources(settings, name):
            missing[name] = "it was drawn from other runs than these; `harness figures` draws it again"
    return missing


def renderers(settings: Settings) -> tuple[dict[str, Callable[[str], bytes]], dict[str, str]]:
    """What gives each figure as "png" or "svg", drawn from the records now or by `harness figures` before; and why
    others cannot be had."""
    found: dict[str, Callable[[str], bytes]] = {}
    missing: dict[str, str] = {}
    for name in RECORDS:
        try:
            found[name] = _renderer(RECORDS[name](settings))
        except UserError as error:
            missing[name] = str(error)
    missing |= absent(settings)
    folder = figures(settings.suite.name)
    found |= {name: partial(_kept, folder, name) for name in NETWORKS if name not in missing}
    return found, missing


def _renderer(figure: Any) -> Callable[[str], bytes]:
    """What gives a figure as "png" or "svg"."""
    from harness.figures.look import rendered

    return partial(rendered, figure)


def _kept(folder: Path, name: str, kind: str) -> bytes:
    return (folder / f"{name}.{kind}").read_bytes()


def write_figures(settings: Settings, wanted: Collection[str], folder: Path) -> tuple[list[Path], dict[str, str]]:
    """Writes PNG and SVG of each figure; returns the files, and why others could not be drawn."""
    written, missing = [], {}
    with _learning(settings, wanted) as learnt:
        for name in wanted:
            try:
                figure = NETWORKS[name](settings, learnt) if name in NETWORKS else RECORDS[name](settings)
            except UserError as error:
                missing[name] = str(error)
                continue
            written += _write(folder, name, figure)
            if name in NETWORKS:
                before = read_json(folder / SOURCES) if (folder / SOURCES).is_file() else {}
                write_json(folder / SOURCES, {**before, name: sources(settings, name)})
    return written, missing


def _write(folder: Path, name: str, figure: Any) -> list[Path]:
    render, targets = _renderer(figure), [folder / f"{name}.{kind}" for kind in ("png", "svg")]
    for target in targets:
        with atomic_path(target) as scratch:
            scratch.write_bytes(render(target.suffix[1:]))
    return targets


def figures_command(
    figure: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{', '.join(ALL)}; may be repeated; default: all",
            autocompletion=complete.offered(lambda: ALL),
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="folder; default: results/<suite>/figures")] = None,
) -> None:
    """Draw the paper's figures 3, 5, 6 and 7, and polar, epochs and cost, as PNG and SVG.

    Example: harness figures --figure polar --output figures
    """
    settings = load()
    figure = [f"figure{name}" if name.isdigit() else name for name in figure or ()]
    for name in figure:
        if name not in ALL:
            raise UserError(f"no figure '{name}'; {nearest(name, ALL)}")
    check_records(settings)
    written, missing = write_figures(settings, figure or ALL, output or figures(settings.suite.name))
    for path in written:
        console.print(str(path), markup=False)
    if figure and missing:
        raise UserError("; ".join(f"{name} cannot be drawn: {why}" for name, why in missing.items()))
    for name, why in missing.items():
        console.print(f"{name}: not drawn: {why}", markup=False)
