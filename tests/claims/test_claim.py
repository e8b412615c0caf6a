"""Claims as data: the paper's own are whole, a faulty file is one line that names the claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.claims.claim import Claim, Part, read_claims
from harness.errors import UserError
from harness.files import parse_yaml, sha256
from harness.published import TABLES, published

CLAIM = {
    "key": "mine",
    "says": "x",
    "where": "y",
    "table": 3,
    "dataset": "casia-bn",
    "backbone": "gaitset",
    "parts": [{"gain": ["sf", "cc"], "under": ["CL"], "above": 0, "paper": 1.0}],
}


UNSIZED = "scf-hurts-front-back"
"""Said without a number, of views that no table prints for SCF."""


def part(**changes) -> dict[str, Any]:
    return {"gain": ["sf", "cc"], "under": ["CL"], "above": 0, **changes}


@pytest.fixture
def write(tmp_path):
    def call(**changes):
        path = tmp_path / "claims.yaml"
        path.write_text(yaml.safe_dump({"claims": [{**CLAIM, **changes}]}))
        return path

    return call


def test_a_file_of_ones_own(write):
    (claim,) = read_claims(write())
    assert claim.key == "mine" and claim.parts[0].gain == ("sf", "cc") and claim.parts[0].bound == 0
    assert claim.paper == 1.0 and claim.metric == "rank1"


@pytest.mark.parametrize(
    ("parts", "least"),
    [
        ([part(paper=5), part(paper=3)], 3),
        ([part(paper=1), part(paper=0.5, above=-2)], 1),  # what counts is how far the bound is
        ([part(paper=-7, above=None, below=0), part(paper=-4, above=None, below=0)], -4),
        ([part(), part(paper=3)], 3),
        ([part()], None),
    ],
)
def test_a_claim_has_the_size_of_the_part_with_the_least_to_spare(write, parts, least):
    (claim,) = read_claims(write(parts=parts))
    assert claim.paper == least


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "sf against cc on CL"),
        ({"under": ["NM", "BG"], "views": "front-back"}, "sf against cc on NM, BG at front/back views"),
        ({"than_under": ["NM"]}, "sf against cc on CL, less the same on NM"),
        ({"views": [0], "than_views": "other"}, "sf against cc on CL at 0 degrees, less the same on CL at other views"),
    ],
)  # fmt: skip
def test_a_part_in_words(changes, words):
    assert Part.model_validate(part(**changes)).words == words


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"table": 11}, "claim 'mine': names Table 11, which has no numbers; those that do: 3, 4, 5"),
        ({"table": 2}, "claim 'mine': names Table 2"),
        ({"table": "control"}, "claim 'mine': table"),
        ({"backbone": "gaitpart"}, "claim 'mine': backbone"),
        ({"dataset": "casia-b"}, "claim 'mine': dataset"),
        ({"metrik": "rank5"}, "claim 'mine': unknown field 'metrik'; did you mean 'metric'?"),
        ({"metric": "rank3"}, "claim 'mine': metric"),
        ({"paper": 1.0}, "claim 'mine': unknown field 'paper'; it belongs to a part"),
        ({"parts": [part(papper=1.0)]}, "claim 'mine': parts: 0: unknown field 'papper'; did you mean 'paper'?"),
        ({"parts": [part(table=3)]}, "claim 'mine': parts: 0: unknown field 'table'; it belongs to the claim"),
        ({"parts": [part(gain=["cc n=*", "cc"])]}, "claim 'mine': parts: 0: 'cc n=*': only what it is compared with"),
        ({"parts": [part(gain=["sf", "sf"])]}, "claim 'mine': parts: 0: 'sf' is compared with itself"),
        ({"parts": []}, "claim 'mine': parts"),
        ({"parts": [{"gain": ["sf"], "under": ["CL"], "above": 0}]}, "claim 'mine': parts: 0: gain"),
        ({"parts": [{"gain": ["sf", "cc"], "under": ["CL"]}]}, "give either 'above' or 'below'"),
        ({"parts": [{"gain": ["sf", "cc"], "under": ["CL"], "above": 0, "below": 0}]}, "give either"),
        ({"parts": [{"gain": ["sf", "cc"], "under": ["coat"], "above": 0}]}, "claim 'mine': parts: 0: under"),
    ],
)
def test_faults_name_the_claim(write, changes, expected):
    with pytest.raises(UserError) as caught:
        read_claims(write(**changes))
    text = str(caught.value)
    assert expected in text and "claims.yaml" in text and "\n" not in text


def test_files_that_are_none(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_claims(tmp_path / "none.yaml")
    path = tmp_path / "broken.yaml"
    path.write_text("claims: [")
    with pytest.raises(UserError, match="not valid YAML"):
        read_claims(path)
    for none in ("- 1\n", ""):
        path.write_text(none)
        with pytest.raises(UserError, match=r"broken\.yaml: holds no claims"):
            read_claims(path)
    path.write_text("claim: []\n")
    with pytest.raises(UserError, match=r"broken\.yaml: unknown section 'claim'; did you mean 'claims'\?"):
        read_claims(path)
    path.write_text(yaml.safe_dump({"claims": [CLAIM, CLAIM]}))
    with pytest.raises(UserError, match="two claims are called 'mine'"):
        read_claims(path)


OWN = ("", "a=2", "curriculum-rate=adaptive")
FRONT_BACK = ("0", "18", "162", "180")


def prints(claim: Claim, method: str, condition: str, view: str) -> float:
    """What the paper prints of a method; its own setting stands under several names."""
    name, _, variant = method.partition(" ")
    wanted = (variant,) if variant else OWN
    found = {
        float(p.value)
        for table in TABLES
        for p in published(table)
        if (p.dataset, p.backbone, p.method) == (claim.dataset, claim.backbone, name)
        and (p.condition, p.view, p.metric) == (condition, view, claim.metric)
        and p.variant in wanted
    }
    (one,) = found
    return one


def size(claim: Claim, part: Part) -> float:
    """A part's size in the paper, in points."""

    def gain(conditions, views) -> float:
        shown = {"all": ["mean"], "front-back": FRONT_BACK, "other": [str(v) for v in range(36, 145, 18)]}
        chosen = [str(v) for v in views] if isinstance(views, tuple) else shown[views]
        above, below = part.gain
        pairs = [(c, v) for c in conditions for v in chosen]
        return sum(prints(claim, above, *p) - prints(claim, below, *p) for p in pairs) / len(pairs)

    less = 0.0
    if part.than_under or part.than_views is not None:
        less = gain(part.than_under or part.under, part.views if part.than_views is None else part.than_views)
    return gain(part.under, part.views) - less


def test_the_size_of_every_part_follows_from_the_papers_tables():
    """And the tables have every part as it is claimed."""
    claims = [claim for claim in read_claims() if isinstance(claim.table, int) and claim.key != UNSIZED]
    assert len(claims) >= 46 and sum(len(claim.parts) > 1 for claim in claims) >= 9
    for claim in claims:
        for i, part in enumerate(claim.parts):
            about = f"{claim.key}, part {i}"
            assert part.paper == pytest.approx(size(claim, part), abs=0.0501), about
            assert part.spare is not None and part.spare > 0, about


def test_what_was_registered_stays_as_it_was_and_asks_what_the_papers_list_asks(root: Path):
    """The replication's file, written before its runs were scored; a claim of the same name is the same claim."""
    path = root / "conf/claims/replication.yaml"
    assert sha256(path).startswith("2e9e59c6e507ae58")
    paper = {claim.key: claim.parts for claim in read_claims()}
    registered = read_claims(path)
    assert [claim.key for claim in registered if claim.family == "registered"] == ["sf-cc-cl", "sf-equal-compute"]
    (equal,) = paper["sf-equal-compute"]
    others = {f"sf-equal-compute-{c.lower()}": (equal.model_copy(update={"under": (c,)}),) for c in ("NM", "BG")}
    for claim in registered:
        assert claim.parts == {**paper, **others}[claim.key]


def test_claims_that_a_preset_names_are_there(root: Path):
    presets = [parse_yaml(path.read_text())["suite"] for path in (root / "conf/suite").glob("*.yaml")]
    named = [suite["claims"] for suite in presets if "claims" in suite]
    assert named and all(read_claims(root / name) for name in named)


def test_what_the_paper_prints_no_size_of_has_none():
    for claim in read_claims():
        if not isinstance(claim.table, int) or claim.key == UNSIZED:
            assert claim.paper is None, claim.key


def test_what_is_claimed_to_stay_below_upper():
    """Every unsupervised method, wherever the paper has its number beside Upper's."""
    claimed = {
        (claim.dataset, claim.backbone, part.gain[0])
        for claim in read_claims()
        for part in claim.parts
        if part.gain[1] == "upper" and part.below == 0
    }
    assert {("casia-bn", "gaitset", m) for m in ("pretrain", "cc", "ssf", "scf", "sf", "gaitssb")} <= claimed
    others = (("casia-bn", "gaitgl"), ("outdoor-gait", "gaitset"), ("grew", "gaitset"))
    assert {(*place, method) for place in others for method in ("pretrain", "cc", "sf")} <= claimed
    printed = {(p.dataset, p.backbone, p.method) for table in TABLES for p in published(table)}
    beside = {(p.dataset, p.backbone) for table in (3, 4, 5) for p in published(table) if p.method == "upper"}
    assert {place for place in printed if place[2] != "upper" and place[:2] in beside} <= claimed


def test_every_row_of_table_6_is_claimed():
    claims = read_claims()
    keys = {claim.key for claim in claims}
    rows = {(p.method, p.dataset, p.condition) for p in published(6) if p.method != "cc"}
    for method, dataset, condition in rows:
        if method == "sf" and dataset == "casia-bn":
            assert f"sf-cc-{condition.lower()}" in keys
        else:
            assert f"table6-{method}-{dataset}-{condition.lower()}" in keys
    assert len(claims) == len(keys) >= 60
    (wild,) = [claim for claim in claims if claim.key == "table6-sf-grew-all"]
    assert wild.where == "section 4.4.3 (Rank-1 + 1.9) and Table 6"
