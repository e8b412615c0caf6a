"""Table 6: what SSF and SCF do alone and together, on three data sets."""

from __future__ import annotations

from harness.tables.grid import NAMES, Grid, Numbers, Row

_COLUMNS = (
    ("casia-bn", "NM"), ("casia-bn", "BG"), ("casia-bn", "CL"),
    ("outdoor-gait", "NM"), ("outdoor-gait", "BG"), ("outdoor-gait", "CL"),
    ("grew", "all"),
)  # fmt: skip
_LABELS = {"casia-bn": "CASIA-BN", "outdoor-gait": "Outdoor-Gait", "grew": "GREW"}


def build(numbers: Numbers) -> Grid:
    rows = [
        Row((NAMES[method],), tuple(numbers.cell(d, "gaitset", method, c) for d, c in _COLUMNS))
        for method in ("cc", "ssf", "scf", "sf")
    ]
    columns = tuple(_LABELS[d] if c == "all" else f"{_LABELS[d]} {c}" for d, c in _COLUMNS)
    return Grid("6", "Ablation: rank-1 (%), GaitSet", ("Setting",), columns, tuple(rows))
