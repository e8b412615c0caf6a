"""Which step does what the paper says of it: pseudo-labels against the truth, epoch by epoch, and what follows."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

History = Sequence[Mapping[str, float]]
"""Metrics of each epoch of one run."""

BOUND = "ssf_bound"
"""s_c of equations 4 and 5: how alike a dissolved sequence and the centroid it joins must be."""
RIGHT = "reassigned_right"
CONSTANT = "sf-rate-constant"
"""SF with a curriculum of constant rate (Table 9)."""
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


def answers(runs: Mapping[str, Sequence[History]]) -> list[tuple[str, str]]:
    """(question, what the epochs say) on each step of the paper; only what ``runs``, method -> seeds, can answer."""
    seen = _Seen(runs)
    asked = {
        "Are clusters people?": _clusters(seen),
        "SSF: do dissolved front/back sequences land with their own person?": _dissolved(seen),
        "SCF: are a cluster's partners the same person, in other clothes?": _partners(seen),
        "Does the curriculum's rate matter?": _rate(runs),
    }
    return [(question, "; ".join(said)) for question, said in asked.items() if said]


@dataclass(frozen=True)
class _Seen:
    """Means over seeds of what epochs recorded; one in which nothing was re-assigned has no share of what was."""

    runs: Mapping[str, Sequence[History]]

    def has(self, method: str, *keys: str) -> bool:
        found = self.runs.get(method, ())
        return bool(found) and all(any(key in epoch for epoch in run) for run in found for key in keys)

    def last(self, method: str, key: str) -> float:
        return statistics.fmean([epoch[key] for epoch in run if key in epoch][-1] for run in self.runs[method])

    def mean(self, method: str, key: str) -> float:
        """Over epochs too."""
        return statistics.fmean(epoch[key] for run in self.runs[method] for epoch in run if key in epoch)

    def some(self, method: str, key: str) -> bool:
        """Whether any epoch of any seed has it."""
        return any(key in epoch for run in self.runs.get(method, ()) for epoch in run)

    def weighted(self, method: str, key: str, weight: str) -> float:
        """A share over all that epochs of all seeds counted under ``weight``."""
        seen = [(epoch[key], epoch[weight]) for run in self.runs[method] for epoch in run if key in epoch]
        return sum(value * count for value, count in seen) / max(sum(count for _, count in seen), 1)

    def share(self, method: str, key: str) -> str:
        return f"{100 * self.last(method, key):.0f} %"


def _clusters(seen: _Seen) -> list[str]:
    truths = {"cc_true": "people", "cc_true_clothes": "people x clothes"}
    said = [
        f"{method} {seen.last(method, 'clusters'):.0f} clusters of purity {seen.share(method, 'purity')}"
        for method in ("cc", "ssf", "scf", "sf")
        if seen.has(method, "clusters", "purity")
    ]
    there = [f"{seen.last(method, 'clusters'):.0f} {n}" for method, n in truths.items() if seen.has(method, "clusters")]
    return [*said, f"there are {' and '.join(there)}"] if said and there else said


def _dissolved(seen: _Seen) -> list[str]:
    said = []
    for method in ("ssf", "sf"):
        if seen.has(method, "ssf_dissolved_sequences", "ssf_reassigned", "purity") and seen.some(method, RIGHT):
            dissolved, moved = (seen.mean(method, f"ssf_{key}") for key in ("dissolved_sequences", "reassigned"))
            right = 100 * seen.weighted(method, RIGHT, "ssf_reassigned")
            said.append(
                f"{method}: of {dissolved:.0f} that an epoch dissolves {moved:.0f} are re-assigned, {right:.0f} % of "
                f"these to a cluster of their own person; purity {_change(seen.runs[method], 'purity', count=False)}"
            )
    return said


def _partners(seen: _Seen) -> list[str]:
    said = [
        f"{method}: {seen.share(method, 'support_same')} are, {seen.share(method, 'support_clothes')} in other clothes"
        f"; {seen.share(method, 'clothes_joined')} of clusters join clothes of one person"
        for method in ("scf", "sf", "scf_random")
        if seen.has(method, "support_same", "support_clothes", "clothes_joined")
    ]
    if said and seen.has("cc", "clothes_joined"):
        said.append(f"cc: {seen.share('cc', 'clothes_joined')} join them")
    if seen.has("scf", "scf_own_similarity"):
        cosine = seen.mean("scf", "scf_own_similarity")
        said.append(f"the simulated change of clothes leaves a centroid at a cosine of {cosine:.2f} to itself")
    return said


def _rate(runs: Mapping[str, Sequence[History]]) -> list[str]:
    bounds = {method: _bounds(runs[method]) for method in ("ssf", "sf", CONSTANT) if _Seen(runs).has(method, BOUND)}
    said = [f"{method}: s_c from {bound[0]:.3f} to {bound[-1]:.3f}" for method, bound in bounds.items()]
    if bounds.keys() >= {"sf", CONSTANT} and len(bounds["sf"]) == len(bounds[CONSTANT]):
        apart = max(abs(a - b) for a, b in zip(bounds["sf"], bounds[CONSTANT], strict=True))
        said.append(f"adaptive and constant are at most {apart:.3f} apart")
    return said


def _bounds(runs: Sequence[History]) -> list[float]:
    """The boundary in each epoch, mean over seeds."""
    rows = [[epoch[BOUND] for epoch in run if BOUND in epoch] for run in runs]
    return [statistics.fmean(values) for values in zip(*rows, strict=False)]
