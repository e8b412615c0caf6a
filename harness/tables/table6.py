"""Table 6: what SSF and SCF do alone and together, on three data sets."""

from __future__ import annotations

from harness.tables.grid import BOLD, DATASETS, NAMES, Grid, Numbers, Row, mark_gain

_COLUMNS = (
    ("casia-bn", "NM"), ("casia-bn", "BG"), ("casia-bn", "CL"),
    ("outdoor-gait", "NM"), ("outdoor-gait", "BG"), ("outdoor-gait", "CL"),
    ("grew", "all"),
)  # fmt: skip


def build(numbers: Numbers) -> Grid:
    cells = {
        method: tuple(numbers.cell(d, "gaitset", method, c) for d, c in _COLUMNS)
        for method in ("cc", "ssf", "scf", "sf")
    }
    cells["sf"] = mark_gain(cells["sf"], cells["cc"], [BOLD] * len(_COLUMNS))
    rows = tuple(Row((NAMES[method],), cells[method]) for method in cells)
    columns = tuple(DATASETS[d] if c == "all" else f"{DATASETS[d]} {c}" for d, c in _COLUMNS)
    return Grid("6", "Ablation: rank-1 (%), GaitSet", ("Setting",), columns, rows, note=numbers.note(DATASETS))
