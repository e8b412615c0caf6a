"""How our profile over views compares with the paper's follows from Table 3's cells."""

from __future__ import annotations

from harness.published import published
from harness.report.views import profiles
from harness.tables import table3
from harness.tables.grid import Evidence, Numbers
from harness.types import ResultRecord

PAPERS = {
    int(p.view): float(p.value)
    for p in published(3)
    if (p.backbone, p.method, p.condition) == ("gaitset", "upper", "NM") and p.view != "mean"
}


def rows(values: dict[int, float]) -> list[tuple[str, ...]]:
    records = [
        ResultRecord("target", "gaitset", "upper", seed, "NM", view, "rank1", value + seed, 9, "ab" * 8)
        for view, value in values.items()
        for seed in (0, 1)
    ]
    evidence = Evidence("x", (0, 1), ("gaitset",), {"casia-bn": "target"}, tuple(records))
    return profiles([table3.build(Numbers(evidence, 3))])


def test_the_papers_own_profile_is_like_the_papers():
    (row,) = rows({view: value / 2 for view, value in PAPERS.items()})
    assert row[:4] == ("GaitSet", "NM", "Upper", "1.00") and row[4] == row[5] == "0°, 180°"


def test_a_profile_upside_down_is_its_opposite():
    (row,) = rows({view: 100 - value for view, value in PAPERS.items()})
    assert row[3] == "-1.00" and row[4] != row[5]


def test_a_flat_profile_has_no_order_and_no_worst_views(recwarn):
    (row,) = rows(dict.fromkeys(PAPERS, 90.0))
    assert row[3:5] == ("—", "—") and row[5] == "0°, 180°" and not recwarn.list


def test_without_runs_there_is_none():
    assert rows({}) == [] and rows({0: 50.0, 18: 60.0}) == []
