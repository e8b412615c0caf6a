"""Intervals that cover, a test whose false positives are as many as it says, power that comes true."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness import statistics
from harness.statistics import contributions, holm, paired_test, people_interval, seed_interval
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


def simulate(rng, seeds, people, run_spread, person_spread, gain=0.0, trials=22):
    """Differences f64[n,S] in points of two methods' binomial records: people differ in how easy they are and in how
    much a method suits them, runs in how well they went. ``gain``: the true difference, in logits."""
    easy = rng.normal(0, 1, people)
    rates = []
    for shift in (0.0, gain):
        suits = rng.normal(0, person_spread, people)
        luck = rng.normal(0, run_spread, (seeds, 1))
        logits = easy + suits + luck + rng.normal(0, 0.2, (seeds, people)) + shift
        rates.append(100 * rng.binomial(trials, 1 / (1 + np.exp(-logits))) / trials)
    return rates[1] - rates[0]


@pytest.fixture
def fewer_draws(monkeypatch):
    monkeypatch.setattr(statistics, "TEST_DRAWS", 999)


def rejections(design, count=1000, **options) -> float:
    rng = np.random.default_rng(11)
    found = 0
    for i in range(count):
        test = paired_test(simulate(rng, *design, **options), 0.0, ("null", i))
        found += 2 * min(test.p_above, test.p_below) < 0.05
    return 100 * found / count


# Three seeds and 25 people are the walkers suite's; spreads of runs and of people in logits.
@pytest.mark.parametrize("design", [(3, 25, 0.1, 0.3), (3, 25, 0.2, 0.3), (5, 25, 0.2, 0.3)])
def test_false_positives_are_five_per_cent(fewer_draws, design):
    """1,000 simulations without any true difference: 5 % +- 1 of them may say that there is one."""
    assert 4.0 <= rejections(design) <= 6.0


def test_two_seeds_that_differ_much_would_deceive(fewer_draws):
    """Why verdicts need three seeds."""
    assert statistics.MIN_SEEDS == 3
    assert rejections((2, 25, 0.4, 0.2), 300) > 8.0


def test_power_comes_true(fewer_draws):
    """The share of simulations that find a true gain is what the test says of itself beforehand."""
    rng = np.random.default_rng(5)
    design, gain = (3, 25, 0.1, 0.3), 0.35
    size = float(np.mean([simulate(rng, 3, 400, 0.1, 0.3, gain=gain).mean() for _ in range(300)]))
    found, promised = 0, []
    for i in range(400):
        test = paired_test(simulate(rng, *design, gain=gain), 0.0, ("power", i))
        found += 2 * min(test.p_above, test.p_below) < 0.05
        promised.append(test.power(size))
    assert 0.3 < found / 400 < 0.95
    assert found / 400 == pytest.approx(np.mean(promised), abs=0.07)


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


def test_equal_records_give_equal_numbers_and_no_difference_none():
    rng = np.random.default_rng(2)
    d = simulate(rng, 3, 25, 0.1, 0.3)
    assert paired_test(d, 0.0, ("k", 1)) == paired_test(d, 0.0, ("k", 1))
    same = paired_test(np.zeros((3, 25)), 0.0, ("k",))
    assert same.p_above == same.p_below == 1.0 and same.error == 0
    sure = paired_test(np.full((3, 25), 2.0), 0.0, ("k",))
    assert (sure.p_above, sure.p_below) == (0.0, 1.0)
