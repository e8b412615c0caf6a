"""The paper's numbers agree with themselves, except where slips.yaml says that they do not."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from harness.published import TABLES, published, slips

COUNTS = {3: 288, 4: 12, 5: 8, 6: 28, 7: 66, 8: 9, 9: 6, 10: 8}
VIEWS = [str(view) for view in range(0, 181, 18)]


def numbers(table):
    """{place: value as printed}; rows with a variant stay out unless it is the paper's own setting."""
    kept = [p for p in published(table) if p.variant in ("", "a=2", "curriculum-rate=adaptive")]
    return {(p.dataset, p.backbone, p.method, p.condition, p.view, p.metric): p.value for p in kept}


def test_there_are_425_numbers():
    assert {table: len(published(table)) for table in TABLES} == COUNTS
    assert sum(COUNTS.values()) == 425


@pytest.mark.parametrize("table", TABLES)
def test_each_place_is_printed_once_with_one_decimal(table):
    places = Counter(
        (p.dataset, p.backbone, p.method, p.variant, p.condition, p.view, p.metric) for p in published(table)
    )
    assert max(places.values()) == 1
    for p in published(table):
        assert 0 <= Decimal(p.value) <= 100 and len(p.value.split(".")[1]) == 1
        assert p.view in (*VIEWS, "mean")


def test_averages_of_table_3_are_those_of_their_views_but_for_the_known_slip():
    printed = numbers(3)
    off = {}
    for place, value in printed.items():
        if place[4] == "mean":
            mean = sum((Decimal(printed[(*place[:4], view, place[5])]) for view in VIEWS), Decimal()) / len(VIEWS)
            if abs(mean - Decimal(value)) > Decimal("0.051"):
                off["-".join(("mean", place[1], place[3].lower(), place[2]))] = (value, mean)
    known = {s["key"]: s for s in slips() if s["key"].startswith("mean-")}
    assert {key: value for key, (value, _) in off.items()} == {key: str(s["printed"]) for key, s in known.items()}
    for key, (_, mean) in off.items():
        assert f"{mean:.2f}" in known[key]["should_be"]


TWICE = [
    (3, 6, 6),
    (3, 7, 33),
    (3, 8, 3),
    (3, 9, 3),
    (3, 10, 3),
    (4, 6, 6),
    (5, 6, 2),
    (5, 10, 1),
    (6, 8, 3),
    (6, 9, 3),
]


@pytest.mark.parametrize(("first", "second", "shared"), [*TWICE, (6, 10, 4)])
def test_numbers_that_are_printed_twice_agree(first, second, shared):
    one, other = numbers(first), numbers(second)
    both = one.keys() & other.keys()
    assert len(both) == shared
    assert {place: one[place] for place in both} == {place: other[place] for place in both}


def test_gains_on_outdoor_gait_are_those_that_the_slip_names():
    printed = numbers(4)

    def value(method, condition):
        return Decimal(printed[("outdoor-gait", "gaitset", method, condition, "mean", "rank1")])

    gains = {c: str(value("sf", c) - value("cc", c)) for c in ("NM", "BG", "CL")}
    assert gains == {"NM": "5.2", "BG": "7.2", "CL": "9.0"}
    (slip,) = [s for s in slips() if s["key"] == "outdoor-gait-gains"]
    assert f"NM + {gains['NM']}, BG + {gains['BG']}" in slip["should_be"]


def test_slips_are_described_whole():
    found = slips()
    assert len({s["key"] for s in found}) == len(found)
    assert all({"key", "where", "printed", "should_be", "carried"} == set(s) for s in found)
