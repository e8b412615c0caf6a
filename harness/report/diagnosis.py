"""Which step does what the paper says: pseudo-labels against the truth, epoch by epoch, beside the verdicts."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

History = Sequence[Mapping[str, float]]
"""Metrics of each epoch of one run."""

COUNTS = {"clusters": "clusters", "outliers": "outliers"}
SHARES = {
    "links_removed": "links that s_up removes",
    "nmi": "NMI with identities",
    "purity": "purity",
    "clothes_joined": "clusters that join clothes of one person",
    "ssf_front_back": "sequences called front/back",
    "front_back_mixed": "front/back sequences in mixed clusters",
    "reassigned_right": "re-assigned sequences that land with their own person",
    "support_same": "support-set partners that are the same person",
    "support_clothes": "partners that are the same person in other clothes",
}
_SSF, _SCF = ("reassigned_right", "front_back_mixed"), ("support_same", "support_clothes", "clothes_joined")
STEPS = {
    "cc": ("purity", "clothes_joined"), "ssf": _SSF, "scf": _SCF, "sf": (*_SSF, *_SCF), "scf_random": _SCF,
    "ssf_shuffled_views": _SSF,
}  # fmt: skip
"""What to look at in a method when a claim about it is not supported: whether its step does what the paper says."""
HEADS = ("method", *COUNTS.values(), *SHARES.values())


def table(histories: Mapping[str, Sequence[History]]) -> list[tuple[str, ...]]:
    """Rows under :data:`HEADS`: first epoch to last, means over seeds. histories: method -> one for each seed."""
    rows = []
    for method, runs in histories.items():
        cells = [_change(runs, key, count=key in COUNTS) for key in (*COUNTS, *SHARES)]
        if any(cell != "—" for cell in cells):
            rows.append((method, *cells))
    return rows


def _change(runs: Sequence[History], key: str, count: bool) -> str:
    ends = [[h[key] for h in run if key in h] for run in runs]
    ends = [(values[0], values[-1]) for values in ends if values]
    if not ends:
        return "—"
    first, last = (statistics.fmean(side) for side in zip(*ends, strict=True))
    return f"{first:.0f} → {last:.0f}" if count else f"{100 * first:.0f} → {100 * last:.0f} %"


def notes(
    claims: Sequence[Mapping[str, Any]], histories: Mapping[tuple[str, str], Mapping[str, Sequence[History]]]
) -> list[tuple[str, str]]:
    """(claims, what the steps of their methods did) of the claims that were tested and are not supported.

    histories: (the paper's data set, backbone) -> method -> one history for each seed.
    """
    out: dict[str, list[str]] = {}
    for claim in claims:
        if claim["p"] is None or claim["verdict"] == "supported":
            continue
        runs = histories.get((claim["dataset"], claim["backbone"]), {})
        measured = [
            f"{method}: {', '.join(found)}"
            for method in claim["methods"]
            if (found := [f"{SHARES[k]} {v}" for k in STEPS.get(method, ()) if (v := _share(runs, method, k)) != "—"])
        ]
        if measured:
            out.setdefault("; ".join(measured), []).append(f"{claim['claim']} ({claim['verdict']})")
    return [(", ".join(names), text) for text, names in out.items()]


def _share(runs: Mapping[str, Sequence[History]], method: str, key: str) -> str:
    return _change(runs.get(method, ()), key, count=False)
