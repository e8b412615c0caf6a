"""The paper's own numbers, as printed, and what contradicts itself among them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

TABLES = (3, 4, 5, 6, 7, 8, 9, 10)


@dataclass(frozen=True)
class Published:
    """One printed number: ``view`` is degrees or "mean", ``variant`` a row such as "a=4", ``value`` as printed."""

    dataset: str
    backbone: str
    method: str
    variant: str
    condition: str
    view: str
    metric: str
    value: str


def published(table: int) -> list[Published]:
    """The numbers of one of the paper's tables, row by row."""
    text = resources.files(__name__).joinpath(f"table{table}.csv").read_text()
    return [Published(**row) for row in csv.DictReader(text.splitlines())]


def slips() -> list[dict[str, Any]]:
    """The known slips: key, where, printed, should_be, carried."""
    return yaml.safe_load(resources.files(__name__).joinpath("slips.yaml").read_text())


def text() -> dict[str, Any]:
    """What the paper's sentences say about its numbers: gains, schedules, heads, citations, senses."""
    return yaml.safe_load(resources.files(__name__).joinpath("text.yaml").read_text())
