"""Records of every method on three seeds, and each table made from them."""

from __future__ import annotations

import pytest
from grids import METHODS, build, outcome, records_of

from harness.tables.grid import Evidence, Grid


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    outcomes = [outcome(m, c, s) for m in METHODS for c in ("NM", "BG", "CL") for s in (0, 1, 2)]
    outcomes += [outcome("sf", c, s, "a=3") for c in ("NM", "BG", "CL") for s in (0, 1)]
    records = [r for o in outcomes for r in records_of(o)]
    stands_for, about = {"casia-bn": "target"}, {"target": "walkers"}
    return Evidence("x", (0, 1, 2), ("gaitset",), stands_for, tuple(records), tuple(outcomes), about=about)


@pytest.fixture(scope="module", params=range(3, 11))
def grid(request, evidence) -> Grid:
    return build(evidence, request.param)
