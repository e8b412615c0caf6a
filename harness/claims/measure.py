"""What records say about one part of a claim: paired differences, or what is missing for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.claims.claim import Part
from harness.errors import UserError
from harness.statistics import contributions
from harness.types import Outcome

FRONT_BACK = (0, 18, 162, 180)
"""Front/back views of CASIA-B (section 3.2)."""

Found = dict[tuple[str, ...], dict[int, Outcome]]
"""(data set, backbone, method, variant, condition) -> seed -> outcome, all at one rank."""


class MissingError(Exception):
    """What is missing."""


def by_run(outcomes: Iterable[Outcome]) -> Found:
    """Outcomes by what they are about; two different ones of one run are a :class:`UserError`."""
    found: Found = {}
    for o in outcomes:
        other = found.setdefault((o.dataset, o.backbone, o.method, o.variant, o.condition), {}).setdefault(o.seed, o)
        if other is not o and not _same(other, o):
            raise UserError(
                f"runs {other.run_id} and {o.run_id} disagree about {o.method} on {o.dataset} {o.condition}, "
                f"{o.backbone}, seed {o.seed}; keep one, or one backbone of a kind"
            )
    return found


def _same(one: Outcome, other: Outcome) -> bool:
    return one.subjects == other.subjects and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("views", "hits", "trials")
    )


def differences(part: Part, dataset: str, backbone: str, metric: str, found: Found) -> npt.NDArray[np.float64]:
    """Paired differences f64[n,S] in points, of the seeds and the test subjects that all runs share.

    found: outcomes at ``metric``.
    """
    terms = [
        (method, sign, c, part.views, len(part.under)) for c in part.under for method, sign in zip(part.gain, (1, -1))
    ]
    if part.than_under or part.than_views is not None:
        than = part.than_under or part.under
        views = part.views if part.than_views is None else part.than_views
        terms += [(m, -sign, c, views, len(than)) for c in than for m, sign in zip(part.gain, (1, -1))]
    runs = []
    for method, _, condition, _, _ in terms:
        key = _key(dataset, backbone, method, condition)
        if key not in found:
            raise MissingError(_missing(method, f"with {backbone} on {dataset} scored for {condition}", metric))
        runs.append(found[key])
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in runs)))
    if not seeds:
        raise MissingError("the runs share no seed")
    people = sorted(set.intersection(*(set(o.subjects) for by_seed in runs for o in by_seed.values())))
    if not people:
        raise MissingError("the runs share no test subject")
    total = np.zeros((len(seeds), len(people)))
    for (_, sign, condition, chosen, count), by_seed in zip(terms, runs, strict=True):
        for i, seed in enumerate(seeds):
            outcome = _only(by_seed[seed], people)
            try:
                total[i] += sign * contributions(outcome, _degrees(chosen, outcome)) / count
            except ValueError:
                wanted = chosen if isinstance(chosen, str) else f"{', '.join(map(str, chosen))} degrees"
                raise MissingError(f"no view of {wanted} scored for {condition}") from None
    return total


def of_the_same_runs(part: Part, dataset: str, backbone: str, found: Found) -> bool:
    """Whether a part compares runs with themselves, as of a variant that equals the suite's own setting."""
    one, other = (found.get(_key(dataset, backbone, method, part.under[0]), {}) for method in part.gain)
    return {o.run_id for o in one.values()} == {o.run_id for o in other.values()}


def _key(dataset: str, backbone: str, method: str, condition: str) -> tuple[str, ...]:
    name, _, variant = method.partition(" ")
    return dataset, backbone, name, variant, condition


def _missing(method: str, where: str, metric: str) -> str:
    variant = method.partition(" ")[2]
    if variant.endswith("=*"):
        return f"the suite has no other {variant.removesuffix('=*')} to compare with"
    at = "" if metric == "rank1" else f" at rank-{metric.removeprefix('rank')}"
    return f"no run of {method} {where}{at}"


def _degrees(views: str | tuple[int, ...], outcome: Outcome) -> list[int] | None:
    if views == "all":
        return None
    if isinstance(views, tuple):
        return list(views)
    scored = [v for v in outcome.views if v is not None]
    return [v for v in scored if (v in FRONT_BACK) == (views == "front-back")]


def _only(outcome: Outcome, people: list[str]) -> Outcome:
    if list(outcome.subjects) == people:
        return outcome
    at = [outcome.subjects.index(name) for name in people]
    return replace(outcome, subjects=tuple(people), hits=outcome.hits[:, at], trials=outcome.trials[:, at])
