"""``harness claims --with``: suites of other people and other seeds together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from recorded import edit


def another(root: Path, **changes: dict[str, Any]) -> None:
    """A preset "twin" beside the suite in use: other people, and seeds 3, 4 and 5."""
    shutil.copytree(root / "conf", "conf", dirs_exist_ok=True)
    twin = yaml.safe_load(Path("conf/suite/smoke.yaml").read_text())
    twin["suite"] |= {"preset": "twin", "name": "twin", "seeds": [3, 4, 5], **changes.pop("suite", {})}
    twin["walkers"]["target"] = twin["walkers"].get("target", {}) | {"seed": 99, **changes.pop("target", {})}
    Path("conf/suite/twin.yaml").write_text("# @package _global_\n" + yaml.safe_dump(twin | changes))


def its_records() -> None:
    """The suite's own scores, as if the other had them with its seeds."""
    Path("results/twin/scores").mkdir(parents=True)
    for path in Path("results/smoke/scores").glob("*.json"):
        for seed in (0, 1, 2):
            if path.stem.endswith(f"-s{seed}"):
                copy = Path("results/twin/scores", path.name.replace(f"-s{seed}", f"-s{seed + 3}"))
                shutil.copy(path, copy)
                edit(copy, lambda content, now=seed + 3: content.update(suite="twin", seed=now))


def test_two_suites_give_one_estimate_of_what_both_asked(recorded, harness, root):
    another(root)
    its_records()
    code, out, err = harness("claims", "--with", "twin", "--claim", "sf-cc-cl", "--json")
    assert code == 0, err
    (found,) = json.loads(out)
    own, its = found["each"]
    assert own["claim"] == its["claim"] == "sf-cc-cl" and found["freedom"] == 4 and found["paper"] == 9.7
    assert found["difference"] == pytest.approx(own["difference"]) == its["difference"]
    low, high = found["interval"]
    assert low < found["difference"] < high and "verdict" not in found
    text = harness("claims", "--with", "twin", "--format", "md")[1]
    assert "| claim | smoke | twin | together | 95 % | paper |" in text and "| sf-cc-nm | " in text
    assert "both-beat-each" not in text, "a claim of several parts has no one difference"
    assert "no verdict" in " ".join(harness("claims", "--with", "twin")[1].split())

    page = Path("page.md")
    whole, part = "harness claims --with twin", "harness claims --with twin --claim sf-cc-cl"
    page.write_text(f"Before.\n<!-- {whole} -->\n<!-- /{whole} -->\n<!-- {part} -->\n<!-- /{part} -->\nAfter.\n")
    for words in (whole.split()[1:], part.split()[1:]):
        assert harness(*words, "--update", "page.md")[0] == 0
    kept = page.read_text()
    assert kept.startswith(f"Before.\n<!-- {whole} -->\n{text}<!-- /{whole} -->\n<!-- {part} -->\n| claim |")
    assert kept.rpartition(part)[0].count("| sf-cc-") == text.count("| sf-cc-") + 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"suite": {"seeds": [2, 3, 4]}}, "smoke, which is in use, and twin share seeds (2)"),
        ({"compute": {"precision": "bf16"}}, "differ in more than the people tested and seeds: compute.precision"),
        ({"suite": {"datasets": ["casia-b"]}}, "have target and casia-b for casia-bn; only walkers"),
        ({}, "no claim of one part was tested in all"),
    ],
    ids=["seeds", "settings", "data", "nothing"],
)
def test_suites_that_cannot_be_put_together_are_refused(recorded, refuses, root, changes, why):
    another(root, **changes)
    assert why in refuses("claims", "--with", "twin")


def test_suites_of_the_same_people_are_refused(recorded, refuses, root):
    another(root)
    twin = Path("conf/suite/twin.yaml")
    own = yaml.safe_load(Path("params.yaml").read_text())["walkers"]["target"]["seed"]
    twin.write_text(twin.read_text().replace("seed: 99", f"seed: {own}"))
    assert "and twin have the same people in target" in refuses("claims", "--with", "twin")


def test_data_sets_that_neither_uses_may_differ(recorded, harness, root):
    another(root, archives={"casia-b": {"raw": "elsewhere"}})
    its_records()
    assert harness("claims", "--with", "twin", "--claim", "sf-cc-cl")[0] == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--simulate", "4"), "--with and --simulate do not go together"),
        (("--claims", "own.yaml"), "leave --claims out"),
        (("--claim", "sf-cc-c"), "no claim 'sf-cc-c'; did you mean 'sf-cc-cl'"),
        (("--claim", "both-beat-each"), "'both-beat-each' has several parts, or was not tested in all"),
        (("--claim", "a-2-best"), "'a-2-best' has several parts, or was not tested in all"),
        (("--with", "twon"), "unknown suite 'twon'"),
    ],
    ids=["simulate", "claims", "claim", "parts", "untested", "suite"],
)
def test_words_that_do_not_go_together_are_refused(recorded, refuses, root, words, why):
    another(root)
    its_records()
    assert why in refuses("claims", "--with", "twin", *words)
