"""The order of the methods: counted pair by pair, ties and gaps left out."""

from __future__ import annotations

from harness.report.order import columns, in_order, order
from harness.tables.grid import Cell, Grid, Row


def grid(number: str, *rows: tuple[str, str, float | None, str | None]) -> Grid:
    cells = [
        Row((backbone, method), (Cell(() if ours is None else (ours - 1, ours + 1), paper), Cell((), None)))
        for backbone, method, ours, paper in rows
    ]
    return Grid(number, "", ("Backbone", "Method"), ("NM", "CL"), tuple(cells))


SET = [("GaitSet", "Upper", 80.0, "90"), ("GaitSet", "SF", 60.0, "85"), ("GaitSet", "CC", 70.0, "80")]
GL = [("GaitGL", "Upper", 80.0, "90"), ("GaitGL", "SF", 60.0, "85"), ("GaitGL", "CC", 60.0, "80")]


def test_pairs_are_counted_and_both_orders_shown():
    found = columns([grid("summary", *SET, ("GaitSet", "Pretrain", None, "70"), ("GaitSet", "Mine", 1.0, None))])
    assert order(found) == [("CASIA-BN", "GaitSet", "NM", "2 of 3", "SF < CC < Upper", "CC < SF < Upper")]


def test_a_tie_is_in_no_order():
    (column,) = columns([grid("4", *GL)])
    assert (column.agreeing, column.pairs) == (2, 3)


def test_backbones_and_data_sets_are_summed_apart():
    found = columns([grid("summary", *SET, *GL), grid("5", *SET), grid("6", *SET)])
    assert in_order(found) == (
        "Pairs of methods whose means are in the paper's order: 2 of 3 for CASIA-BN with GaitSet, "
        "2 of 3 for CASIA-BN with GaitGL, 2 of 3 for GREW with GaitSet."
    )


def test_two_methods_are_not_enough():
    assert columns([grid("summary", *SET[:2], ("GaitGL", "CC", 1.0, "1"))]) == []
    assert in_order([]) == "" and order([]) == []
