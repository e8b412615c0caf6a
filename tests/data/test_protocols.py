"""What every data set's protocol promises, and what the papers say of each."""

from __future__ import annotations

import pkgutil
from fnmatch import fnmatchcase

import pytest

from harness.cli.score import PROTOCOLS
from harness.config import Domain
from harness.data import sets
from harness.data.sets import protocol_of
from harness.types import EvaluationProtocol

LAYOUTS = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(sets.__path__))
CONDITIONS = {
    "casia-b": [*(f"nm-{i:02d}" for i in range(1, 7)), "bg-01", "bg-02", "cl-01", "cl-02"],
    "oumvlp": ["00", "01"],
    "outdoor-gait": [f"scene{s}-{c}-{i:02d}" for s in (1, 2, 3) for c in ("nm", "bg", "cl") for i in range(1, 5)],
    "grew": [f"{i:02d}" for i in range(1, 9)],
}


def matching(layout: str, patterns: tuple[str, ...]) -> set[str]:
    return {c for c in CONDITIONS[layout] if any(fnmatchcase(c, p) for p in patterns)}


def test_every_layout_is_tried_and_can_be_scored():
    assert set(LAYOUTS) == set(CONDITIONS) == set(PROTOCOLS)
    assert set(LAYOUTS) == set(Domain.model_fields["layout"].annotation.__args__)  # pyright: ignore


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_protocol_is_whole(layout: str):
    protocol = protocol_of(layout)
    assert isinstance(protocol, EvaluationProtocol) and protocol.probes
    gallery = matching(layout, protocol.gallery)
    assert gallery
    seen: set[str] = set(gallery)
    for name, patterns in protocol.probes.items():
        probes = matching(layout, patterns)
        assert probes and not probes & seen, name  # nobody is looked up among the probes
        seen |= probes
    assert seen | matching(layout, protocol.others) == set(CONDITIONS[layout])
    assert protocol.unmatched == "count" and 1 in protocol.ranks
    assert list(protocol.ranks) == sorted(set(protocol.ranks)) and list(protocol.views) == sorted(set(protocol.views))
    assert not protocol.per_view or len(protocol.views) > 1


def test_the_papers_protocols():
    casia, oumvlp, outdoor, grew = (protocol_of(name) for name in ("casia-b", "oumvlp", "outdoor-gait", "grew"))
    assert matching("casia-b", casia.gallery) == {f"nm-{i:02d}" for i in range(1, 5)}
    assert {n: matching("casia-b", p) for n, p in casia.probes.items()} == {
        "NM": {"nm-05", "nm-06"},
        "BG": {"bg-01", "bg-02"},
        "CL": {"cl-01", "cl-02"},
    }
    assert casia.per_view and casia.views == (0, 18, 36, 54, 72, 90, 108, 126, 144, 162, 180)
    assert (oumvlp.gallery, dict(oumvlp.probes)) == (("01",), {"NM": ("00",)}) and oumvlp.per_view
    assert oumvlp.views == (0, 15, 30, 45, 60, 75, 90, 180, 195, 210, 225, 240, 255, 270)
    assert matching("outdoor-gait", outdoor.gallery) == {f"scene3-nm-{i:02d}" for i in range(1, 5)}
    assert len(matching("outdoor-gait", outdoor.probes["CL"])) == 8 and not outdoor.per_view
    assert (grew.gallery, dict(grew.probes)) == (("01",), {"all": ("02",)}) and not grew.per_view
    assert grew.ranks == (1, 5, 10, 20) and grew.average_precision
    assert not any(other.average_precision for other in (casia, oumvlp, outdoor))
