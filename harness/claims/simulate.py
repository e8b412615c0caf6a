"""Made-up records with known truth: how often does a verdict deceive, and how often does it find what is there?

People differ in how easy they are and in how well a method suits them, and runs in how well they went: normal draws in
logits, then binomial hits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.claims.claim import Claim
from harness.claims.judge import Judged, judge
from harness.counters import numpy_rng
from harness.statistics import ALPHA, PairedTest, paired_test, run_error, run_variance
from harness.types import Outcome

VIEWS = tuple(range(0, 181, 18))
HARD = {"NM": 1.0, "BG": 0.5, "CL": -0.5, "all": 0.0}
"""A condition's mean rank-1, in logits."""


@dataclass(frozen=True)
class Design:
    """How much there is to see: runs and suits are standard deviations in logits, between a method's runs and between
    people; trials: comparisons of a person in one condition."""

    seeds: int
    people: int
    runs: float
    suits: float
    trials: int = 22


DESIGNS = (
    Design(3, 25, 0.0, 0.3), Design(3, 25, 0.1, 0.3), Design(3, 25, 0.2, 0.3), Design(3, 25, 0.4, 0.2),
    Design(5, 25, 0.2, 0.3), Design(5, 50, 0.1, 0.3),
)  # fmt: skip
"""The suite walkers (3 seeds, 25 people) with runs that differ not at all to more than people do, and larger suites."""
NOISE = ((0.0, 0.3), (0.1, 0.3), (0.2, 0.3), (0.4, 0.2))
"""(runs, suits) of a planned suite, standard deviations in logits as in :class:`Design`: nobody knows them before."""
FAMILY = 20
"""Comparisons that are judged together."""
GAIN = 0.35
"""A true gain in logits, about 7 points, for what the power comes to."""


def differences(rng: np.random.Generator, design: Design, gain: float = 0.0) -> npt.NDArray[np.float64]:
    """Paired differences f64[n,S] in points of two methods; ``gain``: the true one in logits."""
    easy = rng.normal(0, 1, design.people)
    one, other = (_rates(rng, design, easy, shift) for shift in (0.0, gain))
    return other - one


def _rates(rng: np.random.Generator, design: Design, easy: npt.NDArray, shift: float) -> npt.NDArray[np.float64]:
    logits = easy + _tastes(rng, design) + rng.normal(0, 0.2, (design.seeds, design.people)) + shift
    return 100 * rng.binomial(design.trials, 1 / (1 + np.exp(-logits))) / design.trials


def false_positives(design: Design, count: int) -> tuple[float, float, float]:
    """Per cent of ``count`` comparisons of equal methods in which p is below 5 %: each alone, and among others whose
    runs tell how much runs differ, as a claim is judged. Last: how many per cent of the squared errors are runs' luck.
    """
    alone = among = 0
    luck = errors = 0.0
    for start in range(0, count, FAMILY):
        family = [differences(numpy_rng("null", i), design) for i in range(start, min(start + FAMILY, count))]
        for i, own in enumerate(family):
            others = [run_variance(d) for j, d in enumerate(family) if j != i]
            alone += _below(paired_test(own, 0.0, ("null", start + i)))
            test = paired_test(own, 0.0, ("null", start + i), float(np.mean(others)) if others else None)
            among += _below(test)
            luck, errors = luck + run_error(own) ** 2, errors + test.error**2
    return 100 * alone / count, 100 * among / count, 100 * luck / errors


def _below(test: PairedTest, level: float = ALPHA) -> bool:
    return 2 * min(test.p_above, test.p_below) < level


def found_and_promised(design: Design, gain: float, count: int) -> tuple[float, float]:
    """Per cent of ``count`` comparisons that find a true gain at 5 %, and the mean power that the test says it has."""
    crowd = Design(design.seeds, 400, design.runs, design.suits, design.trials)
    size = float(np.mean([differences(numpy_rng("size", i), crowd, gain).mean() for i in range(count)]))
    found, promised = 0, 0.0
    for i in range(count):
        test = paired_test(differences(numpy_rng("gain", i), design, gain), 0.0, ("gain", i))
        found += _below(test)
        promised += test.power(size)
    return 100 * found / count, 100 * promised / count


def world(rng: np.random.Generator, design: Design, claims: Sequence[Claim]) -> list[Outcome]:
    """Outcomes of all methods that the claims name, none of which is truly better than another."""
    needed: dict[tuple[str, str], dict[str, set[str]]] = {}
    for claim in claims:
        methods = needed.setdefault((claim.dataset, claim.backbone), {})
        for part in claim.parts:
            for method in part.gain:
                methods.setdefault(method, set()).update(part.under, part.than_under)
    people = tuple(f"{i:03d}" for i in range(design.people))
    each = -(-design.trials // len(VIEWS))
    outcomes = []
    for (dataset, backbone), methods in needed.items():
        easy = rng.normal(0, 1, design.people)
        for method, conditions in methods.items():
            name, _, variant = method.partition(" ")
            shared = _tastes(rng, design)
            for condition in sorted(conditions):
                # Half of what suits people and half of a run's luck is the same in all conditions.
                own = np.sqrt(0.5) * (shared + _tastes(rng, design))
                for seed in range(design.seeds):
                    logits = HARD[condition] + easy + own[seed] + rng.normal(0, 0.2, design.people)
                    hits = rng.binomial(each, np.broadcast_to(1 / (1 + np.exp(-logits)), (len(VIEWS), design.people)))
                    key = (dataset, backbone, name, seed, condition, f"{method} {seed}")
                    outcomes.append(Outcome(*key, VIEWS, people, hits, np.full_like(hits, each), variant))
    return outcomes


def _tastes(rng: np.random.Generator, design: Design) -> npt.NDArray[np.float64]:
    """What a method adds to each run and person, f64[n,S] logits."""
    return rng.normal(0, design.suits, design.people) + rng.normal(0, design.runs, (design.seeds, 1))


def is_false(judged: Judged) -> bool:
    """Whether a verdict is wrong where no method is better than another."""
    above = [-p.bound if p.above is not None else p.bound for p in judged.claim.parts]
    right = {"supported": min(above) > 0, "refuted": min(above) < 0}
    return not right.get(judged.decision, True)


def deceived(design: Design, count: int, claims: Sequence[Claim]) -> list[float]:
    """Per cent of ``count`` worlds of equal methods in which any verdict is false, for each family of the claims."""
    same = {claim.dataset: claim.dataset for claim in claims}
    false = dict.fromkeys((claim.family for claim in claims), 0)
    for i in range(count):
        judged = judge(claims, world(numpy_rng("world", i), design, claims), dict(same), rounds=1)
        for family in {one.claim.family for one in judged if is_false(one)}:
            false[family] += 1
    return [100 * number / count for number in false.values()]


def table(count: int, claims: Sequence[Claim], designs: Sequence[Design] = DESIGNS) -> str:
    """What verdicts are worth, as a Markdown table: ``count`` comparisons and a quarter as many worlds a row."""
    families = Counter(claim.family for claim in claims)
    heads = (
        "seeds", "people", "runs differ (logits)", "people differ (logits)", "runs' luck in the error",
        "false, alone", "false, among 20",
        *(f"any false among {size}{f' {name}' * bool(name)} claims" for name, size in families.items()),
        "true gain found", "power promised",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + " ---: |" * len(heads)]
    for design in designs:
        found, promised = found_and_promised(design, GAIN, count)
        alone, among, luck = false_positives(design, count)
        rates = (alone, among, *deceived(design, count // 4, claims), found, promised)
        sizes = (design.seeds, design.people, design.runs, design.suits, f"{luck:.0f} %")
        cells = (*sizes, *(f"{rate:.1f} %" for rate in rates))
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"
