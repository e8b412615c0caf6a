"""Controls that the paper did not run, each below the methods that it is to be compared with."""

from __future__ import annotations

from harness.tables.grid import BACKBONES, CONTROLS, NAMES, Grid, Numbers, Row

_ORDER = (
    "pretrain", "norm_refresh", "cc", "cc_long", "cc_random", "cc_true_clothes", "cc_true", "ssf", "ssf_shuffled_views",
    "ssf_true_views", "scf", "scf_random", "scf_true", "sf", "sf_scratch", "upper",
)  # fmt: skip


def build(numbers: Numbers) -> Grid:
    """Mean rank-1 on the data set that stands for CASIA-BN; the paper has no numbers of them."""
    conditions = ("NM", "BG", "CL")
    titles = {**NAMES, **CONTROLS}
    rows = [
        Row(
            (BACKBONES.get(backbone, backbone), titles[method]),
            tuple(numbers.cell("casia-bn", backbone, method, c) for c in conditions),
        )
        for backbone in numbers.evidence.backbones
        for method in _ORDER
    ]
    title = "Controls that the paper did not run: rank-1 (%)"
    return Grid("controls", title, ("Backbone", "Method"), conditions, tuple(rows), note=numbers.note(["casia-bn"]))
