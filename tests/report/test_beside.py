"""Two suites side by side: the differences are those of their runs, and equal runs differ by nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.cli.beside import pairing
from harness.report.beside import ABOUT, ABOUT_OTHER_SEEDS, ABOUT_SOME, CLAIMS, MEANS, Beside, Side, beside
from harness.tables.grid import Cell, Grid, Place, Row
from harness.tables.render import signed
from harness.types import Outcome

METHODS = {"pretrain": "Pretrain", "cc": "Base (CC)", "sf": "Ours (SF)"}
PEOPLE, SEEDS = 9, 3
Made = tuple[Side, list[Outcome]]


def side(rates: dict[str, float], seeds: int = SEEDS, claims: list[dict[str, object]] | None = None) -> Made:
    """Outcomes drawn alike for equal rates, and the table made from them."""
    outcomes, rows = [], []
    for name, rate in rates.items():
        cells = []
        for condition in ("NM", "BG", "CL"):
            values = []
            for seed in range(seeds):
                rng = np.random.default_rng([seed, len(name), len(condition)])
                hits = rng.binomial(40, rate, (2, PEOPLE))
                people = tuple(f"{i:03d}" for i in range(PEOPLE))
                trials = np.full((2, PEOPLE), 40)
                outcomes.append(
                    Outcome("target", "gaitset", name, seed, condition, f"{name}{seed}", (0, 90), people, hits, trials)
                )
                values.append(float(100 * hits.mean() / 40))
            cells.append(Cell(tuple(values), "50", place=Place("casia-bn", "gaitset", name, condition)))
        rows.append(Row(("GaitSet", METHODS[name]), tuple(cells)))
    grid = Grid("summary", "", ("Backbone", "Method"), ("NM", "BG", "CL"), tuple(rows))
    return Side(grid, claims or []), outcomes


def laid(here: Made, there: Made) -> Beside:
    return beside("twin", "", [], here[0], there[0], pairing(here[1], there[1], "target"))


RATES = {"pretrain": 0.3, "cc": 0.5, "sf": 0.7}


def test_a_suite_beside_itself_differs_by_nothing():
    made = laid(side(RATES), side(RATES))
    assert len(made.means) == 9 and all(len(row) == len(MEANS) for row in made.means)
    assert {row[5:] for row in made.means} == {("0.0", "0.0 to 0.0", "0.0")}
    assert made.found == (
        "In 0 of 9 rows the interval of the difference leaves zero out. "
        "9 of 9 pairs of methods come in the same order in both."
    )


def test_differences_are_here_less_there_and_their_sizes_those_of_the_means():
    here, there = side({**RATES, "sf": 0.4}), side(RATES)
    made = laid(here, there)
    row = next(row for row in made.means if row[1:3] == ("Ours (SF)", "CL"))
    means = [float(np.mean(s[0].summary.rows[2].cells[2].ours)) for s in (here, there)]
    assert row[3].startswith(f"{means[0]:.1f}") and row[4].startswith(f"{means[1]:.1f}")
    assert float(row[5].replace("\u2212", "-")) == pytest.approx(means[0] - means[1], abs=0.05)
    by_seed = np.subtract(here[0].summary.rows[2].cells[2].ours, there[0].summary.rows[2].cells[2].ours)
    assert float(row[7].replace("\u2212", "-")) == pytest.approx(by_seed[np.abs(by_seed).argmax()], abs=0.05)
    assert "In 3 of 9 rows" in made.found and "6 of 9 pairs" in made.found


def test_what_only_one_has_is_left_out_and_two_seeds_give_no_interval():
    made = laid(side(RATES, seeds=2), side({"cc": 0.5, "sf": 0.7}))
    assert [row[1] for row in made.means] == ["Base (CC)"] * 3 + ["Ours (SF)"] * 3
    assert all(row[6] == "\u2014" for row in made.means) and "pairs" not in made.found


def test_without_a_common_seed_or_method_there_is_no_difference():
    here, (table, outcomes) = side(RATES), side(RATES)
    elsewhere = [replace(o, seed=o.seed + 7) for o in outcomes]
    made = laid(here, (table, elsewhere))
    assert {row[5] for row in made.means} == {"0.0"} and {row[7] for row in made.means} == {"\u2014"}
    assert "In 0 of 9 rows" in made.found and made.about == ABOUT_OTHER_SEEDS
    one, two = (s[0].summary.rows[0].cells[1].ours for s in (here, side({**RATES, "pretrain": 0.5})))
    low, high = stats.ttest_ind(one, two, equal_var=False).confidence_interval()
    other, outcomes = side({**RATES, "pretrain": 0.5})
    made = laid(here, (other, [replace(o, seed=o.seed + 7) for o in outcomes]))
    row = next(row for row in made.means if row[1:3] == ("Pretrain", "BG"))
    assert row[6] == f"{signed(low)} to {signed(high)}" and "In 3 of 9 rows" in made.found
    assert laid(here, side(RATES)).about == ABOUT
    assert laid(side({"cc": 0.5}), side({"sf": 0.5})).found == "No method has run in both."


def claim(
    key: str,
    difference: float | None,
    part: str | None = None,
    says: str = "SF gains",
    asks: str = "sf against cc on CL",
) -> dict[str, object]:
    interval = None if difference is None else [difference - 1, difference + 1]
    asked = {"claim": key, "says": says, "metric": "rank1", "dataset": "d", "backbone": "b", "asks": [asks]}
    return asked | {"paper": 2.0, "difference": difference, "interval": interval, "p": 0.25, "part": part}


def test_claims_tested_in_both_are_compared_and_signs_only_of_the_same_part():
    here = [claim("a", 1.5), claim("b", -1.0), claim("c", None), claim("d", 1.0, "on NM"), claim("only", 1.0)]
    here += [claim("other words", 1.0), claim("other condition", 1.0)]
    there = [claim("a", 0.5), claim("b", 1.0), claim("c", 1.0), claim("d", 2.0, "on CL")]
    there += [claim("other words", 1.0, says="SCF gains"), claim("other condition", 1.0, asks="sf against cc on NM")]
    made = laid(side(RATES, claims=here), side(RATES, claims=there))
    assert [row[0] for row in made.claims] == ["a", "b", "d"] and all(len(row) == len(CLAIMS) for row in made.claims)
    assert made.claims[0] == ("a", "+2.0", "+1.5", "+0.5 to +2.5", "0.250", "+0.5", "\u22120.5 to +1.5", "0.250")
    assert made.found.endswith("1 of 2 claims with the same weakest part have differences of the same sign.")


def test_rows_without_a_common_seed_are_told_from_the_others():
    (table, outcomes) = side(RATES)
    partly = [replace(o, seed=o.seed + 7 * (o.method == "sf")) for o in outcomes]
    made = laid(side(RATES), (table, partly))
    assert made.about == ABOUT + ABOUT_SOME
    assert [row[7] == "\u2014" for row in made.means] == [row[1] == "Ours (SF)" for row in made.means]
