"""The seven methods at a glance: the means of Tables 3, 6 and 10 in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.tables.grid import BACKBONES, NAMES, Grid, Numbers, Row
from harness.types import ResultRecord

_TABLE = {"upper": 3, "pretrain": 3, "cc": 3, "ssf": 6, "scf": 6, "sf": 3, "gaitssb": 10}


def summary(records: Iterable[ResultRecord], stands_for: Mapping[str, str], backbones: Iterable[str]) -> Grid:
    """Mean rank-1 of every method on the data set that stands for CASIA-BN."""
    kept = list(records)
    numbers = {table: Numbers(kept, stands_for, table) for table in set(_TABLE.values())}
    rows = [
        Row(
            (BACKBONES.get(backbone, backbone), NAMES[method]),
            tuple(numbers[_TABLE[method]].cell("casia-bn", backbone, method, c) for c in ("NM", "BG", "CL")),
        )
        for backbone in backbones
        for method in ("pretrain", "gaitssb", "cc", "ssf", "scf", "sf", "upper")
    ]
    title = "Every method: mean rank-1 (%), identical view excluded"
    return Grid("summary", title, ("Backbone", "Method"), ("NM", "BG", "CL"), tuple(rows))
