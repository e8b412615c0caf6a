"""``harness views``: how well the view classifier tells front and back, which SSF rests on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
import typer
from rich.table import Table

from harness.cli import complete, wiring
from harness.cli.console import console
from harness.config import load
from harness.data.store import SequenceStore
from harness.errors import UserError
from harness.evaluation.diagnostics import FRONT_BACK_VIEWS
from harness.training.device import set_up
from harness.training.distributed import Ranks
from methods.view_classifier import FRONT_BACK

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Told:
    """What a view classifier says of a data set's training sequences, beside the truth, which it does not see.

    precision and recall are of the views that it learnt as front and back; precision_near: precision where those
    next to them count too, which the paper calls front/back views as well (section 3.2). views: degrees -> share of
    the sequences there that it calls front or back. All are in [0,1]; a precision is None where it calls nothing so,
    recall where there is nothing to find.
    """

    seed: int
    sequences: int
    called: float
    precision: float | None
    precision_near: float | None
    recall: float | None
    views: dict[int, float]


def told(seed: int, called: Bools, degrees: npt.NDArray[np.int64]) -> Told:
    """Counts what was ``called`` bool[N] front or back, by views ``degrees`` i64[N]."""
    true = np.isin(degrees, FRONT_BACK)
    near = np.isin(degrees, FRONT_BACK_VIEWS)
    return Told(
        seed,
        len(called),
        float(called.mean()),
        _share(true[called]),
        _share(near[called]),
        _share(called[true]),
        {int(view): float(called[degrees == view].mean()) for view in np.unique(degrees)},
    )


def _share(found: Bools) -> float | None:
    return float(found.mean()) if found.size else None


def views(
    dataset: Annotated[str, typer.Option(help="the target data set", autocompletion=complete.datasets)] = "target",
    seed: Annotated[list[int] | None, typer.Option(min=0, help="may be repeated; default: all of the suite")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print as JSON")] = False,
) -> None:
    """Say how well the view classifier tells front and back views of the training sequences that SSF asks it about.

    It learnt on the source, where 0 and 180 degrees are front and back (decision view-classifier). Needs the suite's
    data and the classifier's weights. SSF never sees these figures.

    Example: harness views --dataset target --seed 0
    """
    settings = load()
    backbone = next(iter(settings.backbones))  # SSF with any asks the same classifier
    runs = [wiring.resolve(settings, "ssf", backbone, dataset, number) for number in seed or settings.suite.seeds]
    store = wiring.open_store(settings, dataset)
    store.verify()
    found = [_asked(run, store) for run in runs]
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=1))
        return
    table = Table("seed", "sequences", "called front or back", "precision", "18 and 162 degrees count too", "recall")
    for one in found:
        shares = (one.called, one.precision, one.precision_near, one.recall)
        table.add_row(str(one.seed), str(one.sequences), *map(_percent, shares))
    console.print(table)
    table = Table("view", "called front or back", "least", "most")
    for view in found[0].views:
        shares = [one.views[view] for one in found]
        name = f"{view:03d}" + " (front or back)" * (view in FRONT_BACK)
        table.add_row(name, *map(_percent, (fmean(shares), min(shares), max(shares))))
    console.print(table)


def _asked(run: wiring.Run, store: SequenceStore) -> Told:
    try:
        degrees = store.labels(store.rows("train")).view_deg
    except ValueError:
        raise UserError(f"{store.path}: its views have no degrees, so nothing says which are front or back") from None
    device = set_up(run.settings.compute)
    frames, pool = device.hold(torch.from_numpy(store.frames)), store.pool("train", labels=False)
    called = wiring.front_back_of(run, frames, pool, device, Ranks())
    return told(run.name.seed, called(), degrees)


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{100 * share:.1f} %"
