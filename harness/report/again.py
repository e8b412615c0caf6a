"""What was computed once more, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEADS = ("run", "first", "once more", "machine", "came out")
ABOUT = (
    "Runs that were trained once more, from the same inputs, beside their first time: labels and weights after each "
    "epoch by their digests, and every metric (`harness again`)."
)


def row(one: Any) -> tuple[str, ...]:
    """A repetition (:class:`harness.tracking.again.Repeat`) under :data:`HEADS`."""
    first, again = (f"{made.commit}, {made.started[:10] or 'no date'}" for made in (one.first, one.again))
    machine = f"another kind ({', '.join(one.differs)})" if one.differs else "the same kind"
    return one.run, first, again, f"{one.again.machine}: {machine}", outcome(one)


def outcome(one: Any) -> str:
    if one.identical:
        return f"the same bits in all of {one.epochs} epochs"
    parts = [
        f"{what} the same throughout" if since is None else f"{what} differ from epoch {since + 1} on"
        for what, since in (("labels", one.labels_from), ("weights", one.weights_from))
    ]
    apart = "a metric is there in one alone" if one.metric is None else f"a metric by at most {one.metric:.3g}"
    return "; ".join([*parts, f"{apart} ({one.where})" if one.where else "metrics the same"])


def said(found: Sequence[Any]) -> str:
    """One sentence about all repetitions; "" without any."""
    if not found:
        return ""
    runs = {one.run for one in found}
    count = f"{len(runs)} run{'s were' if len(runs) > 1 else ' was'} computed once more"
    if len(found) > len(runs):
        count += f", {len(found)} times in all"
    parts = []
    if alike := [one.identical for one in found if not one.differs]:
        parts.append(f"on the same kind of machine {sum(alike)} of {len(alike)} came out the same, bit for bit")
    if others := [one.identical for one in found if one.differs]:
        parts.append(f"on another kind {sum(others)} of {len(others)}")
    return f"{count}: {', '.join(parts)}."
