"""Controls that the paper did not run, each below the methods that it is to be compared with."""

from __future__ import annotations

from harness.tables.grid import CONTROLS, NAMES, Evidence, Grid, Numbers
from harness.tables.summary import CONDITIONS, means

_ORDER = (
    "pretrain", "norm_refresh", "cc", "cc_long", "cc_random", "cc_true_clothes", "cc_true", "ssf", "ssf_shuffled_views",
    "ssf_true_views", "scf", "scf_random", "scf_true", "sf", "sf_scratch", "upper",
)  # fmt: skip


def build(evidence: Evidence) -> Grid:
    """Mean rank-1 on the data set that stands for CASIA-BN; of the controls the paper has no numbers."""
    title = "Controls that the paper did not run: rank-1 (%)"
    rows = means(evidence, _ORDER, {**NAMES, **CONTROLS})
    note = Numbers(evidence, None).note(["casia-bn"])
    return Grid("controls", title, ("Backbone", "Method"), CONDITIONS, rows, note=note)
