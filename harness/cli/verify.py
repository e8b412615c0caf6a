"""``harness verify``: is a finished run what its code and parameters give, bit for bit?"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from torch import Tensor

from harness.cli import complete, wiring
from harness.cli.console import console, errors
from harness.cli.progress import watched
from harness.cli.publish import verify_bundle
from harness.cli.train import Job, assemble
from harness.config import Compute, load
from harness.errors import UserError, nearest
from harness.identity import environment, same_kind
from harness.layout import kept, provenance, stem
from harness.standing import standing
from harness.tracking.again import apart, differ_from
from harness.tracking.check import checked_epochs, checked_provenance
from harness.training import checkpoint
from harness.training.checkpoint import Resume
from harness.training.device import set_up
from harness.training.distributed import Ranks
from harness.training.listener import Listener
from harness.training.state import Place
from harness.training.trainer import Trainer

_MACHINE = ("compute", "libraries", "lock")
"""What of a run's inputs another machine may have otherwise; the rest must be the same or it is another run."""


@dataclass(frozen=True)
class Comparison:
    """A run beside its repetition.

    weights, metrics: largest differences; weight, metric: where. labels_from, weights_from: the first epoch whose
    labels or weights are not the same bits, None when all are.
    """

    identical: bool
    weights: float
    weight: str | None
    metrics: float
    metric: str | None
    labels_from: int | None
    weights_from: int | None


def verify(
    run: Annotated[
        str,
        typer.Argument(
            help="a finished run, as in results/<suite>/provenance, e.g. cc-gaitset-target-s0",
            autocompletion=complete.runs,
        ),
    ],
    whole: Annotated[bool, typer.Option("--whole", help="all epochs, not only those after the kept state")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the comparison as JSON")] = False,
) -> None:
    """Run a finished run again and compare weights, labels and metrics bit for bit; or check a bundle's files.

    By default only its last epochs (a tenth, one at the least), from the state that was kept for this. On another kind
    of machine than the run's own the largest differences are reported instead. Exit code 1: the same kind of machine,
    but not the same bits.

    Example: harness verify cc-gaitset-target-s0 --whole
    """
    if Path(run).is_dir():
        verify_bundle(Path(run))
        return
    if Path(run).name != run:
        raise UserError(f"{run}: no such folder; name a bundle that `harness publish` made, or a run by its name alone")
    settings = load()
    about = _provenance(settings.suite.name, run)
    inputs = about["inputs"]
    if "imported" in inputs:
        raise UserError(f"{run}: its weights came from a file, there is no training to repeat; verify a run of ours")
    name = inputs["method"], inputs["backbone"]["name"], inputs["dataset"], inputs["seed"]
    variant = run.removeprefix(stem(*name)).removeprefix("-")
    resolved = wiring.resolve(settings, *name, variant)
    job = assemble(resolved, set_up(settings.compute), Ranks())
    _same_run(run, inputs, job.inputs, settings.compute)
    differing = same_kind(about["environment"], environment())
    differing += [key for key in _MACHINE if inputs.get(key) != job.inputs.get(key) and key not in differing]
    wanted = checkpoint.load(resolved.name.checkpoint)
    if wanted["run_id"] != about["run_id"]:
        raise UserError(
            f"{resolved.name.checkpoint}: made by run {wanted['run_id']}, not {about['run_id']}; run it again"
        )
    epochs = checked_epochs(resolved.name.epochs)
    with _folder(about["run_id"], whole) as (folder, source):
        place, first = _again(job, folder, source, silent=as_json)
    found = compare(wanted["network"], job.network.state_dict(), epochs, place)
    if as_json:
        content = {"run": run, "run_id": about["run_id"], "from_epoch": first, "other_machine": differing}
        print(json.dumps({**content, **found.__dict__}, indent=1))
    else:
        _print(run, found, differing, first, len(place.history))
    if not found.identical and not differing:
        raise typer.Exit(1)


def _provenance(suite: str, run: str) -> dict[str, Any]:
    path = provenance(suite, run)
    if not path.is_file():
        known = [p.stem for p in path.parent.glob("*.json")]
        raise UserError(f"{path}: no such run; {nearest(run, known) if known else 'none has been trained'}")
    return checked_provenance(path)


def _same_run(run: str, then: dict[str, Any], now: dict[str, Any], compute: Compute) -> None:
    recorded = {**then, "code": standing(str(then.get("code")), then["compute"].get("device", "cpu"))}
    changed = [key for key in then if key not in _MACHINE and recorded[key] != now.get(key)]
    if (processes := then["compute"].get("ranks", 1)) > 1:
        raise UserError(
            f"{run}: {processes} processes trained it, whose sums one process, as verify has, takes in another order; "
            "train it again in a clone and compare by `harness diff`"
        )
    # What params.yaml leaves to the machine ("auto") another machine may choose otherwise; the rest was changed here.
    own = then["compute"].items() - now["compute"].items()
    changed += sorted(f"compute.{key}" for key, _ in own if getattr(compute, key, None) != "auto")
    if changed:
        raise UserError(
            f"{run}: {', '.join(changed)} changed since it was trained, so there is nothing to compare with; "
            "check out what it was made with (its provenance names the commit), or train it again"
        )


@contextmanager
def _folder(run_id: str, whole: bool) -> Iterator[tuple[Path, Path | None]]:
    """A folder for the repetition's states, and the kept state to start from."""
    source = kept(run_id)
    start = source if source.is_file() and not whole else None
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        if start:
            shutil.copy(start, Path(folder) / "step-000000000.pt")
        elif not whole:
            errors.print(f"{source}: no state was kept or it is on another machine: all epochs again", markup=False)
        yield Path(folder), start


def _again(job: Job, folder: Path, start: Path | None, silent: bool) -> tuple[Place, int]:
    """Trains what is to be repeated; returns where it ended and its first epoch."""
    first = checkpoint.load(start)["place"]["epoch"] if start else 0
    training = job.run.method.training
    resume = Resume(folder, every=float("inf"))
    try:
        view = watched(f"verify {job.run.name.stem}", training.epochs, training.iterations)
        with nullcontext(Listener()) if silent else view as job.tools.listener:
            return Trainer(job.device, resume, job.observe).fit(job.run.method, job.network, job.tools), first
    finally:
        resume.close()


def compare(wanted: dict[str, Tensor], got: dict[str, Tensor], epochs: dict[str, Any], place: Place) -> Comparison:
    """The finished run's weights and epochs.json beside those of its repetition."""
    weights = {key: _distance(wanted[key], got[key].cpu()) for key in wanted}
    weight = max(weights, key=lambda key: weights[key])
    metrics, metric = apart(epochs["epochs"], place.history)
    labels_from, weights_from = (differ_from(what, epochs["digests"], place.digests) for what in ("labels", "weights"))
    return Comparison(
        identical=weights[weight] == metrics == 0 and labels_from is None and weights_from is None,
        weights=weights[weight],
        weight=weight if weights[weight] else None,
        metrics=metrics,
        metric=metric or None,
        labels_from=labels_from,
        weights_from=weights_from,
    )


def _distance(one: Tensor, two: Tensor) -> float:
    """Largest absolute difference; exactly 0 for the same bits alone."""
    if one.shape != two.shape:
        return float("inf")
    return float((one.double() - two.double()).abs().max()) if one.numel() else 0.0


def _print(run: str, found: Comparison, differing: list[str], first: int, epochs: int) -> None:
    console.print(f"{run}: epochs {first + 1} to {epochs} of {epochs} again", markup=False)
    if found.identical:
        console.print("weights, labels and metrics are the same, bit for bit")
    else:
        console.print(f"  largest difference of a weight   {found.weights:.3g}  ({found.weight})", markup=False)
        console.print(f"  largest difference of a metric   {found.metrics:.3g}  ({found.metric})", markup=False)
        for what, since in (("labels", found.labels_from), ("weights", found.weights_from)):
            text = "the same throughout" if since is None else f"differ from epoch {since + 1} on"
            console.print(f"  {what:32} {text}")
    if differing:
        console.print(f"another kind of machine than the run's own: {', '.join(differing)} differ")
    elif not found.identical:
        console.print("the same kind of machine, and not the same bits: this run does not reproduce")
