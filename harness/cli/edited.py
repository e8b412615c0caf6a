"""Runs that were made with other parameters than params.yaml has now: what is printed of them must say so."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from rich.markup import escape

from harness.audit.records import compare
from harness.cli.console import errors
from harness.cli.evidence import own_runs
from harness.config import Settings, for_variant, settings_for
from harness.errors import UserError
from harness.layout import stem


def edited(settings: Settings, source: str = "params.yaml") -> str:
    """One sentence with how many of the suite's runs have other parameters now, and the first of those; "" if none.

    source: where the settings are from. Only parameters are compared; `harness audit` compares code and data too.
    """

    @cache
    def tree(dataset: str, backbone: str, variant: str) -> dict[str, Any]:
        return for_variant(settings_for(settings, dataset, backbone), variant).model_dump(mode="json", by_alias=True)

    runs = own_runs(settings)
    found = {name: changed for name, run in runs.items() if (changed := _changed(name, run["inputs"], tree))}
    if not found:
        return ""
    name, (key, before, now) = next(iter(found.items()))
    return (
        f"{len(found)} of {len(runs)} runs were made with other parameters than {source} has now, such as {name} "
        f"({key}: {before}, now {now}): their numbers are those of the old ones. `harness audit` names them, `harness "
        "run` computes them anew."
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
