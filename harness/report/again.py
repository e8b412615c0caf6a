"""What was computed once more, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HEADS = ("run", "first", "once more", "machine", "came out")
ABOUT = (
    "Runs that were trained once more, from the same inputs, beside their first time: labels and weights after each "
    "epoch by their digests, and every metric (`harness again`)."
)


def row(one: Mapping[str, Any]) -> tuple[str, ...]:
    """A repetition (:class:`harness.tracking.again.Repeat`, as plain values) under :data:`HEADS`."""
    first, again = (f"{one[key]['commit']}, {one[key]['started'][:10] or 'no date'}" for key in ("first", "again"))
    machine = f"another kind ({', '.join(one['differs'])})" if one["differs"] else "the same kind"
    return one["run"], first, again, f"{one['again']['machine']}: {machine}", outcome(one)


def outcome(one: Mapping[str, Any]) -> str:
    if identical(one):
        return f"the same bits in all of {one['epochs']} epochs"
    parts = [
        f"{what} the same throughout" if since is None else f"{what} differ from epoch {since + 1} on"
        for what, since in (("labels", one["labels_from"]), ("weights", one["weights_from"]))
    ]
    apart = "a metric is there in one alone" if one["metric"] is None else f"a metric by at most {one['metric']:.3g}"
    return "; ".join([*parts, f"{apart} ({one['where']})" if one["where"] else "metrics the same"])


def identical(one: Mapping[str, Any]) -> bool:
    return one["labels_from"] is None and one["weights_from"] is None and one["metric"] == 0


def said(found: Sequence[Mapping[str, Any]]) -> str:
    """One sentence about all repetitions; "" without any."""
    if not found:
        return ""
    runs = {one["run"] for one in found}
    alike = [one for one in found if not one["differs"]]
    same = sum(map(identical, alike))
    count = f"{len(runs)} run{'s were' if len(runs) > 1 else ' was'} computed once more"
    if len(found) > len(runs):
        count += f", {len(found)} times in all"
    parts = []
    if alike:
        parts.append(f"on the same kind of machine {same} of {len(alike)} came out the same, bit for bit")
    if others := [one for one in found if one["differs"]]:
        parts.append(f"on another kind {sum(map(identical, others))} of {len(others)}")
    return f"{count}: {', '.join(parts)}."
