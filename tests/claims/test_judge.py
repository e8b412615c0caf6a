"""Verdicts on simulated records with known truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness import statistics
from harness.claims.claim import Claim, read_claims
from harness.claims.judge import judge
from harness.errors import UserError
from harness.statistics import holm
from harness.types import Outcome

VIEWS = tuple(range(0, 181, 18))
TARGET = {"casia-bn": "target"}


def claim(key="c", dataset="casia-bn", backbone="gaitset", metric="rank1", family="", **part) -> Claim:
    parts = [{"gain": ["sf", "cc"], "under": ["CL"], "above": 0, "paper": 5.0, **part}]
    about = {"key": key, "says": "", "where": "", "table": 3, "dataset": dataset, "backbone": backbone}
    return Claim.model_validate({**about, "family": family, "metric": metric, "parts": parts})


def test_a_variant_that_is_the_methods_own_runs_is_not_compared_with_them():
    found = world({("cc", "CL"): 0.5})
    same = [*found, *(replace(outcome, variant="n=15") for outcome in found)]
    (one,) = judge([claim(gain=["cc", "cc n=15"])], same, TARGET)
    assert one.decision == "not run" and one.reason == "cc and cc n=15 are the same runs"


def world(rates, seeds=3, people=25, rng=None, trials=40, noise=0.005):
    """Outcomes of methods with known rates: (method, condition) -> rate at every view, or at each.

    ``noise``: how much runs differ from each other.
    """
    rng = rng or np.random.default_rng(1)
    names = tuple(f"{i:03d}" for i in range(people))
    easy = rng.normal(0, 0.05, people)
    out = []
    for (method, condition), rate in rates.items():
        name, _, variant = method.partition(" ")
        by_view = np.broadcast_to(np.asarray(rate, dtype=float), (len(VIEWS),))
        suits = rng.normal(0, 0.03, people)  # how much the method suits each of them
        for seed in range(seeds):
            chance = by_view[:, None] + easy + rng.normal(0, noise) + suits
            hits = rng.binomial(trials, np.clip(chance, 0, 1))
            counts = np.full_like(hits, trials)
            key = ("target", "gaitset", name, seed, condition, f"{name}{seed}")
            out.append(Outcome(*key, VIEWS, names, hits, counts, variant))
    return out


def one(claims, outcomes, stands_for=TARGET):
    (found,) = judge([claims], outcomes, stands_for)
    return found


@pytest.fixture(autouse=True)
def _fewer_draws(monkeypatch):
    monkeypatch.setattr(statistics, "TEST_DRAWS", 999)


def test_a_large_gain_is_supported_and_its_opposite_refuted():
    outcomes = world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4})
    yes, no = one(claim(), outcomes), one(claim(above=None, below=0), outcomes)
    assert yes.decision == "supported" and no.decision == "refuted"
    assert yes.test is not None and yes.test.difference == pytest.approx(20, abs=3)
    assert yes.test.seeds == 3 and yes.test.people == 25 and yes.test.effect > 1
    assert yes.power is not None and yes.power > 0.5 and yes.detectable is not None and yes.detectable < 10


def test_no_gain_is_undecided():
    found = one(claim(), world({("sf", "CL"): 0.5, ("cc", "CL"): 0.5}, rng=np.random.default_rng(2)))
    assert found.decision == "undecided" and "chance" in found.reason


def test_a_bound_is_part_of_the_claim():
    outcomes = world({("sf", "CL"): 0.45, ("cc", "CL"): 0.4})
    assert one(claim(above=-10), outcomes).decision == "supported"
    assert one(claim(above=25), outcomes).decision == "refuted"


def test_one_seed_decides_nothing_and_two_do_not_either():
    rates = {("sf", "CL"): 0.9, ("cc", "CL"): 0.1}
    single, double = one(claim(), world(rates, seeds=1)), one(claim(), world(rates, seeds=2))
    assert single.decision == "undecided" and "one seed" in single.reason and single.test is None
    assert double.decision == "undecided" and "a verdict needs 3" in double.reason and double.p is None
    assert double.test is not None and double.power is None and double.detectable is None
    assert one(claim(), world(rates, people=1)).decision == "undecided"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (claim(dataset="outdoor-gait"), "no data set in outdoor-gait's structure"),
        (claim(backbone="gaitgl"), "no run of sf with gaitgl on target"),
        (claim(gain=["ssf", "cc"]), "no run of ssf with gaitset on target scored for CL"),
        (claim(gain=["sf a=2", "cc"]), "no run of sf a=2"),
        (claim(under=["BG"]), "scored for BG"),
        (claim(views=[90, 7]), None),
        (claim(views=[7]), "no view"),
        (claim(metric="rank5"), "no run of sf with gaitset on target scored for CL at rank-5"),
        (claim(gain=["cc", "cc n=*"]), "the suite has no other n to compare with"),
    ],
)
def test_missing_runs_are_not_run(given, expected):
    found = one(given, world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4}))
    assert (found.decision == "not run") == (expected is not None)
    assert expected is None or expected in found.reason


def test_what_runs_luck_adds_to_the_error():
    """The spread of the seeds' differences over the root of their number, from the hits themselves."""
    outcomes = world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4}, noise=0.05)
    rank1 = {(o.method, o.seed): 100 * o.hits.sum() / o.trials.sum() for o in outcomes}
    expected = np.std([rank1["sf", seed] - rank1["cc", seed] for seed in range(3)], ddof=1) / np.sqrt(3)
    found = one(claim(), outcomes)
    assert found.run_error is not None and found.run_error == pytest.approx(expected) and expected > 1
    assert found.test is not None and found.test.error > found.run_error
    assert one(claim(), world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4}, seeds=2)).run_error is None


def test_runs_without_a_common_seed_are_not_compared():
    outcomes = world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4})
    kept = [o for o in outcomes if (o.method == "sf") == (o.seed == 0)]
    assert one(claim(), kept).reason == "the runs share no seed"


def test_views_and_interactions():
    front = np.array([v in (0, 18, 162, 180) for v in VIEWS])
    rates = {("ssf", "NM"): np.where(front, 0.5, 0.6), ("cc", "NM"): np.where(front, 0.3, 0.6)}
    part: dict[str, Any] = {"gain": ["ssf", "cc"], "under": ["NM"]}
    outcomes = world(rates)
    assert one(claim(**part, views="front-back"), outcomes).decision == "supported"
    assert one(claim(**part, views="other"), outcomes).decision == "undecided"
    both = one(claim(**part, views="front-back", than_views="other"), outcomes)
    assert both.decision == "supported" and both.test is not None
    assert both.test.difference == pytest.approx(20, abs=3)


def test_gains_on_conditions_are_compared():
    rates = {("sf", "CL"): 0.6, ("cc", "CL"): 0.4, ("sf", "NM"): 0.75, ("cc", "NM"): 0.7}
    found = one(claim(than_under=["NM"]), world(rates))
    assert found.decision == "supported" and found.test is not None
    assert found.test.difference == pytest.approx(15, abs=3)
    assert one(claim(under=["NM"], than_under=["CL"]), world(rates)).decision == "refuted"


def several(*parts) -> Claim:
    about = claim().model_dump(exclude={"parts"})
    whole = [{"under": ["CL"], "above": 0, **part} for part in parts]
    return Claim.model_validate({**about, "parts": whole})


def test_all_parts_must_hold_and_one_that_fails_refutes():
    outcomes = world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4, ("ssf", "CL"): 0.8, ("scf", "CL"): 0.6})

    def verdict(*others):
        return one(several(*({"gain": ["sf", other]} for other in ("cc", *others))), outcomes)

    assert verdict().decision == "supported"
    assert verdict("scf").decision == "undecided"
    refuted = verdict("ssf")
    assert refuted.decision == "refuted" and refuted.test is not None
    assert refuted.test.difference == pytest.approx(-20, abs=3)  # that of the weakest part
    assert refuted.part == refuted.claim.parts[1]


@pytest.mark.parametrize("places", [(0, 1), (1, 0)])
def test_size_and_power_are_those_of_the_weakest_part(places):
    """Not of the part with the least to spare in the paper, which is another one here."""
    outcomes = world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4, ("scf", "CL"): 0.58})
    parts = [{"gain": ["sf", "cc"], "paper": 1.0}, {"gain": ["sf", "scf"], "paper": 30.0}]
    found = one(several(*(parts[i] for i in places)), outcomes)
    assert found.part is not None and found.part.gain == ("sf", "scf") and found.claim.paper == 1.0
    assert found.paper == 30.0 and found.test is not None and found.power == found.test.power(30.0)
    unprinted = one(several({"gain": ["sf", "cc"], "paper": 9.0}, {"gain": ["sf", "scf"]}), outcomes)
    assert unprinted.paper is None and unprinted.test is not None and unprinted.power is None
    assert one(several(*parts), []).paper == 1.0  # nothing tested


@pytest.mark.parametrize("side", [{"above": 0}, {"above": None, "below": 0}])
def test_among_parts_of_one_p_the_one_of_fewest_standard_errors_is_the_weakest(side):
    """All are as sure as draws can tell, or as wrong, whichever stands first."""
    outcomes = world({("sf", "CL"): 0.9, ("cc", "CL"): 0.2, ("scf", "CL"): 0.5})
    weakest = "scf" if side.get("above") == 0 else "cc"
    for others in (("cc", "scf"), ("scf", "cc")):
        found = one(several(*({"gain": ["sf", other], **side} for other in others)), outcomes)
        assert found.part is not None and found.part.gain == ("sf", weakest)


def test_a_claim_at_rank_5_is_judged_by_hits_at_rank_5():
    first = world({("sf", "CL"): 0.5, ("cc", "CL"): 0.5})
    fifth = world({("sf", "CL"): 0.8, ("cc", "CL"): 0.6})
    first_hit, five = judge([claim(), claim("five", metric="rank5")], first, TARGET, {"rank5": fifth})
    assert first_hit.decision == "undecided" and five.decision == "supported"
    assert five.test is not None and five.test.difference == pytest.approx(20, abs=3)
    with pytest.raises(UserError, match="disagree about sf on target CL"):
        judge([claim()], first, TARGET, {"rank5": [*fifth, replace(fifth[0], hits=fifth[0].hits - 1)]})


def test_people_are_paired_by_name():
    outcomes = world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4})
    turned = [
        o if o.method == "cc" else Outcome(**{**o.__dict__, "subjects": o.subjects[::-1],
                                              "hits": o.hits[:, ::-1], "trials": o.trials[:, ::-1]})
        for o in outcomes
    ]  # fmt: skip
    assert one(claim(), turned) == one(claim(), outcomes)


def test_holm_spares_the_family(monkeypatch):
    """Among many claims without any truth, one that would pass alone does not; one that is true still does."""
    monkeypatch.setattr(statistics, "TEST_DRAWS", 4999)  # with fewer no p could be small enough for so many claims
    methods = ("cc", "ssf", "scf", "gaitssb", "upper")
    rates = {(m, c): 0.5 for m in methods for c in ("NM", "BG", "CL")} | {("sf", "CL"): 0.9}
    outcomes = world(rates, rng=np.random.default_rng(8))
    pairs = [(a, b) for a in methods for b in methods if a < b]
    claims = [claim(f"{a}-{b}-{c}", gain=[a, b], under=[c]) for a, b in pairs for c in ("NM", "BG", "CL")]
    *null, real = judge([*claims, claim("real")], outcomes, TARGET)
    assert all(j.adjusted is not None and j.p is not None and j.adjusted >= j.p for j in null)
    alone = [j for j in null if j.p is not None and j.p < 0.05]
    assert alone and {j.decision for j in null} == {"undecided"}
    assert {j.reason for j in alone} == {"p is below 5 % before Holm's correction, which is not enough among 31 claims"}
    assert real.decision == "supported" and real.adjusted is not None and real.adjusted > 10 * (real.p or 0)


def test_each_family_is_corrected_by_itself_and_all_tell_how_much_runs_differ():
    """Of the two of one family p counts twice at most, whatever stands in the other."""
    methods = ("cc", "ssf", "scf", "gaitssb", "upper")
    outcomes = world({(m, "CL"): 0.5 for m in methods} | {("sf", "CL"): 0.53}, rng=np.random.default_rng(8))
    claims = [claim(f"{a}-{b}", gain=[a, b]) for a in ("sf", *methods) for b in methods if a != b]
    together = judge(claims, outcomes, TARGET)
    apart = judge(
        [c.model_copy(update={"family": "few" if i < 2 else "rest"}) for i, c in enumerate(claims)], outcomes, TARGET
    )
    assert [one.p for one in apart] == [one.p for one in together]
    few = [one.p or 0.0 for one in apart[:2]]
    assert [one.adjusted for one in apart[:2]] == pytest.approx(holm(few))
    assert [one.adjusted for one in apart[2:]] == pytest.approx(holm([one.p or 0.0 for one in apart[2:]]))
    assert apart[0].detectable is not None and apart[0].detectable < (together[0].detectable or 0)


def test_a_named_family_is_as_large_as_it_was_named():
    """A claim that nobody ran counts in it, and not among the paper's."""
    outcomes = world({("sf", "CL"): 0.53, ("cc", "CL"): 0.5})
    for family, times in (("few", 2), ("", 1)):
        ran, other = judge([claim(family=family), claim("other", family=family, gain=["ssf", "cc"])], outcomes, TARGET)
        assert other.decision == "not run" and other.adjusted is None and ran.p is not None
        assert ran.adjusted == pytest.approx(min(1.0, times * ran.p))


def test_power_and_what_is_found_are_those_of_the_family(monkeypatch):
    """A claim among many needs a larger difference than alone, and its power says so."""
    monkeypatch.setattr(statistics, "TEST_DRAWS", 4999)
    outcomes = world({("sf", "CL"): 0.5, ("cc", "CL"): 0.45})
    alone, *many = judge([claim()], outcomes, TARGET) + judge([claim(f"c{i}") for i in range(20)], outcomes, TARGET)
    for among in many:
        assert alone.detectable is not None and among.detectable is not None
        assert among.detectable > 1.2 * alone.detectable
        assert alone.power is not None and among.power is not None and among.power < alone.power
        assert among.test is not None and among.test.power(among.detectable, 0.05 / 20) == pytest.approx(0.8, abs=0.01)


def test_power_counts_from_the_bound():
    """That of "no more than half a point worse" is the chance to find the paper's distance from minus a half."""
    outcomes = world({("sf", "CL"): 0.5, ("cc", "CL"): 0.5})
    near, far = one(claim(paper=0.1, above=-0.5), outcomes), one(claim(paper=0.1, above=-8), outcomes)
    assert near.test is not None and near.power == near.test.power(0.6)
    assert far.power is not None and near.power is not None and far.power > near.power
    assert near.detectable is not None and far.detectable == pytest.approx(near.detectable)


def test_two_records_that_disagree_about_one_run_are_refused():
    """Two backbones of one kind, say; equal ones are one."""
    outcomes = world({("sf", "CL"): 0.6, ("cc", "CL"): 0.4})
    assert one(claim(), [*outcomes, *outcomes]).decision == "supported"
    other = replace(outcomes[0], hits=outcomes[0].hits - 1, run_id="other")
    with pytest.raises(UserError, match=r"runs sf0 and other disagree about sf on target CL, gaitset, seed 0"):
        one(claim(), [*outcomes, other])


def test_nothing_recorded_means_that_nothing_was_run():
    assert {j.decision for j in judge(read_claims(), [], {})} == {"not run"}


def test_false_positives_of_whole_verdicts():
    """1,000 worlds without any difference: a single claim is decided in 5 % +- 1 of them."""
    decided = 0
    for i in range(1000):
        rng = np.random.default_rng([4, i])
        outcomes = world({("sf", "CL"): 0.5, ("cc", "CL"): 0.5}, rng=rng, noise=0.01)
        decided += one(claim(key=f"w{i}"), outcomes).decision != "undecided"
    assert 40 <= decided <= 60
