"""CASIA-B's structure: three conditions, eleven views (Yu et al., ICPR 2006)."""

from harness.types import EvaluationProtocol

PROTOCOL = EvaluationProtocol(
    gallery=("nm-01", "nm-02", "nm-03", "nm-04"),
    probes={"NM": ("nm-05", "nm-06"), "BG": ("bg-01", "bg-02"), "CL": ("cl-01", "cl-02")},
    per_view=True,
)
