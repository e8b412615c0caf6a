"""Intervals that cover, a test whose false positives are as many as it says, power that comes true."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness import statistics
from harness.claims.simulate import Design, differences, false_positives, found_and_promised
from harness.statistics import (
    contributions,
    holm,
    paired_test,
    people_interval,
    run_variance,
    seed_interval,
    welch_interval,
)
from harness.types import Outcome


def outcome(hits, trials, views=(0, 90), seed=0, method="cc") -> Outcome:
    hits, trials = np.asarray(hits), np.asarray(trials)
    people = tuple(f"{i:03d}" for i in range(hits.shape[1]))
    return Outcome("target", "gaitset", method, seed, "NM", "ab" * 8, views, people, hits, trials)


def test_seed_interval_is_students():
    values = [50.0, 52.0, 60.0]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert seed_interval(values) == pytest.approx((low, high))
    assert seed_interval([50.0]) is None


def test_contributions_average_to_the_mean_over_views_even_with_unequal_trials():
    hits, trials = [[3, 5, 0], [1, 2, 9]], [[4, 10, 1], [2, 2, 10]]
    mean = 100 * np.mean([8 / 15, 12 / 14])
    assert contributions(outcome(hits, trials)).mean() == pytest.approx(mean)
    assert contributions(outcome(hits, trials), [90]).mean() == pytest.approx(100 * 12 / 14)
    even = contributions(outcome(hits, [[10, 10, 10], [10, 10, 10]]))
    assert even == pytest.approx(100 * (np.array([0.3, 0.5, 0.0]) + np.array([0.1, 0.2, 0.9])) / 2)


def test_a_view_that_was_not_scored_is_left_out_or_refused():
    part = outcome([[3, 5], [0, 0]], [[4, 10], [0, 0]])
    assert contributions(part).mean() == pytest.approx(100 * 8 / 14)
    with pytest.raises(ValueError, match="no such view"):
        contributions(part, [90])


def test_people_interval_is_that_of_a_mean_of_people():
    rng = np.random.default_rng(3)
    hits = rng.binomial(20, 0.6, (1, 60))
    low, high = people_interval([outcome(hits, np.full((1, 60), 20), (0,))])  # pyright: ignore[reportGeneralTypeIssues]
    half = 1.96 * 100 * (hits / 20).std() / np.sqrt(60)
    assert (low + high) / 2 == pytest.approx(100 * hits.mean() / 20, abs=0.5)
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def test_people_interval_needs_the_same_people_twice():
    one, other = outcome([[1, 2]], [[3, 3]], (0,)), outcome([[1, 2, 3]], [[3, 3, 3]], (0,), seed=1)
    assert people_interval([one, other]) is None and people_interval([]) is None
    assert people_interval([outcome([[1]], [[3]], (0,))]) is None


def test_holm_against_the_definition():
    values = [0.01, 0.04, 0.03, 0.005]
    assert holm(values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]


# --- the paired test on simulated records with known truth ------------------------------------------------------


def simulate(rng, seeds, people, runs, suits, gain=0.0):
    return differences(rng, Design(seeds, people, runs, suits), gain)


@pytest.fixture
def fewer_draws(monkeypatch):
    monkeypatch.setattr(statistics, "TEST_DRAWS", 999)


# Three seeds and 25 people are the walkers suite's; spreads of runs and of people in logits.
@pytest.mark.slow
@pytest.mark.parametrize(
    "design",
    [
        (3, 25, 0.1, 0.3),
        *(pytest.param(design, marks=pytest.mark.long) for design in ((3, 25, 0.2, 0.3), (5, 25, 0.2, 0.3))),
    ],
)
def test_false_positives_are_five_per_cent(design):
    """1,000 simulations without any true difference: 5 % +- 1 of them may say that there is one. With as many draws as
    a verdict has: fewer make the test more cautious."""
    assert 4.0 <= false_positives(Design(*design), 1000)[1] <= 6.0


def test_no_spread_of_runs_makes_the_test_bold(fewer_draws):
    """From runs that do not differ to runs that differ far more than people: cautious at one end, a little bold at most
    at the other. Neither end is within 5 % +- 1, as docs/statistics.md shows. Alone each comparison would be bold;
    that is why it borrows from the others how much runs differ."""
    designs = (Design(3, 25, 0.0, 0.2), Design(5, 25, 0.1, 0.3), Design(3, 25, 0.4, 0.2))
    rates = [false_positives(design, 500) for design in designs]
    assert rates[0][1] < 5.0 and all(2.0 <= among <= 6.5 for _, among, _ in rates[1:]) and rates[-1][0] > 7.5


def test_two_seeds_that_differ_much_would_deceive(fewer_draws):
    """Why verdicts need three seeds."""
    assert statistics.MIN_SEEDS == 3
    assert false_positives(Design(2, 25, 0.4, 0.2), 300)[0] > 8.0


def test_power_comes_true(fewer_draws):
    """The share of simulations that find a true gain is what the test says of itself beforehand."""
    found, promised = found_and_promised(Design(3, 25, 0.1, 0.3), 0.35, 400)
    assert 30 < found < 95
    assert found == pytest.approx(promised, abs=7)


def test_runs_that_never_differ_are_believed_less_among_others_that_do():
    d = np.tile(np.random.default_rng(1).normal(2, 3, 25), (3, 1))
    alone, among = paired_test(d, 0.0, ("x",)), paired_test(d, 0.0, ("x",), typical=25.0)
    assert run_variance(d) == pytest.approx(0) and among.error > alone.error
    assert among.p_above > alone.p_above and among.difference == alone.difference


def test_power_and_what_can_be_found_fit_together():
    rng = np.random.default_rng(2)
    test = paired_test(simulate(rng, 3, 25, 0.1, 0.3), 0.0, ("x",))
    assert test.power(test.detectable(0.8)) == pytest.approx(0.8, abs=0.001)
    assert test.power(test.detectable(0.8), 0.05 / 30) < 0.8
    assert test.power(0.0) == pytest.approx(0.05, abs=0.03)


def test_a_bound_moves_the_test_and_the_sides_swap():
    rng = np.random.default_rng(2)
    d = simulate(rng, 3, 25, 0.1, 0.3, gain=0.5)
    test, moved, mirrored = (paired_test(x, b, ("x",)) for x, b in ((d, 0.0), (d, d.mean() + 20), (-d, 0.0)))
    assert test.p_above < 0.05 < test.p_below and moved.p_below < 0.05 < moved.p_above
    assert mirrored.difference == -test.difference and mirrored.p_below < 0.05
    assert test.interval[0] < test.difference < test.interval[1]
    assert test.effect == pytest.approx(d.mean() / d.mean(axis=0).std(ddof=1))


def test_more_rounds_are_of_the_same_test_and_small_p_values_alone_take_them(monkeypatch):
    """Against many tests with draws of their own: their mean is the p-value that draws without end would give."""
    d = simulate(np.random.default_rng(2), 3, 25, 0.1, 0.3, gain=0.4)
    alone = [paired_test(d, 0.0, ("x", i)) for i in range(60)]
    one, more = paired_test(d, 0.0, ("x", 0)), paired_test(d, 0.0, ("x", 0), rounds=40)
    exact = np.mean([t.p_above for t in alone])
    assert 0.002 < exact < 0.02
    assert more.p_above == pytest.approx(exact, rel=0.2) and more.p_above != one.p_above
    assert (more.difference, more.interval, more.error) == (one.difference, one.interval, one.error)
    assert more.power(5.0) == one.power(5.0)
    near = d - d.mean()
    assert paired_test(near, 0.0, ("y",), rounds=40) == paired_test(near, 0.0, ("y",))
    monkeypatch.setattr(statistics, "TEST_DRAWS", 99)
    far = paired_test(d + 100, 0.0, ("z",), rounds=3)
    assert far.p_above == pytest.approx(1 / (3 * 99 + 1))


def test_equal_records_give_equal_numbers_and_no_difference_none():
    rng = np.random.default_rng(2)
    d = simulate(rng, 3, 25, 0.1, 0.3)
    assert paired_test(d, 0.0, ("k", 1)) == paired_test(d, 0.0, ("k", 1))
    same = paired_test(np.zeros((3, 25)), 0.0, ("k",))
    assert same.p_above == same.p_below == 1.0 and same.error == 0
    sure = paired_test(np.full((3, 25), 2.0), 0.0, ("k",))
    assert (sure.p_above, sure.p_below) == (0.0, 1.0)


def test_welchs_interval_is_scipys():
    rng = np.random.default_rng(5)
    one, two = rng.normal(60, 2, 10).tolist(), rng.normal(63, 5, 3).tolist()
    low, high = stats.ttest_ind(one, two, equal_var=False).confidence_interval()
    assert welch_interval(one, two) == pytest.approx((low, high))
    assert welch_interval([1.0, 1.0], [4.0, 4.0]) == (-3.0, -3.0)
    assert welch_interval([1.0], [4.0, 5.0]) is None
