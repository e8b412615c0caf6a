"""GREW's structure: two gallery sequences of each test subject, the others are probes."""

from harness.types import EvaluationProtocol

PROTOCOL = EvaluationProtocol(
    gallery=("00", "01"), probes={"all": ("02", "03", "04")}, per_view=False, ranks=(1, 5, 10, 20)
)
