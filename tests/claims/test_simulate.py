"""Made-up worlds: what is false in them, and that the judge hardly ever falls for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.claims import simulate
from harness.claims.claim import Claim, read_claims
from harness.claims.judge import Judged, judge
from harness.claims.simulate import Design, deceived, is_false, table, world


def claims() -> list[Claim]:
    return [c for c in read_claims() if (c.dataset, c.backbone) == ("casia-bn", "gaitset")]


def test_a_world_has_every_run_that_the_claims_ask_for():
    """So that the whole family is judged, and not a few claims of it."""
    family = claims()
    outcomes = world(np.random.default_rng(0), Design(3, 5, 0.1, 0.3), family)
    judged = judge(family, outcomes, {"casia-bn": "casia-bn"})
    assert len(judged) > 25 and all(j.p is not None for j in judged)
    assert {(o.trials.sum(axis=0) >= 22).all() for o in outcomes} == {True}


def part(**bound: float) -> dict[str, Any]:
    return {"gain": ["sf", "cc"], "under": ["CL"], **bound}


def test_what_is_false_where_no_method_is_better():
    about = {"key": "x", "says": "", "where": "", "table": 3, "dataset": "casia-bn", "backbone": "gaitset"}

    def false(decision: Any, **bound: float) -> bool:
        return is_false(Judged(Claim.model_validate({**about, "parts": [part(**bound)]}), decision, ""))

    for bound in ({"above": 0.0}, {"below": 0.0}):
        assert false("supported", **bound) and false("refuted", **bound) and not false("undecided", **bound)
    assert not false("supported", above=-0.5) and false("refuted", above=-0.5)
    assert false("supported", above=2.0) and not false("refuted", above=2.0)
    assert not false("supported", below=0.5) and false("refuted", below=0.5)


@pytest.mark.parametrize("families", [24, pytest.param(60, marks=pytest.mark.long)])
def test_whole_families_are_seldom_deceived(families: int):
    """Runs differ more than people: judged each by its own three runs alone, one family in five would be deceived."""
    assert deceived(Design(3, 25, 0.4, 0.2), families, claims())[0] <= 8.0


def test_the_table_has_a_row_for_each_design():
    designs = [replace(d, people=6) for d in simulate.DESIGNS[:2]]
    lines = table(8, claims()[:2], designs).splitlines()
    assert len(lines) == 4 and lines[0].count("|") == lines[2].count("|") and "any false among 2 claims" in lines[0]
    assert table(8, claims()[:2], designs) == table(8, claims()[:2], designs)


def test_a_planned_design_is_told_for_each_family():
    one, two = (c.model_copy(update={"family": family}) for c, family in zip(claims()[:2], ("first", "last")))
    head, _, *rows = table(8, [one, two], [Design(4, 6, 0.1, 0.3)]).splitlines()
    assert "any false among 1 first claims | any false among 1 last claims" in head
    assert len(rows) == 1 and rows[0].startswith("| 4 | 6 | 0.1 | 0.3 |")
