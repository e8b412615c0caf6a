"""The sentences that say what was found follow from the verdicts, whatever those are."""

from __future__ import annotations

from typing import Any

import pytest

from harness.report.finding import EQUAL, MAIN, OTHER, findings
from harness.report.order import Column


def finding(*args, **options) -> str:
    return " ".join(findings(*args, **options))


def claim(
    key=MAIN, verdict="supported", table: Any = 3, difference: float | None = 4.25, reason="", p: float | None = 0.2
) -> dict[str, Any]:
    interval = None if difference is None else [difference - 1, difference + 1]
    return {
        "claim": key, "family": "", "verdict": verdict, "table": table, "reason": reason, "difference": difference,
        "interval": interval, "paper": 9.7, "paper_outside": None, "power": None,
        "seeds": 3,
        "p": p, "p_holm": None if p is None else min(1.0, 4 * p),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "begins"),
    [("supported", "Yes, by the paper's main"), ("refuted", "No: "), ("undecided", "Undecided: ")],
)
def test_the_main_claim_comes_first_with_its_numbers(verdict, begins):
    text = finding([claim("other", "refuted"), claim(verdict=verdict)])
    assert text.startswith(begins)
    assert "(+4.2 points, 95 % +3.2 to +5.2, p = 0.200, after Holm 0.800; the paper: +9.7)" in text


def test_a_main_claim_without_a_verdict_says_why():
    assert finding([claim(verdict="not run", difference=None, reason="no run of sf")]).startswith(
        "Not known yet: no run of sf."
    )
    text = finding([claim(verdict="undecided", reason="2 seeds; a verdict needs 3")])
    assert "2 seeds; a verdict needs 3)" in text
    assert "(no test; the paper" in finding([claim(verdict="undecided", difference=None)])


@pytest.mark.parametrize(("difference", "side"), [(4.0, "above"), (-4.0, "below")])
def test_what_only_the_number_of_claims_leaves_open_is_not_called_the_same(difference, side):
    """p is below 5 % before Holm's correction: "cannot tell" would say too little, "yes" too much."""
    text = finding([claim(verdict="undecided", difference=difference, p=0.009, reason="not enough")])
    assert text.startswith(
        f"Undecided: on changed clothes Selective Fusion is {side} its baseline CC, but not beyond chance once all"
    )
    assert "cannot tell" not in text and ", p = 0.009, after Holm 0.036; the paper: +9.7; not enough)" in text
    equal = claim(EQUAL, "undecided", "controls", difference, p=0.009)
    assert f"SF is {side} CC trained for as many steps" in finding([claim(), equal])


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("supported", "also gains on CC trained"), ("refuted", "does better"), ("undecided", "cannot tell SF from CC")],
)
def test_equal_compute_is_said_and_that_it_was_not_run(verdict, said):
    assert said in finding([claim(), claim(EQUAL, verdict, "controls")])
    missing = claim(EQUAL, "not run", "controls", None)
    assert "CC trained for as many steps has not run." in finding([claim(), missing])
    assert "as many steps" not in finding([claim(verdict="not run", difference=None, reason="none"), missing])


def test_verdicts_are_counted_for_the_paper_and_for_our_questions_apart():
    text = finding([claim(), claim("b", "undecided"), claim("c", "not run"), claim("d", "refuted", "controls")])
    assert "Of 3 claims of the paper 1 is supported, 0 are refuted, 1 is undecided, 1 is not run." in text
    assert "Of 1 questions that the paper leaves open 0 are supported, 1 is refuted" in text


def test_how_often_the_papers_size_is_outside_is_said_of_its_own_claims():
    sized = [
        claim("a") | {"paper_outside": out, "power": power} for out, power in ((True, 0.9), (True, 0.1), (False, 0.8))
    ]
    mine = claim("b", table="controls") | {"paper_outside": True, "power": 1.0}
    text = finding([*sized, claim("c"), mine])
    few = claim("two seeds") | {"paper_outside": True, "power": None}  # a test without power
    assert "Of 4 with a size in the paper these runs would find that size four times in five in 2" in finding(
        [*sized, few]
    )
    assert "outside our 95 % interval, which is before correction, in 2 of 3." in text
    fair = "in five in 2 (a, a); of these it lies outside our 95 % interval in 1."
    assert fair in text and fair in finding(sized, brief=True)
    many = finding([claim(f"c{i}") | {"paper_outside": True, "power": 0.9} for i in range(9)])
    assert "in five in 9; of these it lies outside our 95 % interval in 9." in many
    assert "outside" not in finding([claim("a"), mine])


@pytest.mark.parametrize(
    ("verdict", "p", "said"),
    [
        ("supported", 0.001, "With GaitGL SF gains on CC (+4.2 points, 95 % +3.2 to +5.2, p = 0.001, after Holm"),
        ("refuted", 0.001, "With GaitGL SF loses to CC"),
        (
            "undecided",
            0.3,
            "With GaitGL these runs cannot tell SF from CC (+4.2 points, 95 % +3.2 to +5.2; the paper",
        ),
        ("undecided", 0.03, "With GaitGL SF is above CC, not beyond chance once"),
    ],
)
def test_the_other_backbone_is_said_in_brief_too(verdict, p, said):
    assert said in finding([claim(), claim(OTHER, verdict, p=p)], brief=True)
    for verdict in ("not run", "undecided"):
        assert "GaitGL" not in finding([claim(), claim(OTHER, verdict, difference=None)])


def test_how_far_longer_training_comes_is_said_as_untested():
    text = finding([claim(difference=6.0), claim(EQUAL, "undecided", "controls", 1.5)])
    assert (
        "(+1.5 points, 95 % +0.5 to +2.5); trained so long CC itself is 4.5 points higher, which was not tested."
        in text
    )
    fewer = claim(EQUAL, "undecided", "controls", 1.5) | {"seeds": 2}
    assert "itself is" not in finding([claim(difference=6.0), fewer])
    assert (
        "(+0.4 points, 95 % \u22120.6 to +1.4); trained so long CC itself is 2.7 points higher, which was not tested."
        in finding([claim(difference=3.115), claim(EQUAL, "undecided", "controls", 0.352)])
    )
    for main, equal in ((6.0, 7.0), (-1.0, -3.0), (3.0, -2.0)):
        assert "itself is" not in finding([claim(difference=main), claim(EQUAL, "undecided", "controls", equal)])


def test_claims_of_ones_own_are_counted_without_a_main_one():
    assert finding([claim("mine")]) == (
        "Of 1 claims of the paper 1 is supported, 0 are refuted, 0 are undecided, 0 are not run."
    )
    assert finding([]) == finding([], brief=True) == "There are no claims to judge."


def test_the_order_of_the_methods_comes_last():
    found = [Column("casia-bn", "GaitSet", "NM", (("CC", 1.0, 1.0), ("SF", 2.0, 2.0), ("Upper", 3.0, 3.0)))]
    for brief in (False, True):
        assert finding([claim("mine")], found, brief=brief).endswith("paper's order: 3 of 3 for CASIA-BN with GaitSet.")


def test_a_small_chance_is_not_called_none():
    assert ", p < 0.001, after Holm < 0.001" in finding([claim(p=0.0001)])


def test_an_unfinished_suite_says_so_first():
    unfinished = "No answer yet, as the suite is unfinished, with fewer seeds of some methods (SF 3)"
    for gain, side in ((5.0, "above"), (0.0, "not above"), (-5.0, "not above")):
        text = finding([claim(verdict="supported", difference=gain)], fewer="SF 3")
        assert text.startswith(f"{unfinished}; in what has run Selective Fusion is {side} its baseline CC on changed")
        assert "Yes" not in text
    assert finding([claim(difference=None)], fewer="SF 3").startswith(f"{unfinished} (no test")


def test_in_brief_only_the_main_claims_and_the_verdicts():
    claims = [
        claim(verdict="undecided", reason="so it is"),
        claim("b"),
        claim("c", table="controls"),
    ]
    text = finding(claims, brief=True)
    assert text.endswith("Of 2 claims of the paper 1 is supported, 0 are refuted, 1 is undecided, 0 are not run.")
    assert "so it is" not in text and "so it is" in finding(claims)


def test_claims_of_several_families_say_so_and_which_of_them_counts():
    first, other = {**claim(verdict="undecided", p=0.03), "family": "registered"}, {**claim("x"), "family": "beside"}
    text = finding([first, other])
    assert "not beyond chance once the registered claims are counted" in text
    assert f"by itself, run or not (registered: {MAIN}; beside: x)" in text
    assert "all claims" not in text and "could be tested here" not in text
    assert "of no name, those run: x" in finding([first, claim("x")])
    assert f"by itself, run or not (registered: {MAIN})" in finding([first])
    assert "by itself" not in finding([claim(), claim("x")])
