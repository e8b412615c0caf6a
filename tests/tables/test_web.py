"""HTML that needs nothing from elsewhere, and says in words what it shows by colour, place and absence."""

from __future__ import annotations

import re

from grids import build
from page import Page

from harness.tables.render import INTERVALS, lines
from harness.tables.web import html_table, to_html


def test_html_is_whole_and_needs_nothing_from_elsewhere(grid):
    text = to_html([grid], "Tables <all>", "a & b")
    page = Page(text)
    tags = [tag for tag, _ in page.seen]
    assert tags.count("caption") == tags.count("table") == 1 and "script" not in tags and "link" not in tags
    assert all("scope" in attributes for tag, attributes in page.seen if tag == "th")
    # The words at the head of a row belong to each of its lines.
    whole = lines(grid.with_intervals())
    spans = [int(a["rowspan"] or 0) for tag, a in page.seen if tag == "th" and a["scope"] == "rowgroup"]
    assert len(spans) == len(grid.rows) * len(grid.heads) and tags.count("tbody") == len(grid.rows)
    assert sum(spans) == len(whole) * len(grid.heads) and tags.count("tr") == len(whole) + 1
    assert "http" not in text and "Tables &lt;all&gt;" in text and "a &amp; b" in text


def test_every_interval_is_there_and_only_those_of_single_views_wait_for_a_labelled_checkbox(grid):
    text = html_table(grid)
    page = Page(text)
    wanted = [t for line in lines(grid.with_intervals()) if line.kind in INTERVALS for t in line.texts if t]
    assert re.findall(r"<td>(?:<span class=\"each\">)?(\d+\.\d–\d+\.\d)(?:</span>)?</td>", text) == wanted
    hidden = re.findall(r'<span class="each">|<tr class="each">', text)
    boxes = [a["id"] for tag, a in page.seen if tag == "input"]
    assert [a["for"] for tag, a in page.seen if tag == "label"] == boxes
    assert bool(boxes) == bool(hidden) == (grid.number in ("3", "7"))
    rows = text.count('<tr class="each">')
    assert rows == (2 * len(grid.rows) if grid.number == "7" else 0)  # nothing of these lines is shown otherwise
    assert "checkbox" not in html_table(grid.with_intervals()) and "checkbox" not in html_table(grid, brief=True)
    # The rule that shows them needs table, label and checkbox side by side.
    assert not boxes or re.search(r'<input [^>]*><label [^>]*>[^<]*</label>\n<div class="scroll"', text)


def test_marks_are_said_in_words(grid):
    text = html_table(grid)
    for look, mark, words in (
        ("Red, italic", "red", "upper bound"),
        ("Blue, underlined", "blue", "above Base (CC) at a front or back view"),
        ("Bold", "bold", f"above {grid.base} in the mean"),
    ):
        cells = re.findall(rf'<td class="{mark}">(.*?)</td>', text)
        assert all(cell.endswith(f'<span class="said">, {words}</span>') for cell in cells)
        assert (f'<span class="{mark}">{look}</span>: {words}.' in text) == bool(cells)
    assert bool(re.search('<td class="(red|blue|bold)">', text)) == (grid.number not in ("8", "9"))


def test_empty_cells_are_said_and_explained(evidence):
    text = html_table(build(evidence, 8))
    assert "<td>—</td>" not in text and '<span class="said">none</span></td>' in text
    assert "<li>no run with a=4 yet: a sweep suite computes it" in text
    notes = re.findall(r'aria-describedby="([^"]+)"', text)
    assert notes == ["table8-notes"] and 'id="table8-notes"' in text


def test_a_link_says_where_it_leads(evidence):
    grid = build(evidence, 6)
    text = html_table(grid, lambda key: ("#run-<sf>", "runs <sf>") if key == "table6/sf/casia-bn-cl" else None)
    (cell,) = re.findall(r"<a .*?</a>", text)
    shown = f"{dict(grid.cells())['table6/sf/casia-bn-cl'].mean:.1f}"
    assert cell == f'<a href="#run-&lt;sf&gt;" aria-label="{shown}, runs &lt;sf&gt;">{shown}</a>'
