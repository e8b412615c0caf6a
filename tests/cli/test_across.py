"""``harness across``: one comparison in several suites."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from recorded import edit, record


def twin(root: Path, name: str = "twin", **suite: object) -> None:
    """A second suite with the records of the first."""
    shutil.copytree(root / "conf", "conf", dirs_exist_ok=True)
    tree = yaml.safe_load(Path("conf/suite/smoke.yaml").read_text())
    tree["suite"] |= {"preset": name, "name": name, "seeds": [0, 1, 2], **suite}
    Path(f"conf/suite/{name}.yaml").write_text("# @package _global_\n" + yaml.safe_dump(tree))
    shutil.copytree("results/smoke", f"results/{name}")
    for path in Path("results", name, "scores").iterdir():
        edit(path, lambda content: content.update(suite=name))


def test_each_suite_says_what_it_found_of_a_claim(recorded, harness, root):
    twin(root)
    for seed in (0, 1, 2):
        record("sf", seed, rate=0.95)
    code, out, err = harness("across", "smoke", "twin", "--claim", "sf-cc-cl", "--format", "json")
    assert code == 0, err
    found = json.loads(out)
    # A preset's seeds count, not those of params.yaml.
    assert list(found) == ["sf-cc-cl"] and list(found["sf-cc-cl"]) == ["smoke", "twin"]
    assert found["sf-cc-cl"]["smoke"]["seeds"] == 2
    own = next(one for one in json.loads(harness("claims", "--json")[1]) if one["claim"] == "sf-cc-cl")
    assert found["sf-cc-cl"]["smoke"]["paper"] == own["paper"] and own["seeds"] == 3
    text = harness("across", "twin", "smoke", "--format", "md")[1]
    assert text.splitlines()[0] == "| suite | sf-cc-cl | sf-equal-compute |"
    its = found["sf-cc-cl"]["twin"]
    assert f"| {its['difference']:+.1f} ({its['interval'][0]:+.1f} to" in text.replace("\u2212", "-")
    assert f"{its['people']} people, 3 seeds: supported" in text and "| not run |" in text
    assert "supported" in harness("across", "twin", "--claim", "sf-cc-cl")[1]

    page = Path("page.md")
    page.write_text("<!-- harness across twin smoke -->\n<!-- /harness across twin smoke -->\n")
    assert harness("across", "twin", "smoke", "--update", "page.md", "--figure", "forest.png")[0] == 0
    assert text in page.read_text() and Path("forest.png").read_bytes().startswith(b"\x89PNG")


def test_a_claim_that_asks_another_thing_elsewhere_is_refused(recorded, refuses, root):
    about = {"key": "sf-cc-cl", "says": "", "where": "", "table": 3, "dataset": "casia-bn", "backbone": "gaitset"}
    own = {**about, "parts": [{"gain": ["sf", "cc"], "under": ["NM"], "above": 0}]}
    Path("claims").mkdir()
    Path("claims/own.yaml").write_text(yaml.safe_dump({"claims": [own]}))
    twin(root, claims="claims/own.yaml")
    assert "'sf-cc-cl' asks another thing in twin than in smoke" in refuses("across", "smoke", "twin")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("smok",), "unknown suite 'smok'"),
        (("smoke", "--claim", "sf-cc-c"), "no claim 'sf-cc-c' in these suites; did you mean 'sf-cc-cl'"),
        (("smoke", "--claim", "both-beat-each"), "'both-beat-each' has several parts in smoke"),
        (("smoke", "--figure", "forest.pdf"), "a figure is .png or .svg"),
        (("smoke", "--update", "page.md"), "page.md: no such file; name a document"),
    ],
    ids=["suite", "claim", "parts", "figure", "page"],
)
def test_what_is_not_there_is_refused(recorded, refuses, root, words, why):
    shutil.copytree(root / "conf", "conf")
    assert why in refuses("across", *words)


def test_suites_have_claims_of_their_own(recorded, harness, refuses, root):
    """One that lacks a claim was not asked it, whatever its records; a missing file is named with who names it."""
    part = {"gain": ["sf", "cc"], "under": ["NM"], "above": 1.5}
    about = {"key": "own", "says": "so", "where": "", "table": 3, "dataset": "casia-bn", "backbone": "gaitset"}
    twin(root, claims="claims/own.yaml")
    assert "though conf/suite/twin.yaml's suite.claims names it" in refuses("across", "twin")
    Path("claims").mkdir()
    Path("claims/own.yaml").write_text(yaml.safe_dump({"claims": [{**about, "parts": [part]}]}))
    assert "no claim 'onw' in these suites; did you mean 'own'" in refuses("across", "twin", "--claim", "onw")
    code, out, err = harness("across", "twin", "smoke", "--claim", "own", "--json", "--figure", "forest.svg")
    assert code == 0, err
    found = json.loads(out)["own"]
    assert found["smoke"] is None and found["twin"]["asks"] == ["sf against cc on NM, above 1.5"]
    drawn = Path("forest.svg").read_text()
    assert "SF against CC" in drawn and "not asked" in drawn and "the paper has no such number" in drawn
