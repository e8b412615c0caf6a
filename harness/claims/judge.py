"""A verdict on each claim from the records: supported, refuted, undecided, or not run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.claims.claim import Claim, Part
from harness.claims.measure import Found, MissingError, by_run, differences, of_the_same_runs
from harness.statistics import ALPHA, MIN_SEEDS, ROUNDS, PairedTest, holm, paired_test, run_error, run_variance
from harness.types import Outcome

Decision = Literal["supported", "refuted", "undecided", "not run"]


@dataclass(frozen=True)
class Judged:
    """A claim's verdict. p: two-sided and before, adjusted: after Holm's correction.

    test is that of the claim's weakest part, both None when there is nothing to test. power: the chance to find that
    the truth lies as far from its bound as the paper's size of that part (None where the paper gives none), and
    detectable: the least distance from the bound that is found four times in five, both at the family's strictest
    level. run_error: what the luck of runs alone adds to the test's standard error, in points.
    """

    claim: Claim
    decision: Decision
    reason: str
    part: Part | None = None
    test: PairedTest | None = None
    p: float | None = None
    adjusted: float | None = None
    power: float | None = None
    detectable: float | None = None
    towards: bool = False
    run_error: float | None = None

    @property
    def paper(self) -> float | None:
        """The paper's size of the tested part; without a test that of the part with the least to spare."""
        return self.claim.paper if self.part is None else self.part.paper

    @property
    def outside(self) -> bool | None:
        """Whether the paper's size lies outside the 95 % interval, before any correction; None without either."""
        if self.test is None or self.paper is None:
            return None
        low, high = self.test.interval
        return not low <= self.paper <= high


_Measured = list[npt.NDArray[np.float64]] | str
"""Differences f64[n,S] of each part of a claim, or why it could not be measured."""


def judge(
    claims: Sequence[Claim],
    outcomes: Iterable[Outcome],
    stands_for: dict[str, str],
    outcomes_at: Mapping[str, Iterable[Outcome]] | None = None,
    rounds: int = ROUNDS,
) -> list[Judged]:
    """Judges claims: Holm's correction runs over all of a family that have enough seeds.

    The paper's are one family. Of one with a name all count, tested or not: it was named before that was known.

    outcomes: at rank-1; stands_for: the paper's data set -> ours; outcomes_at: those at further ranks, {"rank5": ...}.
    rounds: of draws for small p-values (:func:`harness.statistics.paired_test`). Two different outcomes of one run are
    a :class:`UserError`.
    """
    found = {metric: by_run(some) for metric, some in {"rank1": outcomes, **(outcomes_at or {})}.items()}
    measured = [_measure(claim, found.get(claim.metric, {}), stands_for) for claim in claims]
    judged = [
        _judge(claim, one, _typical(claims, measured, i), rounds)
        if isinstance(one, list)
        else Judged(claim, "not run", one)
        for i, (claim, one) in enumerate(zip(claims, measured, strict=True))
    ]
    for name in dict.fromkeys(claim.family for claim in claims):
        members = [i for i, one in enumerate(judged) if one.claim.family == name and (name or one.p is not None)]
        ps = [1.0 if (p := judged[i].p) is None else p for i in members]
        for i, adjusted in zip(members, holm(ps), strict=True):
            if judged[i].p is not None:
                judged[i] = _decided(judged[i], adjusted, len(members))
    return judged


def _decided(one: Judged, adjusted: float, family: int) -> Judged:
    """The verdict once p is corrected for a family of so many claims."""
    test, level = one.test, ALPHA / family
    assert one.part is not None and test is not None and one.p is not None
    decision: Decision = "undecided" if adjusted >= ALPHA else "supported" if one.towards else "refuted"
    size = None if one.part.paper is None else abs(one.part.paper - one.part.bound)
    return replace(
        one,
        decision=decision,
        reason=_why_undecided(one.p, family) if decision == "undecided" else "",
        adjusted=adjusted,
        power=None if size is None else test.power(size, level),
        detectable=test.detectable(alpha=level),
    )


def _why_undecided(p: float, family: int) -> str:
    if p >= ALPHA:
        return "the difference may as well be chance"
    return f"p is below {100 * ALPHA:.0f} % before Holm's correction, which is not enough among {family} claims"


def _measure(claim: Claim, found: Found, stands_for: dict[str, str]) -> _Measured:
    """The differences of each part of a claim, or why there are none."""
    own = stands_for.get(claim.dataset)
    if own is None:
        return f"no data set in {claim.dataset}'s structure"
    try:
        measured = [differences(part, own, claim.backbone, claim.metric, found) for part in claim.parts]
    except MissingError as missing:
        return str(missing)
    for part in claim.parts:
        if of_the_same_runs(part, own, claim.backbone, found):
            return f"{' and '.join(part.gain)} are the same runs"
    return measured


def _typical(claims: Sequence[Claim], measured: Sequence[_Measured], own: int) -> float | None:
    """How much runs differ in the other claims about the same data set and backbone, on average; None without any."""
    place = claims[own].dataset, claims[own].backbone
    others = [
        np.mean([run_variance(d) for d in one])
        for i, (claim, one) in enumerate(zip(claims, measured, strict=True))
        if i != own and (claim.dataset, claim.backbone) == place and isinstance(one, list) and min(map(len, one)) > 1
    ]
    return float(np.mean(others)) if others else None


def _judge(claim: Claim, layouts: list[npt.NDArray[np.float64]], typical: float | None, rounds: int) -> Judged:
    seeds, people = min(len(d) for d in layouts), min(d.shape[1] for d in layouts)
    if seeds < 2 or people < 2:
        few = "one seed" if seeds < 2 else "one test subject"
        return Judged(claim, "undecided", f"{few} cannot decide: {MIN_SEEDS} seeds and two people are the least")
    tests = [
        paired_test(d, part.bound, (claim.key, i), typical, 1 if seeds < MIN_SEEDS else rounds)
        for i, (d, part) in enumerate(zip(layouts, claim.parts, strict=True))
    ]
    sides = [
        (t.p_above, t.p_below) if p.above is not None else (t.p_below, t.p_above) for t, p in zip(tests, claim.parts)
    ]
    # All parts must hold, so the claim is as sure as its weakest; one part that fails refutes it, of as many tries.
    # P-values of differences that no draw reached are equal: among those the one of fewest standard errors is weakest.
    weakest = max(range(len(tests)), key=lambda i: (sides[i][0], -_errors_to_spare(tests[i], claim.parts[i])))
    towards = sides[weakest][0]
    against = min(1.0, len(tests) * min(side[1] for side in sides))
    part, test = claim.parts[weakest], tests[weakest]
    if seeds < MIN_SEEDS:
        return Judged(claim, "undecided", f"{seeds} seeds; a verdict needs {MIN_SEEDS}", part, test)
    p = min(1.0, 2 * min(towards, against))
    luck = run_error(layouts[weakest])
    return Judged(claim, "undecided", "", part, test, p=p, towards=towards <= against, run_error=luck)


def _errors_to_spare(test: PairedTest, part: Part) -> float:
    """How many standard errors the difference is from the bound, on the claimed side."""
    return (test.difference - test.bound) * (1 if part.above is not None else -1) / max(test.error, 1e-12)
