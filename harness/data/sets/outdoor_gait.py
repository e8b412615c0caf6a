"""Outdoor-Gait's structure: one view, three conditions in three scenes (Song et al., 2019)."""

from harness.types import EvaluationProtocol

PROTOCOL = EvaluationProtocol(
    gallery=("scene3-nm-*",),
    probes={c.upper(): (f"scene1-{c}-*", f"scene2-{c}-*") for c in ("nm", "bg", "cl")},
    per_view=False,
)
