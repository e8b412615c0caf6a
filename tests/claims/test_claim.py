"""Claims as data: the paper's own are whole, a faulty file is one line that names the claim."""

from __future__ import annotations

import pytest
import yaml

from harness.claims.claim import read_claims
from harness.errors import UserError
from harness.published import published

CLAIM = {
    "key": "mine",
    "says": "x",
    "where": "y",
    "table": 3,
    "dataset": "casia-bn",
    "backbone": "gaitset",
    "paper": 1.0,
    "parts": [{"gain": ["sf", "cc"], "under": ["CL"], "above": 0}],
}


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


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"table": 11}, "claim 'mine': names Table 11, which has no numbers; those that do: 3, 4, 5"),
        ({"table": 2}, "claim 'mine': names Table 2"),
        ({"table": "control"}, "claim 'mine': table"),
        ({"backbone": "gaitpart"}, "claim 'mine': backbone"),
        ({"dataset": "casia-b"}, "claim 'mine': dataset"),
        ({"papper": 1.0}, "claim 'mine': unknown field 'papper'; did you mean 'paper'?"),
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
    path.write_text("- 1\n")
    with pytest.raises(UserError, match=r"broken\.yaml: "):
        read_claims(path)
    path.write_text(yaml.safe_dump({"claims": [CLAIM, CLAIM]}))
    with pytest.raises(UserError, match="two claims are called 'mine'"):
        read_claims(path)


def value(table, backbone, method, condition, view="mean", variant=("", "a=2", "curriculum-rate=adaptive")):
    found = [
        float(p.value)
        for p in published(table)
        if (p.backbone, p.method, p.condition, p.view, p.metric) == (backbone, method, condition, view, "rank1")
        and p.variant in variant
    ]
    return found[0]


def test_sizes_of_the_papers_claims_follow_from_its_tables():
    """Of claims about one gain on average over all views, the size is the difference of two printed numbers."""
    checked = 0
    for claim in read_claims():
        part = claim.parts[0]
        if (
            claim.table == "controls"
            or len(claim.parts) > 1
            or part.views != "all"
            or part.than_under
            or " " in "".join(part.gain)
        ):
            continue
        table = {"ssf": 6, "scf": 6}.get(part.gain[0], claim.table)
        if claim.dataset != "casia-bn":
            continue
        gain = value(table, claim.backbone, part.gain[0], part.under[0]) - value(
            table, claim.backbone, part.gain[1], part.under[0]
        )
        assert claim.paper == pytest.approx(gain), claim.key
        assert (part.above is not None) == (gain > 0), claim.key
        checked += 1
    assert checked >= 11


def test_sizes_by_view_follow_too():
    claims = {claim.key: claim for claim in read_claims()}
    loss = value(3, "gaitgl", "sf", "NM", "180") - value(3, "gaitgl", "cc", "NM", "180")
    assert claims["gaitgl-180-loss"].paper == pytest.approx(loss)
    for key, table, method in (("sf-front-back", 3, "sf"), ("ssf-front-back-only", 7, "ssf")):
        gains = [
            value(table, "gaitset", method, c, v) - value(table, "gaitset", "cc", c, v)
            for c in ("NM", "BG", "CL")
            for v in ("0", "18", "162", "180")
        ]
        assert claims[key].paper == pytest.approx(sum(gains) / len(gains), abs=0.05)


def test_every_row_of_table_6_is_claimed():
    claims = read_claims()
    keys = {claim.key for claim in claims}
    rows = {(p.method, p.dataset, p.condition) for p in published(6) if p.method != "cc"}
    for method, dataset, condition in rows:
        if method == "sf" and dataset == "casia-bn":
            assert f"sf-cc-{condition.lower()}" in keys
        else:
            assert f"table6-{method}-{dataset}-{condition.lower()}" in keys
    assert len(claims) == len(keys) >= 35
