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
MIN_SEEDS = 3
"""With two seeds the test finds differences that are not there far too often where runs differ much (see its tests)."""


def seed_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean over seeds (Student's t); None with fewer than two."""
    if len(values) < 2:
        return None
    array = np.asarray(values, dtype=np.float64)
    half = float(stdtrit(array.size - 1, 0.975) * array.std(ddof=1) / np.sqrt(array.size))
    return float(array.mean()) - half, float(array.mean()) + half


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
    """A difference in points, its standard error over seeds and people, and one-sided p-values against a bound.

    p_above: of "not above the bound"; p_below: of "not below it". effect: the difference in standard deviations
    between people (Cohen's d of paired differences). interval: 95 %.
    """

    difference: float
    error: float
    effect: float
    interval: tuple[float, float]
    p_above: float
    p_below: float
    seeds: int
    people: int
    means: Floats = field(repr=False, compare=False)
    """Differences of the bootstrap's draws f64[B], around zero."""
    errors: Floats = field(repr=False, compare=False)
    """Their standard errors f64[B]."""

    def power(self, size: float, alpha: float = 0.05) -> float:
        """The chance to find a true difference of ``size`` points with a two-sided test at ``alpha``.

        The bootstrap's draws, moved by ``size``, are put to the test themselves.
        """
        if self.error == 0:
            return 1.0 if size else 0.0
        needed = np.quantile(np.abs(self.means) / self.errors, 1 - alpha)
        return float((np.abs(self.means + abs(size)) / self.errors > needed).mean())

    def detectable(self, power: float = 0.8) -> float:
        """The least true difference, in points, that a two-sided test at 5 % finds with this chance."""
        if self.error == 0:
            return 0.0
        needed = np.quantile(np.abs(self.means) / self.errors, 0.95)
        # A draw is found once the size reaches needed * its error - its mean; a gain found the wrong way round is rare.
        return float(np.quantile(needed * self.errors - self.means, power))


def paired_test(differences: Floats, bound: float, key: tuple[int | str, ...]) -> PairedTest:
    """Tests the mean of paired differences f64[n,S] (seeds x subjects) against ``bound``; n and S at least 2.

    A studentised bootstrap with both as random: subjects are resampled, and as a handful of seeds cannot be, each draw
    takes n fresh seed effects from a normal whose width is drawn too, given the observed ones (scaled inverse
    chi-square), because n runs hardly tell how much runs differ. The standard error is that of a two-way
    layout without replication, (MS_seed + MS_subject - MS_rest) / (n S), never less than either alone.
    """
    seeds, people = differences.shape
    mean, variance = (float(x) for x in _mean_and_variance(differences))
    error = variance**0.5
    per_person = differences.mean(axis=0)
    spread = float(per_person.std(ddof=1))
    effect = mean / spread if spread else 0.0
    if error == 0:
        sure = {"p_above": float(mean <= bound), "p_below": float(mean >= bound)}
        none = np.zeros(0)
        return PairedTest(mean, 0.0, effect, (mean, mean), **sure, seeds=seeds, people=people, means=none, errors=none)
    by_seed = differences.mean(axis=1, keepdims=True)
    rng = numpy_rng("paired-test", *key)
    picks = rng.integers(people, size=(TEST_DRAWS, people))
    width = by_seed.std(ddof=1) * np.sqrt((seeds - 1) / rng.chisquare(seeds - 1, (TEST_DRAWS, 1, 1)))
    fresh = rng.standard_normal((TEST_DRAWS, seeds, 1)) * width
    draws = (differences - by_seed)[:, picks].transpose(1, 0, 2) + fresh
    means, variances = _mean_and_variance(draws)
    errors = np.sqrt(np.maximum(variances, np.finfo(np.float64).tiny))
    studentised = means / errors
    at = (mean - bound) / error
    critical = float(np.quantile(np.abs(studentised), 0.95))
    return PairedTest(
        difference=mean,
        error=error,
        effect=effect,
        interval=(mean - critical * error, mean + critical * error),
        p_above=float(((studentised >= at).sum() + 1) / (TEST_DRAWS + 1)),
        p_below=float(((studentised <= at).sum() + 1) / (TEST_DRAWS + 1)),
        seeds=seeds,
        people=people,
        means=means,
        errors=errors,
    )


def _mean_and_variance(x: Floats) -> tuple[Floats, Floats]:
    """Mean of [...,n,S] and its variance in a two-way layout with random rows and columns."""
    n, s = x.shape[-2:]
    mean = x.mean(axis=(-2, -1))
    rows, columns = x.mean(axis=-1), x.mean(axis=-2)
    ms_rows = s * ((rows - mean[..., None]) ** 2).sum(axis=-1) / (n - 1)
    ms_columns = n * ((columns - mean[..., None]) ** 2).sum(axis=-1) / (s - 1)
    rest = x - rows[..., None] - columns[..., None, :] + mean[..., None, None]
    ms_rest = (rest**2).sum(axis=(-2, -1)) / ((n - 1) * (s - 1))
    floor = np.maximum(np.minimum(ms_rows, ms_columns), ms_rest)
    return mean, np.maximum(ms_rows + ms_columns - ms_rest, floor) / (n * s)


def holm(values: Sequence[float]) -> list[float]:
    """P-values adjusted for their family (Holm, 1979), in the given order."""
    adjusted = [0.0] * len(values)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        least = max(least, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = least
    return adjusted
