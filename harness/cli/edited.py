"""Runs that were made with other parameters than params.yaml has now: what is printed of them must say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from rich.markup import escape

from harness.audit.records import compare
from harness.cli.console import errors
from harness.cli.evidence import own_runs, own_scores, provenances
from harness.cli.lockfile import locked
from harness.config import Settings, for_variant, settings_for
from harness.errors import UserError
from harness.layout import stem


def edited(settings: Settings, source: str = "params.yaml") -> str:
    """What of the suite's records is not of the parameters as they are, in a sentence or two; "" if nothing is.

    source: where the settings are from. Code and data are compared by `harness audit`.
    """

    @cache
    def tree(dataset: str, backbone: str, variant: str) -> dict[str, Any]:
        return for_variant(settings_for(settings, dataset, backbone), variant).model_dump(mode="json", by_alias=True)

    runs = own_runs(settings)
    found = {name: changed for name, run in runs.items() if (changed := _changed(name, run["inputs"], tree))}
    said = []
    if found:
        name, (key, before, now) = next(iter(found.items()))
        said.append(
            f"{len(found)} of {len(runs)} runs were made with other parameters than {source} has now, such as {name} "
            f"({key}: {before}, now {now}): their numbers are those of the old ones. `harness audit` names them, "
            "`harness run` computes them anew."
        )
    said += [
        f"The data set {name} was rendered with other settings than {source} has now ({what}); `harness run` renders "
        "it anew, and computes anew what hangs on it."
        for name, what in rendered_otherwise(settings)
    ]
    return " ".join([*said, *_scores(settings, source)])


def rendered_otherwise(settings: Settings) -> Iterator[tuple[str, str]]:
    """(data set, "parameter: recorded, now value") of each that was rendered with other settings, as DVC knows it."""
    suite = settings.suite
    for name in dict.fromkeys((suite.pretraining, suite.views, *suite.datasets)):
        place = f"walkers.{name}"
        recorded = locked(suite.name, f"data@{suite.name}-{name}").get("params", {}).get("params.yaml", {})
        if name in settings.walkers and place in recorded:
            now = {place: settings.walkers[name].model_dump(mode="json", by_alias=True)}
            for key, before, after in sorted(compare({place: recorded[place]}, now))[:1]:
                yield name, f"{key}: {before}, now {after}"


def _scores(settings: Settings, source: str) -> Iterator[str]:
    """A sentence for each fault of the suite's score files: another distance, or a run that is not known."""
    known = {run["run_id"] for run in provenances(settings).values()}
    lost, other = [], []
    for path, score in own_scores(settings).items():
        distance = settings.assumed.test_distance
        if score["run_id"] not in known:
            lost.append(path.stem)
        elif score.get("distance", distance) != distance:
            other.append(f"{path.stem} (assumed.test-distance: {score['distance']}, now {distance})")
    if other:
        yield (
            f"{len(other)} score file(s) are of other settings than {source} has now, such as {other[0]}; `harness "
            "run` scores anew."
        )
    if lost:
        yield (
            f"{len(lost)} score file(s) are of runs whose provenance is not here, such as {lost[0]}: a run was begun "
            "anew and is not scored yet (`harness run` goes on), or files are missing (bring them back from git)."
        )


def warn_edited(settings: Settings, source: str = "params.yaml") -> None:
    """The sentence, where it is needed, beside whatever a command prints for people or programs."""
    if said := edited(settings, source):
        errors.print(f"[yellow]warning:[/] {escape(said)}")


def _changed(
    name: str, inputs: dict[str, Any], tree_of: Callable[[str, str, str], dict[str, Any]]
) -> tuple[str, str, str] | None:
    """(parameter, recorded, now) of the first that a run recorded otherwise.

    tree_of: the parameters as they are, of a data set, a backbone and a variant.
    """
    backbone, dataset = inputs["backbone"]["name"], inputs["dataset"]
    variant = name.removeprefix(stem(inputs["method"], backbone, dataset, inputs["seed"])).removeprefix("-")
    try:
        tree = tree_of(dataset, backbone, variant)
    except UserError:  # a variant of another preset, or one that is no more
        return None
    recorded = dict(inputs.get("params", {}))
    if "compute" in inputs:
        recorded["compute"] = inputs["compute"]
    if backbone in tree["backbones"]:  # the view classifier's is its own
        recorded[f"backbones.{backbone}"] = {key: value for key, value in inputs["backbone"].items() if key != "name"}
    now = {key: _at(tree, key.split(".")) for key in recorded}
    return min(compare(recorded, now), default=None)


def _at(tree: dict[str, Any], key: list[str]) -> Any:
    """What stands at a place, as a part of a run's provenance; nothing where the place is no more."""
    for part in key:
        tree = tree.get(part, {}) if isinstance(tree, dict) else {}
    return tree
