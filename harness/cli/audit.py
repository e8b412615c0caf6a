"""``harness audit``: does the paper agree with itself, and do our records still follow from what made them?"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from harness.audit.records import against_lock, compare, flat
from harness.cli.console import console
from harness.cli.edited import rendered_otherwise
from harness.cli.evidence import score_reader
from harness.cli.lockfile import DVC_LOCK
from harness.config import Settings, load, value_at
from harness.errors import UserError
from harness.files import parse_yaml, sha256
from harness.layout import epochs, provenance, scores, stages, stem, store
from harness.standing import elsewhere, standing
from harness.tracking.check import checked_epochs, checked_provenance, whole


def audit(
    as_json: Annotated[bool, typer.Option("--json", help="print as JSON")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="end with an error when one of our records is stale")
    ] = False,
) -> None:
    """Check the paper's tables against each other and its text, and our records against their provenance.

    Example: harness audit --strict
    """
    from harness.audit.paper import audit_paper

    settings = load()
    paper = audit_paper()
    ours = audit_records(settings)
    if as_json:
        typer.echo(json.dumps({"paper": [asdict(f) for f in paper], "records": ours}, indent=1, ensure_ascii=False))
    else:
        console.print(f"The paper contradicts itself in {len(paper)} places:")
        for f in paper:
            console.print(f"  {f.key}: {f.where}: printed {f.printed}; from the rest: {f.computed}", markup=False)
        console.print(f"Records of suite {settings.suite.preset}: {len(ours)} with a problem")
        for line in ours:
            console.print(f"  {line['record']}: {line['problem']}", markup=False)
    if strict and ours:
        raise UserError(
            f"{len(ours)} record(s) have a problem, such as {ours[0]['record']} ({ours[0]['problem']}); `harness run` "
            "computes what is out of date, `dvc repro --force STAGE` anything else"
        )


def audit_records(settings: Settings) -> list[dict[str, Any]]:
    """Each record that is damaged or no longer follows from its inputs: {"record": file, "problem": one line}."""
    suite = settings.suite.name
    known, odd = whole(provenance(suite, "x").parent, checked_provenance)
    runs = {path.stem: run for path, run in known.items()}
    scored, damaged = whole(scores(suite), score_reader(settings))
    problems = [*odd, *damaged, *_epochs(suite, runs)]
    by_id = {run["run_id"]: name for name, run in runs.items()}
    for path, content in scored.items():
        name = by_id.get(content["run_id"])
        if name is None:
            problems.append({"record": str(path), "problem": f"no provenance of run {content['run_id']}"})
            continue
        inputs = runs[name]["inputs"]
        if (content["method"], content["seed"]) != (inputs["method"], inputs["seed"]):
            problems.append({"record": str(path), "problem": f"its run {content['run_id']} is {name}"})
            continue
        distance = settings.assumed.test_distance
        if content.get("distance", distance) != distance:
            problem = f"stale: assumed.test-distance: {content['distance']} -> {distance}"
            problems.append({"record": str(path), "problem": problem})
        trained_on_test = inputs["dataset"] == content["dataset"] and "store" in inputs
        if trained_on_test and content.get("store") != inputs["store"]:
            problems.append({"record": str(path), "problem": "scored on other data than it was trained on"})
    folder = scores(suite)
    locked = against_lock(_locked(suite), folder.parent.as_posix(), folder.as_posix())
    problems += [{"record": path, "problem": problem} for path, problem in locked]
    problems += [
        {"record": str(store(suite, name)), "problem": f"stale: rendered with other settings ({what})"}
        for name, what in rendered_otherwise(settings)
    ]
    for name, run in runs.items():
        changed = changes(settings, name, run, runs)
        if changed:
            listed = "; ".join(f"{key}: {_short(old)} -> {_short(new)}" for key, old, new in changed[:4])
            more = f" and {len(changed) - 4} more" * (len(changed) > 4)
            problems.append({"record": name, "problem": f"stale: {listed}{more}{_shown(changed)}"})
    return problems


def _shown(changed: list[tuple[str, str, str]]) -> str:
    """Where a change of the code alone was shown to keep every number, if not on the run's own kind of device."""
    ((key, recorded, now), *others) = changed
    kinds = elsewhere(recorded, now) if key == "code" and not others else []
    return f" (shown to give the same numbers on {', '.join(kinds)}, and not here)" if kinds else ""


def _epochs(suite: str, runs: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
    """Damaged files of epochs, and those that are not of the runs beside them or lack epochs at the end."""
    found, problems = whole(epochs(suite), checked_epochs)
    for path, content in found.items():
        run = runs.get(path.stem)
        if run is None:
            continue
        if content["run_id"] != run["run_id"]:
            problem = f"epochs of run {content['run_id']}, beside provenance of run {run['run_id']}"
            problems.append({"record": str(path), "problem": problem})
            continue
        # A fusion's parameters hold the training of what it starts from too.
        params = flat(run["inputs"].get("params", {}))
        planned = {str(value) for key, value in params.items() if key.endswith(".training.epochs")}
        if planned and str(len(content["epochs"])) not in planned:
            wanted = " or ".join(sorted(planned))
            problem = f"{len(content['epochs'])} epochs, where its run has {wanted}"
            problems.append({"record": str(path), "problem": problem})
    return problems


def _locked(suite: str) -> dict[str, Any]:
    """What DVC knows of the stages of a suite, whether it is in use or not; nothing in a bundle."""
    found: dict[str, Any] = {}
    for path in (stages(suite), DVC_LOCK):
        if not path.is_file():
            continue
        try:
            tree = parse_yaml(path.read_text())["stages"]
            for stage in tree.values():
                _ = [(one["path"], one["md5"]) for role in ("outs", "deps") for one in stage.get(role, ())]
            found |= tree
        except (AttributeError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError):
            raise UserError(
                f"{path}: cannot be read; resolve what git left in it, or take the committed one: `git checkout {path}`"
            ) from None
    return found


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:12]}…"


@cache
def _code(method: str, kind: str, clusters: bool, device: str) -> str:
    """Digest of what a run computes with: the same for all seeds and variants."""
    from harness.cli import wiring

    return wiring.code_digest(method, kind, clusters, device)


def changes(
    settings: Settings, name: str, run: dict[str, Any], runs: dict[str, dict[str, Any]]
) -> list[tuple[str, str, str]]:
    """(input, recorded, now) of a run, for the inputs that a checkout can tell without its checkpoints."""
    from harness.cli import wiring
    from harness.data.store import SequenceStore
    from harness.identity import lock_digest

    inputs = run["inputs"]
    try:
        main = stem(inputs["method"], inputs["backbone"]["name"], inputs["dataset"], inputs["seed"])
        variant = name.removeprefix(main).removeprefix("-")
        # A method on the source is looked up by any target of the suite.
        target = settings.suite.datasets[0] if settings.suite.datasets else inputs["dataset"]
        dataset = target if inputs["dataset"] == settings.suite.pretraining else inputs["dataset"]
        again = wiring.resolve(settings, inputs["method"], inputs["backbone"]["name"], dataset, inputs["seed"], variant)
    except UserError as error:
        return [("run", name, str(error))]
    backbone = {"name": again.name.backbone, **again.backbone.model_dump(mode="json")}
    if "imported" in inputs:  # nothing was trained: the weights came from a file
        file = Path(settings.checkpoints.get(again.name.backbone) or "")
        there = {"imported": sha256(file)} if file.is_file() else {}
        return sorted(compare(inputs, {"backbone": backbone, **there}))
    device = inputs.get("compute", {}).get("device", "cpu")
    now: dict[str, Any] = {
        "backbone": backbone,
        "params": {key: value_at(again.settings, key) for key in again.method.params},
        "compute": value_at(again.settings, "compute"),
        "code": _code(again.name.method, again.backbone.kind, again.method.uses_clustering, device),
        "lock": lock_digest(),
    }
    for role, other in (("parent", wiring.parent_of(again)), ("view_classifier", wiring.view_classifier_of(again))):
        if other is not None and other.name.stem in runs:
            now[role] = runs[other.name.stem]["run_id"]
    folder = store(settings.suite.name, inputs["dataset"])
    if (folder / "store.json").is_file():
        now["store"] = SequenceStore(folder).digest
    # A run of the code since is one of the older code that it stands for.
    recorded = {**inputs, "code": standing(str(inputs.get("code")), device)}
    return sorted(compare(recorded, now))
