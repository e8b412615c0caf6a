"""LaTeX that compiles, JSON with every seed; intervals, marks and reasons."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from grids import build

from harness.errors import UserError
from harness.statistics import people_interval, seed_interval
from harness.tables.grid import BLUE, BOLD, RED, Evidence
from harness.tables.render import INTERVALS, SOURCES, as_json, legend, lines, reasons, to_markdown, to_rich
from harness.tables.typeset import TEX_PACKAGES, tex_note, to_tex
from harness.tables.web import to_html
from harness.types import ResultRecord


def cells(grid):
    return dict(grid.cells())


def test_every_cell_has_a_key_of_its_own(grid):
    keys = [key for key, _ in grid.cells()]
    assert len(set(keys)) == len(keys) == len(grid.rows) * len(grid.columns)
    assert all(re.fullmatch(r"table\d+(/[a-z0-9.-]+)+", key) for key in keys)


def test_a_mean_cell_has_both_intervals(evidence):
    cell = cells(build(evidence, 3))["table3/gaitset/cl/sf/mean"]
    used = [o for o in evidence.outcomes if (o.method, o.condition, o.variant) == ("sf", "CL", "")]
    assert cell.seeds == seed_interval(cell.ours) and len(cell.ours) == 3
    assert cell.people == people_interval(used)
    assert cell.people is not None and cell.mean is not None and cell.people[0] < cell.mean < cell.people[1]
    assert cell.difference == pytest.approx(cell.mean - 40.8)
    assert cell.runs == ("sf-0", "sf-1", "sf-2") and cell.why == ""


def test_a_view_cell_counts_this_view_only(evidence):
    cell = cells(build(evidence, 3))["table3/gaitset/cl/sf/90"]
    used = [o for o in evidence.outcomes if (o.method, o.condition, o.variant) == ("sf", "CL", "")]
    assert cell.people == people_interval(used, [90]) != people_interval(used)


def test_rank_5_has_an_interval_of_its_own(evidence):
    shallow = [replace(o, dataset="wild", condition="all") for o in evidence.outcomes if o.condition == "CL"]
    deep = tuple(replace(o, hits=np.minimum(o.hits + 3, o.trials)) for o in shallow)
    records = [
        ResultRecord(o.dataset, o.backbone, o.method, o.seed, "all", None, metric, 50.0, 20, o.run_id, o.variant)
        for o in shallow
        for metric in ("rank1", "rank5")
    ]
    whole = replace(evidence, stands_for={"grew": "wild"}, records=tuple(records), outcomes=tuple(shallow))
    found = cells(build(whole, 5))
    assert found["table5/gaitset/sf/rank-1"].people is not None and found["table5/gaitset/sf/rank-5"].people is None
    found = cells(build(replace(whole, outcomes_at={"rank5": deep}), 5))
    own = [o for o in deep if (o.method, o.variant) == ("sf", "")]
    assert found["table5/gaitset/sf/rank-5"].people == people_interval(own)


def test_missing_runs_say_why(evidence):
    table3, table8, table5 = (cells(build(evidence, n)) for n in (3, 8, 5))
    assert "does not run GaitGL" in table3["table3/gaitgl/nm/sf/mean"].why
    assert "no data set in GREW's structure" in table5["table5/gaitset/sf/rank-1"].why
    assert "a=4" in table8["table8/ours-a-4/nm"].why and "sweep" in table8["table8/ours-a-4/nm"].why
    assert table8["table8/ours-a-3/nm"].why.startswith("no score of sf a=3 with seed 2 yet")
    text = reasons(build(evidence, 8))
    assert len(text) == 3 and "table8/ours-a-4/nm, table8/ours-a-4/bg" in text[0]


def test_marks_are_those_of_the_paper(evidence):
    table = cells(build(evidence, 3))
    assert {c.ours_mark for k, c in table.items() if "/gaitset/" in k and "/upper/" in k} == {RED}
    for key, cell in table.items():
        if "/sf/" not in key or "gaitset" not in key:
            continue
        base = table[key.replace("/sf/", "/cc/")]
        view = key.rsplit("/", 1)[1]
        wanted = BOLD if view == "mean" else BLUE if view in ("0", "18", "162", "180") else ""
        assert cell.paper_mark == wanted  # the paper's SF beats CC everywhere with GaitSet
        assert cell.ours_mark == (wanted if (cell.mean or 0) > (base.mean or 0) else "")
    assert table["table3/gaitgl/nm/sf/180"].paper_mark == ""  # its 180-degree loss


def test_two_backbones_that_fill_one_cell_are_refused(evidence):
    other = ResultRecord("target", "gaitset", "sf", 0, "NM", None, "rank1", 1.0, 20, "other")
    clash = Evidence("walkers", (0,), ("gaitset",), {"casia-bn": "target"}, (*evidence.records, other))
    with pytest.raises(UserError, match="runs sf-0 and other disagree about sf"):
        build(clash, 3)


# --- LaTeX ---------------------------------------------------------------------------------------------------


def document(text: str) -> str:
    packages = "".join(rf"\usepackage{{{name}}}" + "\n" for name in TEX_PACKAGES)
    return f"\\documentclass{{article}}\n{packages}\\begin{{document}}\n{text}\n\\end{{document}}\n"


def parse_tex(text: str) -> None:
    """What a TeX would stumble over: environments, braces, columns, bare special letters."""
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    bare = re.sub(r"\\[{}%&$#_]", "", text)
    depth = 0
    for letter in bare:
        depth += (letter == "{") - (letter == "}")
        assert depth >= 0
    assert depth == 0
    columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)
    assert columns
    for part in text.split(r"\midrule")[1:]:
        body = part.split(r"\bottomrule")[0]
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert rows and {len(re.split(r"(?<!\\)&", row)) for row in rows} == {len(columns[1])}
        for letter in "%#_^~—–−±°":
            assert letter not in re.sub(r"\\[%#_]|\\tab:.*|\$\^\\circ\$", "", body.replace(r"\addlinespace", ""))
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule"))


def test_latex_holds_together(grid):
    for brief in (False, True):
        parse_tex(to_tex(grid, brief))


def test_the_parser_notices_what_would_not_compile(evidence):
    good = to_tex(build(evidence, 8))
    for bad in (good.replace(r"\end{tabular}", ""), good.replace("40.8", "40.8 & 1"), good.replace("40.8", "40.8 %")):
        with pytest.raises(AssertionError):
            parse_tex(bad)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX here: parsed instead")
def test_latex_compiles(evidence, tmp_path):
    text = "\n\\clearpage\n".join(to_tex(build(evidence, n)) for n in range(3, 11))
    text += tex_note(f"{SOURCES} 50 % of D = 64, \u22121.0 \u00b1 0.2 (with BatchNorm_1)")
    (tmp_path / "all.tex").write_text(document(text))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "all.pdf").is_file()
    # Nothing runs off the page.
    assert "too large" not in done.stdout and "Overfull" not in done.stdout


def test_a_long_table_is_several_floats_with_every_row_once(evidence):
    text = to_tex(build(evidence, 3))
    assert text.count(r"\begin{table}") == 2 and text.count(r"\label{tab:table3}") == 1
    assert text.count("(continued)") == text.count(r"\addtocounter{table}{-1}") == 1
    heads = [line.split(" & ")[:3] for line in text.splitlines() if line.startswith("Gait")]
    assert heads == [list(row.head) for row in build(evidence, 3).rows]
    assert to_tex(build(evidence, 6)).count(r"\begin{table}") == 1


# --- JSON and lines -------------------------------------------------------------------------------------------


def test_intervals_of_single_views_are_shown_on_request(evidence):
    for number, means in ((3, 1), (7, 0)):
        grid = build(evidence, number)
        for shown, wanted in ((grid, means), (grid.with_intervals(), len(grid.columns))):
            found = [sum(map(bool, x.texts)) for x in lines(shown) if x.kind in INTERVALS and "gaitset" in x.keys[0]]
            assert set(found) == ({wanted} if wanted else set())
    cell = cells(build(evidence, 3))["table3/gaitset/cl/sf/90"]
    assert cell.people is not None
    text = to_markdown(build(evidence, 3).with_intervals())
    assert f"| {cell.people[0]:.1f}–{cell.people[1]:.1f} |" in text


def test_the_legend_says_the_marks_of_a_table_in_words(evidence):
    assert legend(build(evidence, 3)) == (
        "Red, italic: upper bound. Blue, underlined: above Base (CC) at a front or back view. "
        "Bold: above Base (CC) in the mean."
    )
    assert legend(build(evidence, 10)) == "Bold: above GaitSSB* in the mean."
    assert legend(build(evidence, 7), coloured=False) == "Bold: above Base (CC) at a front or back view."
    assert legend(build(evidence, 8)) == legend(build(evidence, 8), coloured=False) == ""
    assert r"Red, italic: upper bound. Bold: above Base (CC) in the mean.}" in to_tex(build(evidence, 4))


def test_json_keeps_every_seed(grid):
    (tree,) = json.loads(as_json([grid]))
    by_key = {cell["key"]: cell for cell in tree["cells"]}
    for key, cell in grid.cells():
        assert tuple(by_key[key]["ours"]) == cell.ours and by_key[key]["paper"] == cell.paper
        assert by_key[key]["why"] == cell.why


def test_repeats_are_byte_identical(evidence):
    for number in range(3, 11):
        one, other = build(evidence, number), build(evidence, number)
        for render in (to_markdown, to_tex, lambda g: to_html([g], "x", ""), lambda g: as_json([g])):
            assert render(one) == render(other)


def test_lines_of_a_row(evidence):
    kinds = [line.kind for line in lines(build(evidence, 6))][:5]
    assert kinds == ["ours", "95 % seeds", "95 % people", "paper", "difference"]
    assert [line.kind for line in lines(build(evidence, 6), brief=True)][:2] == ["ours", "paper"]
    assert to_rich(build(evidence, 6)).row_count == 20


def test_notes_say_what_stands_for_what(evidence):
    assert build(evidence, 3).note == "Ours for CASIA-BN: target (walkers)."
    real = replace(evidence, about={"target": "real data"})
    assert build(real, 3).note == "Ours for CASIA-BN: target (real data)."
    assert "GREW: nothing in this suite" in build(evidence, 6).note
