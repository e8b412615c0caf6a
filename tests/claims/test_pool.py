"""Estimates from several suites, from differences with known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from harness.claims.claim import Claim
from harness.claims.judge import Judged
from harness.claims.pool import pool
from harness.statistics import paired_test


def claim(key="c", parts=1, **part) -> Claim:
    one = {"gain": ["sf", "cc"], "under": ["CL"], "above": 0, **part}
    about = {"key": key, "says": "", "where": "", "table": 3, "dataset": "casia-bn", "backbone": "gaitset"}
    return Claim.model_validate({**about, "parts": [one] * parts})


def with_a_test(asked: Claim, rng: np.random.Generator, gain: float, seeds=4, people=50, runs=1.0) -> Judged:
    """A claim with the test of made-up differences: of runs by ``runs`` points, of people by 4."""
    differences = gain + rng.normal(0, runs, (seeds, 1)) + rng.normal(0, 4, people) + rng.normal(0, 4, (seeds, people))
    test = paired_test(differences, 0.0, (int(rng.integers(2**31)),))
    return Judged(asked, "undecided", "", asked.parts[0], test, p=0.5)


def test_suites_count_alike_and_errors_add_as_those_of_independent_numbers() -> None:
    rng = np.random.default_rng(0)
    one, two = with_a_test(claim(), rng, 5.0, seeds=4), with_a_test(claim("other name"), rng, 1.0, seeds=5, people=20)
    (found,) = pool([[one], [two]])
    assert one.test and two.test
    weights = np.array([0.5, 0.5])
    covariance = np.diag([one.test.error**2, two.test.error**2])
    error = np.sqrt(weights @ covariance @ weights)
    mean = weights @ [one.test.difference, two.test.difference]
    low, high = student.interval(0.95, 3 + 4, loc=mean, scale=error)
    assert found.claim.key == "c" and found.each == (one, two) and found.freedom == 7
    assert np.allclose([found.difference, found.error, *found.interval], [mean, error, low, high], rtol=1e-12)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(120):
        (found,) = pool([[with_a_test(claim(), rng, 3.0)], [with_a_test(claim(), rng, 3.0)]])
        held += found.interval[0] <= 3.0 <= found.interval[1]
    assert 106 <= held <= 119  # 114 expected, with a deviation of 2.4


@pytest.mark.parametrize(
    "other",
    [
        claim(under=["NM"]),
        claim(above=None, below=9.7),
        claim(gain=["sf", "cc_long"]),
        claim(views="front-back"),
        claim(parts=2),
    ],
    ids=["condition", "bound", "methods", "views", "parts"],
)
def test_another_question_of_the_same_name_is_not_pooled(other: Claim) -> None:
    rng = np.random.default_rng(2)
    assert not pool([[with_a_test(claim(), rng, 1.0)], [with_a_test(other, rng, 1.0)]])


def test_what_was_not_judged_or_has_several_parts_is_left_out() -> None:
    rng = np.random.default_rng(3)
    few = Judged(claim(), "undecided", "2 seeds; a verdict needs 3")
    several = with_a_test(claim(parts=2), rng, 1.0)
    assert not pool([[with_a_test(claim(), rng, 1.0)], [few]]) and not pool([[several], [several]])
