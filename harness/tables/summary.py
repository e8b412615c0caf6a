"""The seven methods at a glance: the means of Tables 3, 6 and 10 in one."""

from __future__ import annotations

from harness.tables.grid import BACKBONES, NAMES, Evidence, Grid, Numbers, Row

_TABLE = {"upper": 3, "pretrain": 3, "cc": 3, "ssf": 6, "scf": 6, "sf": 3, "gaitssb": 10}


def summary(evidence: Evidence) -> Grid:
    """Mean rank-1 of every method on the data set that stands for CASIA-BN; plug-ins below the paper's methods."""
    titles = {**NAMES, **evidence.extra}
    numbers = {table: Numbers(evidence, table) for table in set(_TABLE.values())}
    rows = [
        Row(
            (BACKBONES.get(backbone, backbone), titles[method]),
            tuple(numbers[_TABLE.get(method, 3)].cell("casia-bn", backbone, method, c) for c in ("NM", "BG", "CL")),
        )
        for backbone in evidence.backbones
        for method in ("pretrain", "gaitssb", "cc", "ssf", "scf", "sf", "upper", *evidence.extra)
    ]
    title = "Every method: mean rank-1 (%), identical view excluded"
    return Grid("summary", title, ("Backbone", "Method"), ("NM", "BG", "CL"), tuple(rows))
