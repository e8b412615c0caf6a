"""OU-MVLP's structure: normal walking, fourteen views, two sequences (Takemura et al., 2018)."""

from harness.types import EvaluationProtocol

PROTOCOL = EvaluationProtocol(gallery=("01",), probes={"NM": ("00",)}, per_view=True, unmatched="skip")
