"""``harness tables``: intervals on request, marks in words, no empty row in a document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recorded import settle


@pytest.mark.parametrize("number", ["3", "7"])
def test_intervals_of_single_views_are_printed_on_request(recorded, harness, number):
    words = ("tables", "--table", number, "--format", "md")

    def views() -> list[list[str]]:
        lines = [line.split(" | ") for line in harness(*words)[1].splitlines() if "| 95 % " in line]
        return [line[4:15] for line in lines]

    assert all(not any(map(str.strip, line)) for line in views())
    plain = harness(*words)[1]
    words += ("--intervals",)
    found = views()
    assert len(found) == (24 if number == "3" else 12)
    assert all(re.fullmatch(r"\d+\.\d–\d+\.\d( \|)?", cell) for line in found for cell in line)
    text = harness(*words)[1]
    kept = [line for line in text.splitlines() if "| 95 % " not in line]
    assert kept == [line for line in plain.splitlines() if "| 95 % " not in line]
    code, out, _ = harness("tables", "--table", number, "--intervals")
    assert code == 0 and all(cell.strip(" |") in out for line in found for cell in line)


def test_asking_for_intervals_and_for_none_is_refused(recorded, refuses):
    assert "--brief leaves out what --intervals asks for" in refuses("tables", "--brief", "--intervals")


def test_marks_are_explained_where_there_are_any(recorded, harness):
    for form, said in (
        ("rich", "Red, italic: upper bound. Bold: above Base (CC) in the mean."),
        ("md", "Bold: upper bound; above Base (CC) in the mean."),
    ):
        assert said in harness("tables", "--table", "4", "--format", form)[1].splitlines()
        assert "Bold:" not in harness("tables", "--table", "8", "--format", form)[1]


def test_a_document_has_no_row_without_a_number(recorded, harness, suite_tree):
    suite_tree["suite"]["backbones"] = ["gaitset", "gaitgl"]
    settle(suite_tree)
    page = Path("page.md")
    page.write_text("<!-- harness tables -->\n<!-- /harness tables -->\n")
    assert harness("tables", "--update", "page.md")[0] == 0
    rows = [line for line in page.read_text().splitlines() if line.startswith("| GaitGL")]
    assert [row.split(" | ")[1] for row in rows] == ["Pretrain", "Base (CC)", "Ours (SF)", "Upper"]
    assert "| GaitGL | Base + SSF |" in harness("tables", "--table", "summary", "--format", "md")[1]


def test_why_of_a_whole_table_says_that_nothing_is_missing(recorded, harness):
    assert harness("tables", "--table", "7", "--why") == (0, "no cell of ours is empty or lacks a seed\n", "")
