"""The report: one page whose links lead somewhere, the same twice, and shown by a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from html import escape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from page import Page
from recorded import edit, identity_of, record

from harness.cli import pictures
from harness.cli.figures import sources, write_figures
from harness.config import load
from harness.errors import UserError
from harness.figures import figure6, figure7


def test_the_report_is_one_page_whose_links_lead_somewhere(recorded, harness):
    began = time.process_time()
    assert harness("report")[0] == 0
    assert time.process_time() - began < 60
    text = Path("report/index.html").read_text()
    page = Page(text)
    tags = [tag for tag, _ in page.seen]
    assert not {"script", "link", "iframe"} & set(tags)
    sources = [a["src"] for tag, a in page.seen if tag == "img"]
    assert len(sources) >= 4 and all(str(s).startswith("data:image/svg+xml;base64,") for s in sources)
    # Who does not see a figure is told what it is, not its caption twice.
    instead = [str(a.get("alt")) for tag, a in page.seen if tag == "img"]
    assert all(len(words) > 60 and text.count(words) == 1 for words in map(escape, instead))
    ids = [a["id"] for _, a in page.seen if a.get("id")]
    assert len(ids) == len(set(ids))
    targets = [str(a["href"]) for tag, a in page.seen if tag == "a"]
    assert targets and all(t.startswith("#") and t[1:] in ids for t in targets)
    assert "#run-sf-gaitset-target" in targets
    # What can be looked at or used has a name; what describes something is there.
    labels = {a["for"] for tag, a in page.seen if tag == "label"}
    assert {a["id"] for tag, a in page.seen if tag == "input"} == labels == {"table3-each", "table7-each"}
    assert all(a.get("aria-label") for _, a in page.seen if a.get("tabindex") == "0" or a.get("role") == "region")
    assert all(a.get("aria-label") for tag, a in page.seen if tag == "a" and str(a["href"]).startswith("#run-"))
    pointers = [a[name] for _, a in page.seen for name in ("aria-describedby", "aria-labelledby") if name in a]
    assert len(pointers) > 15 and set(pointers) <= set(ids)
    assert '<span class="blue">Blue, underlined</span>: above Base (CC) at a front or back view.' in text
    assert tags.count("figcaption") == tags.count("figure") and tags.count("caption") == tags.count("table")
    html = next(a for tag, a in page.seen if tag == "html")
    assert html["lang"] == "en" and tags.count("main") == tags.count("h1") == 1
    assert "prefers-color-scheme: dark" in text and "@media print" in text and "width=device-width" in text
    for word in ("supported", "similarity-space", "49.37", "0" * 12, "Table 10."):
        assert word in text


def test_the_report_and_its_markdown_are_the_same_twice(recorded, harness):
    for words, path in ((("report",), "report/index.html"), (("report", "--markdown"), "report/report.md")):
        assert harness(*words)[0] == 0
        once = Path(path).read_bytes()
        Path(path).unlink()
        assert harness(*words)[0] == 0 and Path(path).read_bytes() == once


def test_the_markdown_page_says_what_was_found_and_its_links_lead_somewhere(recorded, harness):
    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    # A page called like the folder of the records must not replace it.
    assert harness("report", "--markdown", "--output", "results.md")[0] == 0
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before
    text = Path("results.md").read_text()
    assert (
        "**Yes, by the paper's main criterion: on changed clothes Selective Fusion gains on its baseline CC (+" in text
    )
    assert re.search(r"\| on CC, CL \| \+9\.7 † \| \+\S+ \| .* \| supported \|\n", text)
    assert re.search(r"\(sf-cc-cl\) \| supported \| \+9\.7 † \|.*\| section 4.4.1 ", text)
    assert "- not run: no run of cc_long with gaitset on target scored for CL: sf-equal-compute" in text
    images = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", text)
    assert [Path(path).stem for _, path in images] == ["figure5", "polar", "epochs", "cost"]
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for _, path in images)
    for heading in (
        "Claims of the paper",
        "Order of the methods",
        "Diagnosis",
        "Tables",
        "Figures",
        "Cost",
        "Decisions",
        "Digests",
        "Runs",
    ):
        assert f"\n## {heading}\n" in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert all(len(row) > 1 for row in rows) and "| None" not in text and "\n\n\n" not in text
    assert "Table 5. Rank-1 and rank-5 (%) on GREW**\n\n- suite smoke has no data set in GREW's structure" in text
    assert "| gaitset on target |" not in text and "**gaitset on target**" in text
    assert "| all | 21 |  | 21.0 |" in text and f"| data set target | {'ab' * 32} |" in text


def test_what_the_steps_did_stands_below_their_numbers(recorded, harness):
    step = {"support_same": 0.125, "support_clothes": 0.0, "clothes_joined": 0.5}
    for seed in (0, 1, 2):
        path = Path(f"results/smoke/epochs/sf-gaitset-target-s{seed}.json")
        edit(path, lambda content: [epoch.update(step) for epoch in content["epochs"]])
    same = {"labels": "0" * 16, "weights": "f" * 16}
    for stem in ("sf-gaitset-target-s1", "scf-gaitset-target-s1"):
        path = Path(f"results/smoke/epochs/{stem}.json")
        edit(path, lambda content: content.update(digests=[same] * len(content["epochs"])))
    assert harness("report", "--markdown")[0] == 0
    text = Path("report/report.md").read_text()
    assert "did nothing there.\n\n- scf-gaitset-target-s1, sf-gaitset-target-s1\n" in text
    answer = "sf: 12 % are, 0 % in other clothes; 50 % of clusters join clothes of one person"
    assert f"- **SCF: are a cluster's partners the same person, in other clothes?** {answer}." in text
    assert harness("report")[0] == 0
    page = Path("report/index.html").read_text()
    assert answer in page
    assert "scf-gaitset-target-s1, sf-gaitset-target-s1" in page and "Order of the methods" in page


def test_figures_of_networks_are_shown_only_if_drawn_from_these_runs(recorded, harness):
    folder = Path("results/smoke/figures")
    folder.mkdir()
    for kind in ("svg", "png"):
        (folder / f"figure6.{kind}").write_bytes(b"<svg>of an old run</svg>")
    drawn_from = [identity_of("cc", 0), identity_of("sf", 0)]
    for written, shown in (({}, False), ({"figure6": ["old", "run"]}, False), ({"figure6": drawn_from}, True)):
        (folder / "sources.json").write_text(json.dumps(written))
        assert harness("report", "--markdown")[0] == 0
        text = Path("report/report.md").read_text()
        assert ("figures/smoke/figure6.png" in text) == shown
        assert ("- figure6 is not there: it was drawn from other runs than these" in text) != shown
    assert "- figure7 is not there: `harness figures` draws it" in text
    (folder / "sources.json").write_text("[]")
    code, _, err = harness("report")
    assert code == 2 and "sources.json: does not say whose runs each figure is of" in err and err.count("\n") == 1


def test_figure_7_shows_the_backbones_that_were_run(recorded):
    tree = yaml.safe_load(Path("params.yaml").read_text())
    tree["suite"]["backbones"] = ["gaitgl", "gaitset"]
    Path("params.yaml").write_text(yaml.safe_dump(tree))
    assert sources(load(), "figure7") == [identity_of("sf", 0)]
    tree["suite"]["backbones"] = ["gaitgl"]
    Path("params.yaml").write_text(yaml.safe_dump(tree))
    assert sources(load(), "figure7") == ["None"]


def test_a_network_is_asked_once_for_all_figures(recorded, monkeypatch, tmp_path):
    """Two of them show what SF learnt; to work that out takes a pass over all training sequences."""
    asked, shown = [], []

    class Trained:
        def __init__(self, settings, method, backbone, dataset, seed, stop):
            asked.append((method, backbone, dataset, seed))

        def cloud(self):
            return SimpleNamespace(subject=np.array(["001"]))

        def pairs(self, each):
            return [each]

    def draw(*what):
        shown.append(what)
        raise UserError("not drawn here")

    monkeypatch.setattr(pictures, "Trained", Trained)
    for module in (figure6, figure7):
        monkeypatch.setattr(module, "draw", draw)
    _, missing = write_figures(load(), ("figure6", "figure7"), tmp_path)
    assert missing == {"figure6": "not drawn here", "figure7": "not drawn here"} and len(shown) == 2
    assert sorted(asked) == [("cc", "gaitset", "target", 0), ("sf", "gaitset", "target", 0)]


def test_the_report_links_to_a_server_when_one_is_set(recorded, harness, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    assert harness("report")[0] == 0
    assert '<a href="http://mlflow.example:5000">' in Path("report/index.html").read_text()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium here")
def test_the_report_shows_in_a_browser(recorded, harness, tmp_path):
    """Wide and narrow: something is drawn, and a phone's page is not wider than the phone."""
    assert harness("report")[0] == 0
    for width in (1280, 390):
        shot = tmp_path / f"{width}.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},1600"]
        address = Path("report/index.html").resolve().as_uri()
        done = subprocess.run(["chromium", *flags, f"--screenshot={shot}", address], capture_output=True, timeout=120)
        assert done.returncode == 0 and shot.stat().st_size > 20_000
    probe = Path("report/probe.html")
    script = "<script>document.title = document.documentElement.scrollWidth + ' ' + innerWidth</script></body>"
    probe.write_text(Path("report/index.html").read_text().replace("</body>", script))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900", "--dump-dom"]
    done = subprocess.run(["chromium", *flags, probe.resolve().as_uri()], capture_output=True, text=True, timeout=120)
    found = re.search(r"<title>(\d+) (\d+)</title>", done.stdout)
    assert found and int(found[1]) <= int(found[2])


def test_another_suite_of_the_same_people_is_laid_beside(recorded, harness, root):
    """Twins but for SF, whose runs are better here."""
    shutil.copytree(root / "conf", "conf")
    twin = yaml.safe_load(Path("conf/suite/smoke.yaml").read_text())
    twin["suite"] |= {"preset": "twin", "name": "twin", "seeds": [0, 1, 2]}
    twin["compute"] = {"precision": "bf16"}
    Path("conf/suite/twin.yaml").write_text("# @package _global_\n" + yaml.safe_dump(twin))
    code, _, err = harness("report", "--beside", "twin")
    assert code == 2 and err == "error: --beside twin: results/twin has no scores; compute or pull them first\n"
    shutil.copytree("results/smoke", "results/twin")
    for path in Path("results/twin/scores").iterdir():
        edit(path, lambda content: content.update(suite="twin"))
    for seed in (0, 1, 2):
        record("sf", seed, rate=0.95)
    assert harness("report", "--markdown", "--beside", "twin")[0] == 0
    text = Path("report/report.md").read_text()
    part = text.partition("\n## Beside suite twin\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| GaitSet")]
    assert len(rows) == 21
    for row in rows:
        assert (row[5] == "0.0") == (row[1] != "Ours (SF)") and row[5][0] in "0+"
    assert "**In 3 of 21 rows the interval of the difference leaves zero out." in part
    assert "| compute.precision | fp32 | bf16 |" in part and "| sf-cc-cl | +9.7 | " in part
    assert harness("report", "--beside", "twin")[0] == 0
    assert '<h2 id="h-beside">Beside suite twin</h2>' in Path("report/index.html").read_text()


@pytest.mark.parametrize(
    ("preset", "why"),
    [
        ("smoke", "its results are this suite's own"),
        ("walkers", "its test people are not this suite's"),
        ("twon", "unknown suite 'twon'"),
    ],
)
def test_a_suite_that_cannot_be_compared_is_refused(recorded, refuses, root, preset, why):
    shutil.copytree(root / "conf", "conf")
    assert why in refuses("report", "--beside", preset)
