"""A verdict on each claim from the records: supported, refuted, undecided, or not run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.claims.claim import Claim, Part
from harness.errors import UserError
from harness.statistics import ALPHA, MIN_SEEDS, PairedTest, contributions, holm, paired_test, run_variance
from harness.types import Outcome

FRONT_BACK = (0, 18, 162, 180)
"""Front/back views of CASIA-B (section 3.2)."""

Decision = Literal["supported", "refuted", "undecided", "not run"]


@dataclass(frozen=True)
class Judged:
    """A claim's verdict. p: two-sided and before, adjusted: after Holm's correction.

    test is that of the claim's weakest part, None when there is nothing to test. power: the chance to find that the
    truth lies as far from its bound as the paper's size (1 point where the paper gives none), and detectable: the
    least distance from the bound that is found four times in five, both at the family's strictest level.
    """

    claim: Claim
    decision: Decision
    reason: str
    test: PairedTest | None = None
    p: float | None = None
    adjusted: float | None = None
    power: float | None = None
    detectable: float | None = None
    towards: bool = False


_Measured = list[npt.NDArray[np.float64]] | str
"""Differences f64[n,S] of each part of a claim, or why it could not be measured."""


class _MissingError(Exception):
    """What is missing."""


def judge(claims: Sequence[Claim], outcomes: Iterable[Outcome], stands_for: dict[str, str]) -> list[Judged]:
    """Judges claims as one family: Holm's correction runs over all that have enough seeds.

    stands_for: the paper's data set -> ours. Two different outcomes of one run are a :class:`UserError`.
    """
    found: dict[tuple[str, ...], dict[int, Outcome]] = {}
    for o in outcomes:
        other = found.setdefault((o.dataset, o.backbone, o.method, o.variant, o.condition), {}).setdefault(o.seed, o)
        if other is not o and not _same(other, o):
            raise UserError(
                f"runs {other.run_id} and {o.run_id} disagree about {o.method} on {o.dataset} {o.condition}, "
                f"{o.backbone}, seed {o.seed}; keep one, or one backbone of a kind"
            )
    measured = [_measure(claim, found, stands_for) for claim in claims]
    judged = [
        _judge(claim, one, _typical(claims, measured, i)) if isinstance(one, list) else Judged(claim, "not run", one)
        for i, (claim, one) in enumerate(zip(claims, measured, strict=True))
    ]
    family = [i for i, one in enumerate(judged) if one.decision == "undecided" and one.p is not None]
    for i, adjusted in zip(family, holm([judged[i].p or 0.0 for i in family]), strict=True):
        one = judged[i]
        test, level = one.test, ALPHA / len(family)
        assert test is not None and one.p is not None
        decision: Decision = "undecided" if adjusted >= ALPHA else "supported" if one.towards else "refuted"
        size = 1.0 if one.claim.paper is None else abs(one.claim.paper - test.bound)
        judged[i] = replace(
            one,
            decision=decision,
            reason=_why_undecided(one.p, len(family)) if decision == "undecided" else "",
            adjusted=adjusted,
            power=test.power(size, level),
            detectable=test.detectable(alpha=level),
        )
    return judged


def _why_undecided(p: float, family: int) -> str:
    if p >= ALPHA:
        return "the difference may as well be chance"
    return f"p is below {100 * ALPHA:.0f} % alone, which is not enough among {family} claims"


def _same(one: Outcome, other: Outcome) -> bool:
    return one.subjects == other.subjects and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("views", "hits", "trials")
    )


def _measure(claim: Claim, found: dict[tuple[str, ...], dict[int, Outcome]], stands_for: dict[str, str]) -> _Measured:
    """The differences of each part of a claim, or why there are none."""
    own = stands_for.get(claim.dataset)
    if own is None:
        return f"no data set in {claim.dataset}'s structure"
    try:
        return [differences(part, own, claim.backbone, found) for part in claim.parts]
    except _MissingError as missing:
        return str(missing)


def _typical(claims: Sequence[Claim], measured: Sequence[_Measured], own: int) -> float | None:
    """How much runs differ in the other claims about the same data set and backbone, on average; None without any."""
    place = claims[own].dataset, claims[own].backbone
    others = [
        np.mean([run_variance(d) for d in one])
        for i, (claim, one) in enumerate(zip(claims, measured, strict=True))
        if i != own and (claim.dataset, claim.backbone) == place and isinstance(one, list) and min(map(len, one)) > 1
    ]
    return float(np.mean(others)) if others else None


def _judge(claim: Claim, layouts: list[npt.NDArray[np.float64]], typical: float | None) -> Judged:
    seeds, people = min(len(d) for d in layouts), min(d.shape[1] for d in layouts)
    if seeds < 2 or people < 2:
        few = "one seed" if seeds < 2 else "one test subject"
        return Judged(claim, "undecided", f"{few} cannot decide: {MIN_SEEDS} seeds and two people are the least")
    tests = [
        paired_test(d, part.bound, (claim.key, i), typical)
        for i, (d, part) in enumerate(zip(layouts, claim.parts, strict=True))
    ]
    sides = [
        (t.p_above, t.p_below) if p.above is not None else (t.p_below, t.p_above) for t, p in zip(tests, claim.parts)
    ]
    # All parts must hold, so the claim is as sure as its weakest; one part that fails refutes it, of as many tries.
    weakest = max(range(len(tests)), key=lambda i: sides[i][0])
    towards = sides[weakest][0]
    against = min(1.0, len(tests) * min(side[1] for side in sides))
    test = tests[weakest]
    if seeds < MIN_SEEDS:
        return Judged(claim, "undecided", f"{seeds} seeds; a verdict needs {MIN_SEEDS}", test)
    p = min(1.0, 2 * min(towards, against))
    return Judged(claim, "undecided", "", test, p=p, towards=towards <= against)


def differences(
    part: Part, dataset: str, backbone: str, found: dict[tuple[str, ...], dict[int, Outcome]]
) -> npt.NDArray[np.float64]:
    """Paired differences f64[n,S] in points, of the seeds and the test subjects that all runs share."""
    terms = [
        (method, sign, c, part.views, len(part.under)) for c in part.under for method, sign in zip(part.gain, (1, -1))
    ]
    if part.than_under or part.than_views is not None:
        than = part.than_under or part.under
        views = part.views if part.than_views is None else part.than_views
        terms += [(m, -sign, c, views, len(than)) for c in than for m, sign in zip(part.gain, (1, -1))]
    runs = []
    for method, _, condition, _, _ in terms:
        name, _, variant = method.partition(" ")
        key = (dataset, backbone, name, variant, condition)
        if key not in found:
            raise _MissingError(f"no run of {method} with {backbone} on {dataset} scored for {condition}")
        runs.append(found[key])
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in runs)))
    if not seeds:
        raise _MissingError("the runs share no seed")
    people = sorted(set.intersection(*(set(o.subjects) for by_seed in runs for o in by_seed.values())))
    if not people:
        raise _MissingError("the runs share no test subject")
    total = np.zeros((len(seeds), len(people)))
    for (_, sign, condition, chosen, count), by_seed in zip(terms, runs, strict=True):
        for i, seed in enumerate(seeds):
            outcome = _only(by_seed[seed], people)
            try:
                total[i] += sign * contributions(outcome, _degrees(chosen, outcome)) / count
            except ValueError:
                raise _MissingError(f"no view {chosen} scored for {condition}") from None
    return total


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
