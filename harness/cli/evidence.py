"""What the suite in use has shown so far: its records, whom they stand for, and what made them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from harness.audit.records import flat
from harness.config import SetNetwork, Settings, value_at
from harness.identity import processor
from harness.layout import RunName, epochs, provenance, scores
from harness.registry import find
from harness.registry import names as registered
from harness.tables.grid import CONTROLS, NAMES, Evidence
from harness.tracking.check import checked_epochs, checked_provenance, checked_scores
from harness.tracking.records import read_outcomes, read_records
from harness.types import Outcome, ResultRecord

_STANDS_FOR = {"casia-b": "casia-bn", "outdoor-gait": "outdoor-gait", "grew": "grew"}
_TITLES = {"casia-b": "CASIA-BN", "outdoor-gait": "Outdoor-Gait", "grew": "GREW", "oumvlp": "OU-MVLP"}
_R = TypeVar("_R", ResultRecord, Outcome)


def stands_for(settings: Settings) -> dict[str, str]:
    """The paper's data set -> the suite's that has its structure: what is there first, and of that a real one."""
    found: dict[str, str] = {}
    there = settings.plan.datasets
    for name in sorted(settings.suite.datasets, key=lambda name: (name not in there, name in settings.walkers)):
        paper = _STANDS_FOR.get(settings.layout_of(name))
        if paper:
            found.setdefault(paper, name)
    return found


def evidence_of(settings: Settings) -> Evidence:
    """The suite's own records; leftovers of other seeds, backbones or data sets are not read.

    Their backbone is the kind that the paper's tables name ("gaitset"), whatever its key in params.yaml, and their
    variant its label; a run with the parameters as they were also counts as the variant that it equals.
    """
    suite = settings.suite
    folder = scores(suite.name)
    every_score(settings)
    twins = _twins(settings)
    kinds = tuple(dict.fromkeys(settings.backbones[name].kind for name in suite.backbones))
    records = [r for own in read_records(folder) for r in _labelled(settings, own, twins)]
    outcomes = {
        metric: tuple(o for own in found for o in _labelled(settings, own, twins))
        for metric, found in read_outcomes(folder).items()
    }
    return Evidence(
        suite.name,
        suite.seeds,
        kinds,
        stands_for(settings),
        tuple(records),
        outcomes.pop("rank1"),
        outcomes,
        extra={name: find("method", name).title for name in suite.extra},
        about={name: _about(settings, name) for name in suite.datasets},
        planned=frozenset(
            [*suite.controls, *(settings.variants[v].label for own in suite.variants.values() for v in own)]
        ),
    )


def _about(settings: Settings, name: str) -> str:
    """What a data set is, as tables say it."""
    if name in settings.walkers:
        return "walkers"
    # The official probes' names are the organisers' alone (decision grew-protocol).
    half = "; the labelled half of its test set, a sequence of each subject against another"
    return f"real data{half * (settings.archives[name].reader == 'grew')}"


def score_reader(settings: Settings) -> Callable[[Path], dict[str, Any]]:
    """Reads a score file that is whole, of a method, a backbone and a data set that exist; else a ``UserError``."""
    known = {
        "method": {*NAMES, *registered("method")},
        "backbone": settings.backbones,
        "dataset": {*settings.walkers, *settings.archives},
    }
    return lambda path: checked_scores(path, known)


def every_score(settings: Settings) -> dict[Path, dict[str, Any]]:
    """The suite's score files, each of them whole."""
    read = score_reader(settings)
    return {path: read(path) for path in sorted(scores(settings.suite.name).glob("*.json"))}


def own_scores(settings: Settings) -> dict[Path, dict[str, Any]]:
    """Those that the suite's tables read: of its seeds, backbones, data sets, controls and methods."""
    suite = settings.suite
    methods = {*NAMES, *suite.controls, *suite.extra}
    return {
        path: score
        for path, score in every_score(settings).items()
        if score["method"] in methods
        and score["seed"] in suite.seeds
        and score["backbone"] in suite.backbones
        and score["dataset"] in suite.datasets
    }


def means_of(settings: Settings) -> dict[str, Any]:
    """Backbone -> data set -> method, or method-variant -> each metric in percent, the mean over the suite's seeds, and
    how many have run."""
    suite = settings.suite
    found: dict[tuple[str, ...], list[dict[str, float]]] = {}
    for score in own_scores(settings).values():
        variant = score.get("variant", "")
        if not variant or variant in suite.variants.get(score["method"], ()):
            run = score["method"] + f"-{variant}" * bool(variant)
            found.setdefault((score["backbone"], score["dataset"], run), []).append(score["metrics"])
    tree: dict[str, Any] = {}
    for (backbone, dataset, run), metrics in sorted(found.items()):
        every = dict.fromkeys(name for m in metrics for name in m)
        mean = {name: round(fmean(m[name] for m in metrics if name in m), 4) for name in every}
        tree.setdefault(backbone, {}).setdefault(dataset, {})[run] = {**mean, "seeds": len(metrics)}
    return tree


def _labelled(settings: Settings, record: _R, twins: dict[str, list[str]]) -> Iterator[_R]:
    suite = settings.suite
    if record.seed not in suite.seeds or record.backbone not in suite.backbones or record.dataset not in suite.datasets:
        return
    record = replace(record, backbone=settings.backbones[record.backbone].kind)
    if not record.variant:
        yield record
        for label in twins.get(record.run_id, ()):
            yield replace(record, variant=label)
    elif record.variant in settings.variants:
        yield replace(record, variant=settings.variants[record.variant].label)


def main_labels(settings: Settings, method: str) -> list[str]:
    """Labels of the variants that ``method`` equals with its parameters as they are, such as "a=2".

    Only variants that change one parameter have such a twin.
    """
    return [f"{axis}={value_at(settings, key)}" for axis, key in _swept(settings, method)]


def _swept(settings: Settings, method: str) -> list[tuple[str, str]]:
    """The axes of a method's variants that change one parameter each, with it: ("a", "methods.scf.a")."""
    own = [variant for variant in settings.variants.values() if variant.method == method]
    changed = [(variant.label.split("=")[0], list(flat(variant.changes))) for variant in own]
    return list(dict.fromkeys((axis, keys[0]) for axis, keys in changed if len(keys) == 1))


def _twins(settings: Settings) -> dict[str, list[str]]:
    """Run id -> labels of the variants that a run without one equals, with the parameters that it had."""
    found: dict[str, list[str]] = {}
    for run in provenances(settings).values():
        recorded = flat(run["inputs"].get("params", {}))
        swept = _swept(settings, run["inputs"]["method"])
        found[run["run_id"]] = [f"{axis}={recorded[key]}" for axis, key in swept if key in recorded]
    return found


def provenances(settings: Settings) -> dict[str, dict[str, Any]]:
    """The recorded provenance of each run of the suite, by the stem of its file."""
    files = sorted(provenance(settings.suite.name, "x").parent.glob("*.json"))
    return {path.stem: checked_provenance(path) for path in files}


def own_runs(settings: Settings) -> dict[str, dict[str, Any]]:
    """Those that the suite's tables read, with its source's: of its seeds, backbones and data sets, no control or
    method of another package that it does not name. Variants of other presets in the same folder are among them.
    """
    suite = settings.suite
    places = {*suite.datasets, suite.pretraining, suite.views}

    def own(inputs: dict[str, Any]) -> bool:
        shared = inputs["method"] == "view_classifier"  # of all backbones
        backbone = shared or inputs["backbone"]["name"] in suite.backbones
        method = shared or inputs["method"] in {*NAMES, *suite.controls, *suite.extra}
        return method and backbone and inputs["seed"] in suite.seeds and inputs["dataset"] in places

    return {name: run for name, run in provenances(settings).items() if own(run["inputs"])}


def histories(settings: Settings, methods: Sequence[str], backbone: str, dataset: str) -> dict[str, list[Any]]:
    """Metrics of each epoch: method -> a list of epochs for each seed that was run; methods without runs stay out.

    A variant is called "sf-a-3".
    """
    found: dict[str, list[Any]] = {}
    known = registered("method")
    for name in methods:
        method, _, variant = (name, "", "") if name in known else name.partition("-")
        for seed in settings.suite.seeds:
            path = RunName(settings.suite.name, method, backbone, dataset, seed, variant).epochs
            if path.is_file():
                found.setdefault(name, []).append(checked_epochs(path)["epochs"])
    return found


def check_records(settings: Settings) -> None:
    """A damaged file among the suite's scores, provenance or epochs is a :class:`UserError`."""
    name = settings.suite.name
    every_score(settings)
    provenances(settings)
    for path in sorted(epochs(name).glob("*.json")):
        checked_epochs(path)


def headline(settings: Settings) -> str:
    """What the numbers are made from, in one sentence that is never left out."""
    if few := fewer(settings):
        few = f", but fewer for {few} (claims compare the seeds that both methods have)"
    return (
        f"Suite {settings.suite.preset} ({settings.suite.about}). {_origin(settings)} Means over "
        f"{len(settings.suite.seeds)} seed(s){few}; ± is their standard deviation. "
        f"{_architecture(settings)}"
    )


def fewer(settings: Settings) -> str:
    """Which methods have been scored for some of the seeds only, as in a suite that is under way; "" if none."""
    suite = settings.suite
    titles = {**NAMES, **CONTROLS, **{name: find("method", name).title for name in suite.extra}}
    found: dict[tuple[str, str, str], set[int]] = {}
    for own in own_scores(settings).values():
        if not own.get("variant"):
            found.setdefault((own["method"], own["backbone"], own["dataset"]), set()).add(own["seed"])
    methods: dict[str, int] = {}
    for (method, *_), seeds in found.items():
        methods[method] = min(len(seeds), methods.get(method, len(suite.seeds)))
    few = [f"{titles[m]} {n}" for m, n in methods.items() if n < len(suite.seeds)]
    return ", ".join(few)


def _origin(settings: Settings) -> str:
    """Who walks: rendered people, whose values cannot be compared with the paper's, or a real data set."""
    names = settings.suite.datasets
    people = "; ".join(
        f"{d} for {_TITLES[settings.walkers[d].layout]}: {settings.walkers[d].subjects.train} training and "
        f"{settings.walkers[d].subjects.test} test subjects"
        for d in names
        if d in settings.walkers
    )
    said = []
    if people:
        said.append(
            f"Ours are walkers, rendered people in the data sets' structures ({people}), not those data sets: compare "
            "the order of the methods, not the values."
        )
    if real := [d for d in names if d in settings.archives]:
        stands = " casia-b stands in for CASIA-BN, the paper's unpublished segmentation of it."
        said.append(f"Real data: {', '.join(real)}.{stands if 'casia-b' in real else ''}")
    source, views = settings.suite.pretraining, settings.suite.views
    if any((name in settings.walkers) != (source in settings.walkers) for name in names):
        said.append(f"Pre-trained on {source}{' (walkers)' if source in settings.walkers else ''}.")
    if views != source and settings.plan.fused:
        said.append(f"The view classifier learned on {views}{' (walkers)' if views in settings.walkers else ''}.")
    if imported := [name for name in settings.suite.backbones if settings.checkpoints.get(name)]:
        said.append(f"Imported weights instead of pre-training: {', '.join(imported)}.")
    return " ".join(said)


def _architecture(settings: Settings) -> str:
    """The size of the networks and the length of training, beside the paper's."""
    parts = []
    for name in settings.suite.backbones:
        b = settings.backbones[name]
        text = f"{b.kind} {getattr(b, 'channels', '')}, D = {getattr(b, 'embedding', '?')}"
        if isinstance(b, SetNetwork):
            bare = b.norm == "none"
            text += ", no BatchNorm, as published" if bare else ", with BatchNorm, which the published GaitSet lacks"
        parts.append(text)
    ssb_start = " from random weights" if "gaitssb" in settings.suite.scratch else ""
    steps = ", ".join(
        f"{name} {t.epochs * t.iterations}"
        for name, t in (
            ("Pretrain", settings.methods.pretrain.training),
            ("Upper", settings.methods.upper.training),
            ("CC", settings.methods.cc.training),
            ("SSF, SCF and SF from CC's weights", settings.methods.fusion.training),
            (f"GaitSSB*{ssb_start}", settings.methods.gaitssb.training),
            *((find("method", m).title, find("method", m)(settings).training) for m in settings.suite.extra),
        )
    )
    return f"Backbone: {'; '.join(parts)}. Optimiser steps: {steps}."


def cost(settings: Settings) -> str:
    """Commit, hardware and time of the suite's runs, from their provenance."""
    runs = list(own_runs(settings).values())
    if not runs:
        return "No run has been recorded yet."
    commits = sorted({run["commit"] for run in runs})
    machines = sorted({run["environment"]["gpu"] or processor(run["environment"]) for run in runs})
    minutes = math.fsum(run["seconds"] for run in runs) / 60
    shares = sorted({_cores(run["inputs"].get("compute", {})) for run in runs})
    return (
        f"Commit {', '.join(commits)}; {', '.join(machines)}, {' or '.join(shares)} a run; {len(runs)} training runs, "
        f"{minutes:.1f} minutes of training in all."
    )


def _cores(compute: dict[str, Any]) -> str:
    """ "one thread", "4 threads", "2 processes of one thread": what a run computed with."""
    threads, ranks = compute.get("threads", 1), compute.get("ranks", 1)
    words = "one thread" if threads == 1 else f"{threads} threads"
    return words if ranks == 1 else f"{ranks} processes of {words}"
