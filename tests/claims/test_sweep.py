"""Claims about a sweep are about the values that a suite has."""

from __future__ import annotations

import pytest

from harness.claims.claim import Claim
from harness.claims.sweep import laid_out

SWEPT = {"cc": ["n=10", "n=20", "nn=5", "s_up=0.5", "m=0.1", "m=0.2"], "sf": ["a=3"]}
OWN = {"cc": ["n=15", "s_up=0.7"], "sf": ["a=2"]}


def gains(*pairs: tuple[str, str], swept=SWEPT, own=OWN) -> list[tuple[str, str]]:
    parts = [{"gain": pair, "under": ["NM"], "above": -0.5} for pair in pairs]
    about = {"key": "x", "says": "", "where": "", "table": "figure5", "dataset": "casia-bn", "backbone": "gaitset"}
    (claim,) = laid_out([Claim.model_validate({**about, "parts": parts})], swept, own)
    assert all(part.above == -0.5 and part.under == ("NM",) for part in claim.parts)
    return [part.gain for part in claim.parts]


@pytest.mark.parametrize(
    ("pair", "others"),
    [
        (("cc", "cc n=*"), ["cc n=10", "cc n=20"]),
        (("cc n=10", "cc n=*"), ["cc n=20", "cc n=15"]),  # the method as it is has a value too
        (("cc s_up=0.7", "cc s_up=*"), ["cc s_up=0.5"]),
        (("cc s_up=0.6", "cc s_up=*"), ["cc s_up=0.5", "cc s_up=0.7"]),
        (("cc m=0.2", "cc m=*"), ["cc m=0.1"]),
        (("sf", "sf a=*"), ["sf a=3"]),
    ],
)
def test_a_star_is_every_other_value(pair, others):
    assert gains(pair) == [(pair[0], other) for other in others]


def test_what_has_no_star_stays_beside_what_has():
    assert gains(("cc", "cc n=10"), ("cc", "cc n=*"), ("sf", "cc")) == [
        ("cc", "cc n=10"), ("cc", "cc n=10"), ("cc", "cc n=20"), ("sf", "cc"),
    ]  # fmt: skip


def test_without_a_sweep_the_star_stays_and_no_run_has_its_name():
    for swept, own in (({}, {}), ({"cc": ["s_up=0.5"]}, {"cc": ["n=15"]})):
        assert gains(("cc", "cc n=*"), swept=swept, own=own) == [("cc", "cc n=*")]
