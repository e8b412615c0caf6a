"""Uncertainty over seeds and over people: intervals, the paired test behind claims, Holm's correction, power.

Axes: n seeds (R in shapes), S test subjects, V views. Random draws are keyed, so that equal records give equal numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from harness.counters import numpy_rng
from harness.types import Outcome

Floats = npt.NDArray[np.float64]
DRAWS = 2000
"""Bootstrap draws of an interval over people."""
TEST_DRAWS = 4999
"""Bootstrap draws of a test, a round."""
ROUNDS = 40
"""Rounds at most where a p-value is corrected for many others: at 5 % over 61 claims what counts is one draw in 2,400
on either side, of which so many rounds have 82, that is a p-value to a ninth of itself."""
ENOUGH = 400
"""Draws beyond what was seen after which no further round is needed: they give a p-value to a twentieth of itself."""
_TINY = 1e-150
ALPHA = 0.05
"""How often a verdict may be wrong."""
MIN_SEEDS = 3
"""With two seeds the test finds differences that are not there far too often where runs differ much (see its tests)."""


def seed_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean over seeds (Student's t); None with fewer than two."""
    if len(values) < 2:
        return None
    array = np.asarray(values, dtype=np.float64)
    half = float(stdtrit(array.size - 1, 0.975) * array.std(ddof=1) / np.sqrt(array.size))
    return float(array.mean()) - half, float(array.mean()) + half


def welch_interval(one: Sequence[float], two: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the difference of the means of two sets of runs, in their unit (Welch's t).

    None where either has one run only.
    """
    if min(len(one), len(two)) < 2:
        return None
    if len(set(one)) == len(set(two)) == 1:  # nothing to estimate a spread from
        return one[0] - two[0], one[0] - two[0]
    from scipy.stats import ttest_ind  # a second to load, for few pages

    low, high = ttest_ind(one, two, equal_var=False).confidence_interval()
    return float(low), float(high)


def contributions(outcome: Outcome, views: Sequence[int] | None = None) -> Floats:
    """What each subject adds to rank-1, f64[S] per cent: their mean is the mean over views of hits / trials.

    views: only these probe views; None takes all. Raises ``ValueError`` when none of them was scored.
    """
    chosen = np.array([views is None or v in views for v in outcome.views]) & (outcome.trials.sum(axis=1) > 0)
    if not chosen.any():
        raise ValueError("no such view was scored")
    hits, trials = outcome.hits[chosen].astype(np.float64), outcome.trials[chosen].astype(np.float64)
    total = trials.sum(axis=1, keepdims=True)
    rate = hits.sum(axis=1, keepdims=True) / total
    # The ratio's first-order share of each subject: exact in the mean, and right for subjects with unequal trials.
    shares = rate + hits.shape[1] * (hits - rate * trials) / total
    return 100 * shares.mean(axis=0)


def people_interval(outcomes: Sequence[Outcome], views: Sequence[int] | None = None) -> tuple[float, float] | None:
    """95 % percentile interval of the mean over runs, by bootstrap over test subjects; the gallery stays as it is.

    None when nothing was scored, there are fewer than two subjects or the runs were scored on different ones.
    """
    if not outcomes or len(outcomes[0].subjects) < 2 or len({o.subjects for o in outcomes}) > 1:
        return None
    try:
        person = np.mean([contributions(o, views) for o in outcomes], axis=0)
    except ValueError:
        return None
    picks = numpy_rng("people", person.size).integers(person.size, size=(DRAWS, person.size))
    low, high = np.quantile(person[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True)
class PairedTest:
    """A difference in points, its standard error over seeds and people, and one-sided p-values against ``bound``.

    p_above: of "not above the bound"; p_below: of "not below it". effect: the difference in standard deviations
    between people (Cohen's d of paired differences). interval: 95 %.
    """

    difference: float
    bound: float
    error: float
    effect: float
    interval: tuple[float, float]
    p_above: float
    p_below: float
    seeds: int
    people: int
    null: Floats = field(repr=False, compare=False)
    """How many standard errors the bootstrap's draws are off where nothing is true, f64[B]."""
    means: Floats = field(repr=False, compare=False)
    """Differences around zero of draws whose runs differ exactly as much as these did, f64[B]."""
    errors: Floats = field(repr=False, compare=False)
    """Their standard errors f64[B]."""

    def power(self, size: float, alpha: float = ALPHA) -> float:
        """The chance to find a true difference that is ``size`` points off the bound, two-sided at ``alpha``.

        Draws with the spread that was seen, moved by ``size``, are put to the test themselves.
        """
        if self.error == 0:
            return 1.0 if size else 0.0
        needed = np.quantile(self.null, 1 - alpha)
        return float((np.abs(self.means + abs(size)) / self.errors > needed).mean())

    def detectable(self, power: float = 0.8, alpha: float = ALPHA) -> float:
        """The least distance from the bound, in points, that is found with the chance ``power`` at ``alpha``."""
        if self.error == 0:
            return 0.0
        needed = np.quantile(self.null, 1 - alpha)
        # A draw is found once the size reaches needed * its error - its mean; a gain found the wrong way round is rare.
        return float(np.quantile(needed * self.errors - self.means, power))


def run_variance(differences: Floats) -> float:
    """How much the runs' means of paired differences f64[n,S] vary, in points squared."""
    return float(differences.mean(axis=1).var(ddof=1))


def run_error(differences: Floats) -> float:
    """Standard error of the mean of paired differences f64[n,S] from the luck of runs alone, in points."""
    return float(np.sqrt(run_variance(differences) / len(differences)))


def paired_test(
    differences: Floats, bound: float, key: tuple[int | str, ...], typical: float | None = None, rounds: int = 1
) -> PairedTest:
    """Tests the mean of paired differences f64[n,S] (seeds x subjects) against ``bound``; n and S at least 2.

    A studentised bootstrap with both as random: subjects are resampled, and as a handful of seeds cannot be, each draw
    takes n fresh seed effects from a normal whose width is drawn too, given the observed ones (scaled inverse
    chi-square), because n runs hardly tell how much runs differ. The standard error is that of a two-way
    layout without replication, (MS_seed + MS_subject - MS_rest) / (n S), never less than that of the rest alone.

    typical: the mean :func:`run_variance` of comparable tests. It counts as one more degree of freedom, so that three
    runs which agree by luck do not make a difference certain; among many claims some three always do.

    rounds: of :data:`TEST_DRAWS` draws at most, for p-values alone; they end when :data:`ENOUGH` draws lie beyond what
    was seen (Besag and Clifford, 1991), so that only small p-values take many.
    """
    n, s = differences.shape
    by_seed = differences.mean(axis=1)
    within = differences - by_seed[:, None]
    layout = _Layout(within, 0.0 if typical is None else 1.0, typical or 0.0)
    mean, error = (float(x[0]) for x in layout.means_and_errors(np.ones((1, s)), by_seed[None]))
    spread = float(differences.mean(axis=0).std(ddof=1))
    effect = mean / spread if spread else 0.0
    if error == 0:
        above, below, none = float(mean <= bound), float(mean >= bound), np.zeros(0)
        return PairedTest(mean, bound, 0.0, effect, (mean, mean), above, below, n, s, none, none, none)
    rng = numpy_rng("paired-test", *key)
    times, fresh, widths = layout.draw(rng, by_seed)
    means, errors = layout.means_and_errors(times, fresh)
    studentised = layout.studentised(times, fresh * widths)
    at = (mean - bound) / error
    above, below, draws = (studentised >= at).sum(), (studentised <= at).sum(), TEST_DRAWS
    while min(above, below) < ENOUGH and draws < rounds * TEST_DRAWS:
        times, fresh, widths = layout.draw(rng, by_seed)
        more = layout.studentised(times, fresh * widths)
        above, below, draws = above + (more >= at).sum(), below + (more <= at).sum(), draws + TEST_DRAWS
    critical = float(np.quantile(np.abs(studentised), 0.95))
    return PairedTest(
        difference=mean,
        bound=bound,
        error=error,
        effect=effect,
        interval=(mean - critical * error, mean + critical * error),
        p_above=float((above + 1) / (draws + 1)),
        p_below=float((below + 1) / (draws + 1)),
        seeds=n,
        people=s,
        null=np.abs(studentised),
        means=means,
        errors=np.maximum(errors, _TINY),
    )


@dataclass(frozen=True)
class _Layout:
    """Runs x people as a two-way layout with both random.

    within f64[n,S]: differences less their run's mean. typical: a variance of runs' means from elsewhere, which counts
    as ``weight`` degrees of freedom.
    """

    within: Floats
    weight: float
    typical: float

    def between(self, rows: Floats) -> Floats:
        """Variance f64[B,1] of runs' means f64[B,n]."""
        freedom = rows.shape[-1] - 1
        own = rows.var(axis=-1, ddof=1, keepdims=True)
        return (freedom * own + self.weight * self.typical) / (freedom + self.weight)

    def draw(self, rng: np.random.Generator, by_seed: Floats) -> tuple[Floats, Floats, Floats]:
        """:data:`TEST_DRAWS` times: how often each person is taken f64[B,S], an effect of each run f64[B,n], and how
        much wider than those seen the effects may be f64[B,1]."""
        n, s = self.within.shape
        picks = rng.integers(s, size=(TEST_DRAWS, s)) + s * np.arange(TEST_DRAWS)[:, None]
        times = np.bincount(picks.ravel(), minlength=TEST_DRAWS * s).reshape(TEST_DRAWS, s).astype(np.float64)
        freedom, seen = n - 1 + self.weight, np.sqrt(self.between(by_seed[None]))
        fresh = seen * rng.standard_normal((TEST_DRAWS, n))
        return times, fresh, np.sqrt(freedom / rng.chisquare(freedom, (TEST_DRAWS, 1)))

    def studentised(self, times: Floats, shift: Floats) -> Floats:
        """How many standard errors each draw is off, f64[B]; as :meth:`means_and_errors`."""
        means, errors = self.means_and_errors(times, shift)
        return means / np.maximum(errors, _TINY)

    def means_and_errors(self, times: Floats, shift: Floats) -> tuple[Floats, Floats]:
        """Mean f64[B] and its standard error f64[B] with person j taken times[b,j] times (f64[B,S], S in all) and
        shift[b,i] (f64[B,n]) added to run i: sums of squares from the people's own, so that no draw is laid out."""
        n, s = self.within.shape
        inside = times @ self.within.T / s
        column, centre, rows = self.within.mean(axis=0), inside.mean(axis=1), inside + shift
        ss_columns = np.maximum(n * (times @ column**2 - s * centre**2), 0)
        ss_inside = times @ (self.within**2).sum(axis=0) - s * (inside**2).sum(axis=1)
        ms_rows, ms_columns = s * self.between(rows)[:, 0], ss_columns / (s - 1)
        ms_rest = np.maximum(ss_inside - ss_columns, 0) / ((n - 1) * (s - 1))
        floor = np.maximum(np.minimum(ms_rows, ms_columns), ms_rest)
        variance = np.maximum(ms_rows + ms_columns - ms_rest, floor) / (n * s)
        return rows.mean(axis=1), np.sqrt(variance)


def holm(values: Sequence[float]) -> list[float]:
    """P-values adjusted for their family (Holm, 1979), in the given order."""
    adjusted = [0.0] * len(values)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        least = max(least, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = least
    return adjusted
