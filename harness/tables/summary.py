"""The seven methods at a glance: the means of Tables 3, 6 and 10 in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.tables.grid import BACKBONES, NAMES, Evidence, Grid, Numbers, Row

TABLE = {"upper": 3, "pretrain": 3, "cc": 3, "ssf": 6, "scf": 6, "sf": 3, "gaitssb": 10}
"""Which of the paper's tables has a method's means."""
CONDITIONS = ("NM", "BG", "CL")


def means(evidence: Evidence, methods: Sequence[str], titles: Mapping[str, str]) -> tuple[Row, ...]:
    """A row for each backbone and method: mean rank-1 on the data set that stands for CASIA-BN, NM, BG and CL."""
    numbers = {table: Numbers(evidence, table) for table in set(TABLE.values())}
    return tuple(
        Row(
            (BACKBONES.get(backbone, backbone), titles[method]),
            tuple(numbers[TABLE.get(method, 3)].cell("casia-bn", backbone, method, c) for c in CONDITIONS),
        )
        for backbone in evidence.backbones
        for method in methods
    )


def build(evidence: Evidence) -> Grid:
    """Every method; plug-ins below the paper's."""
    methods = ("pretrain", "gaitssb", "cc", "ssf", "scf", "sf", "upper", *evidence.extra)
    title = "Every method: mean rank-1 (%), identical view excluded"
    rows = means(evidence, methods, {**NAMES, **evidence.extra})
    return Grid("summary", title, ("Backbone", "Method"), CONDITIONS, rows)
