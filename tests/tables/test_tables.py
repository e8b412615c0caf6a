"""Tables made from hand-written records."""

from __future__ import annotations

import csv
import io
import statistics

import pytest
from rich.console import Console

from harness.tables import controls, summary, table3, table4, table5, table6, table7, table8, table9, table10
from harness.tables.grid import Cell, Evidence, Grid, Numbers, Row
from harness.tables.render import ABSENT, lines, markdown_table, ours, to_csv, to_markdown, to_rich
from harness.types import ResultRecord

BUILD = {
    int(module.__name__.removeprefix("harness.tables.table")): module.build
    for module in (table3, table4, table5, table6, table7, table8, table9, table10)
}
TARGET = {"casia-bn": "target"}


def record(value, method="cc", condition="NM", view=None, seed=0, dataset="target", backbone="gaitset", metric="rank1"):
    return ResultRecord(dataset, backbone, method, seed, condition, view, metric, value, 10, "0" * 16)


def evidence(records, stands_for=TARGET, outcomes=()) -> Evidence:
    return Evidence("smoke", (0, 1), ("gaitset",), stands_for, tuple(records), tuple(outcomes))


def grid_of(number, records, stands_for=TARGET, outcomes=()) -> Grid:
    return BUILD[number](Numbers(evidence(records, stands_for, outcomes), number))


def plain(cell: Cell) -> tuple[tuple[float, ...], str | None]:
    return cell.ours, cell.paper


def cell_of(grid: Grid, head: tuple[str, ...], column: str) -> Cell:
    (row,) = [row for row in grid.rows if row.head == head]
    return row.cells[grid.columns.index(column)]


def all_records():
    return [
        record(10 * i + seed + (view or 7) / 37, method, condition, view, seed)
        for i, method in enumerate(("upper", "pretrain", "cc", "ssf", "scf", "sf", "gaitssb"))
        for condition in ("NM", "BG", "CL")
        for view in (*range(0, 181, 18), None)
        for seed in (0, 1)
    ]


def test_mean_and_sample_deviation_over_seeds():
    values = {2: 60.0, 0: 50.0, 1: 52.0}
    cell = cell_of(grid_of(6, [record(v, seed=s) for s, v in values.items()]), ("Base (CC)",), "CASIA-BN NM")
    assert cell.ours == (50.0, 52.0, 60.0)
    assert cell.mean == pytest.approx(54.0) and cell.spread == pytest.approx(statistics.stdev(values.values()))
    assert ours(cell) == "54.0 ±5.3"


def test_one_seed_has_no_deviation_and_none_is_a_dash():
    assert ours(Cell((49.96,), None)) == "50.0"
    assert ours(Cell((), "1.0")) == ABSENT == "—"
    assert Cell((), None).mean is None and Cell((1.0,), None).spread is None


def test_nothing_is_rounded_before_it_is_printed():
    grid = grid_of(6, [record(49.949, seed=0), record(49.949, seed=1)])
    assert cell_of(grid, ("Base (CC)",), "CASIA-BN NM").mean == 49.949
    (line,) = [x for x in csv.DictReader(io.StringIO(to_csv(grid))) if x["key"] == "table6/cc/casia-bn-nm"]
    shown = {key: line[key] for key in ("mean", "spread", "seeds", "paper", "difference")}
    assert shown == {
        "mean": "49.949000",
        "spread": "0.000000",
        "seeds": "2",
        "paper": "87.2",
        "difference": "-37.251000",
    }
    assert "| Base (CC) | ours | 49.9 ±0.0 |" in to_markdown(grid, brief=True)


def test_a_mean_is_not_made_of_rounded_values():
    assert ours(Cell((0.04, 0.04, 0.08), None)).startswith("0.1")  # rounded first it would be 0.0


def test_table_3_has_a_view_in_each_column_and_the_papers_beside():
    grid = grid_of(3, [record(12.5, "sf", "CL", 144), record(33.25, "sf", "CL")])
    head = ("GaitSet", "CL", "Ours (SF)")
    assert grid.columns == (*(f"{v}°" for v in range(0, 181, 18)), "Average")
    assert plain(cell_of(grid, head, "144°")) == ((12.5,), "45.6")
    assert plain(cell_of(grid, head, "Average")) == ((33.25,), "40.8")
    assert plain(cell_of(grid, head, "162°")) == ((), "35.8")
    assert len(grid.rows) == 24


def test_gaitgl_rows_are_there_without_ours():
    grid = grid_of(3, all_records())
    rows = [row for row in grid.rows if row.head[0] == "GaitGL"]
    assert len(rows) == 12
    assert all(cell.ours == () and cell.paper for row in rows for cell in row.cells)
    assert all(len(cell.ours) == 2 for row in grid.rows if row.head[0] == "GaitSet" for cell in row.cells)


@pytest.mark.parametrize(("number", "absent"), [(6, ("Outdoor-Gait NM", "Outdoor-Gait CL", "GREW")), (10, ("GREW",))])
def test_columns_of_data_sets_outside_the_suite_are_dashes(number, absent):
    strays = [
        record(1.0, "sf", c, dataset=d) for d in ("wild", "outdoor", "casia-bn", "grew") for c in ("NM", "CL", "all")
    ]
    grid = grid_of(number, [*all_records(), *strays])
    for row in grid.rows:
        for column, cell in zip(grid.columns, row.cells):
            assert (column.startswith("CASIA-BN")) == bool(cell.ours)
            assert column not in absent or ours(cell) == ABSENT
    for line in to_markdown(grid).splitlines():
        if "| ours |" in line:
            assert line.count(ABSENT) == len(grid.columns) - 3


def test_a_data_set_that_stands_for_grew_fills_its_column():
    grid = grid_of(10, [record(20.0, "sf", "all", dataset="wild")], {"grew": "wild"})
    assert plain(cell_of(grid, ("Ours (SF)",), "GREW")) == ((20.0,), "20.2")


def test_records_of_other_metrics_backbones_and_conditions_stay_out():
    strays = [
        record(1.0, metric="rank5"),
        record(2.0, backbone="gaitgl"),
        record(3.0, "scf"),
        record(4.0, condition="BG"),
    ]
    assert cell_of(grid_of(6, strays), ("Base (CC)",), "CASIA-BN NM").ours == ()


def test_table_7_sets_ssf_beside_cc():
    grid = grid_of(7, [record(70.0, "ssf", "BG", 180)])
    assert len(grid.rows) == 6 and len(grid.columns) == 11
    assert plain(cell_of(grid, ("GaitSet", "BG", "Base + SSF"), "180°")) == ((70.0,), "71.3")
    assert plain(cell_of(grid, ("GaitSet", "BG", "Base (CC)"), "180°")) == ((), "62.5")


def test_the_summary_has_all_seven_methods_with_the_papers_numbers():
    grid = summary.build(evidence(all_records()))
    assert [row.head[1] for row in grid.rows] == [
        "Pretrain", "GaitSSB*", "Base (CC)", "Base + SSF", "Base + SCF", "Ours (SF)", "Upper",
    ]  # fmt: skip
    assert [row.cells[2].paper for row in grid.rows] == ["12.7", "31.1", "31.1", "32.8", "39.9", "40.8", "74.5"]
    assert all(len(cell.ours) == 2 for row in grid.rows for cell in row.cells)


def test_rows_without_any_number_can_be_left_out():
    """Only with GaitGL are there methods that neither the paper nor the suite has run."""
    both = Evidence("x", (0, 1), ("gaitset", "gaitgl"), TARGET, (record(50.0, "ssf", backbone="gaitgl"),))
    grid = summary.build(both)
    left = [row.head for row in grid.filled().rows]
    assert len(grid.rows) == 14 and {row.head for row in grid.rows} - set(left) == {
        ("GaitGL", "GaitSSB*"),
        ("GaitGL", "Base + SCF"),
    }
    assert left == [row.head for row in grid.rows if row.head in left] and grid.filled().filled() == grid.filled()
    assert grid.filled().note == "Left out, as nothing has run: GaitSSB* (GaitGL), Base + SCF (GaitGL)."


def test_controls_stand_below_methods_that_have_the_papers_numbers():
    grid = controls.build(Evidence("x", (0,), ("gaitset",), TARGET, (record(50.0, "cc_long"),)))
    rows = {row.head[1]: row for row in grid.rows}
    assert [cell.paper for cell in rows["Base + SSF"].cells] == ["87.5", "75.8", "32.8"]
    own = rows["CC, as many steps as CC + SF"]
    assert any(cell.ours for cell in own.cells) and not any(cell.paper for cell in own.cells)
    kinds = [line.kind for line in lines(Grid("x", "", ("", ""), grid.columns, (own,)))]
    assert "ours" in kinds and not {"paper", "difference"} & set(kinds)  # lines of nothing are left out


@pytest.mark.parametrize(
    ("planned", "advice"), [((), "a suite with controls computes it"), (("cc_long",), "`harness run`")]
)
def test_why_a_control_has_not_run(planned, advice):
    evidence = Evidence("x", (0,), ("gaitset",), TARGET, (), planned=frozenset(planned))
    (cell, *_) = next(row for row in controls.build(evidence).rows if row.head[1].startswith("CC, as many")).cells
    assert advice in cell.why


def test_why_a_planned_variant_has_not_run():
    some = Evidence("x", (0,), ("gaitset",), TARGET, (record(50.0, "sf"),), planned=frozenset({"a=4"}))
    found = dict(BUILD[8](Numbers(some, 8)).cells())
    assert found["table8/ours-a-4/nm"].why.startswith("no run of sf a=4 yet: `harness run`")


@pytest.mark.parametrize("number", BUILD)
def test_rendering_depends_on_the_records_alone(number):
    def rich_text(grid, brief=False):
        console = Console(file=io.StringIO(), width=250, color_system=None)
        console.print(to_rich(grid, brief))
        return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]

    one, other = grid_of(number, all_records()), grid_of(number, reversed(all_records()))
    for render in (to_markdown, to_csv, rich_text):
        assert render(one).encode() == render(other).encode()
    shown = rich_text(one)
    assert all(row.head[-1] in shown for row in one.rows) and "paper" in shown
    assert ("±" in rich_text(one, True)) == ("±" in to_markdown(one, True)) == (number in (3, 6, 10))


def test_single_views_print_no_deviation_but_the_csv_keeps_it():
    for number in (3, 7):
        grid = grid_of(number, all_records())
        lines = [line for line in to_markdown(grid, brief=True).splitlines() if line.startswith("| GaitSet")]
        assert {line.count("±") for line in lines} == {1 if number == 3 else 0}
        spreads = [
            line["spread"] for line in csv.DictReader(io.StringIO(to_csv(grid))) if line["backbone"] == "GaitSet"
        ]
        assert set(spreads) == {f"{statistics.stdev([0, 1]):.6f}"}


def test_csv_has_a_line_for_each_cell():
    grid = grid_of(3, all_records())
    lines = list(csv.DictReader(io.StringIO(to_csv(grid))))
    assert len(lines) == len(grid.rows) * len(grid.columns)
    assert [line["mean"] for line in lines if line["backbone"] == "GaitGL"] == [""] * 144
    by_place = {(line["backbone"], line["condition"], line["method"], line["column"]): line for line in lines}
    line = by_place["GaitSet", "NM", "Upper", "18°"]
    assert (line["mean"], line["seeds"], line["paper"]) == (f"{18 / 37 + 0.5:.6f}", "2", "98.1")


def test_markdown_has_as_many_cells_in_each_line():
    grid = Grid("9", "A title", ("Head",), ("one", "two"), (Row(("x",), (Cell((1.0,), None), Cell((), "2.0"))),))
    assert to_markdown(grid) == (
        "**Table 9. A title**\n\n| Head | Source | one | two |\n| --- | --- | ---: | ---: |\n"
        "| x | ours | 1.0 | — |\n|   | paper | — | 2.0 |\n"
    )


def test_rows_of_text_become_a_markdown_table():
    assert markdown_table(("a", "b"), [("1", "x|y"), ("2", "")]) == (
        "| a | b |\n| --- | --- |\n| 1 | x\\|y |\n| 2 |  |"
    )
