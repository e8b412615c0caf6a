"""One estimate from several suites that asked the same question of different people with different seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from harness.claims.claim import Claim
from harness.claims.judge import Judged


@dataclass(frozen=True)
class Pooled:
    """A claim's difference over all suites, its standard error and 95 % interval, all in points.

    each: the suites' own, in their order; freedom: the degrees of freedom of the interval.
    """

    claim: Claim
    each: tuple[Judged, ...]
    difference: float
    error: float
    interval: tuple[float, float]
    freedom: int


def pool(suites: Sequence[Sequence[Judged]]) -> list[Pooled]:
    """Pools claims of one part that every suite tested, with seeds enough for a verdict, in the order of the first.

    Suites count alike, whatever their sizes: the difference is the mean of theirs, its variance that of a mean of
    independent numbers, each with the standard error of its own test (over seeds and people). The interval is
    Student's, and each suite gives it as many degrees of freedom as it has seeds, less one, which is right where the
    suites' errors are alike: where one has nearly all of the error, 95 % are some 90. A claim is the same where
    all that is compared is (:attr:`Claim.question`), whatever its key or its words.
    """
    tested = [{one.claim.question: one for one in judged if _has_a_test(one)} for judged in suites]
    return [_pooled([own[question] for own in tested]) for question in tested[0] if all(question in o for o in tested)]


def _has_a_test(one: Judged) -> bool:
    return one.p is not None and len(one.claim.parts) == 1


def _pooled(each: list[Judged]) -> Pooled:
    tests = [one.test for one in each if one.test is not None]
    difference = float(np.mean([test.difference for test in tests]))
    error = float(np.sqrt(sum(test.error**2 for test in tests))) / len(tests)
    freedom = sum(test.seeds - 1 for test in tests)
    half = float(stdtrit(freedom, 0.975)) * error
    return Pooled(each[0].claim, tuple(each), difference, error, (difference - half, difference + half), freedom)
