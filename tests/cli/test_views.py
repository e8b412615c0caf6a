"""``harness views``: what a view classifier says, beside the truth."""

from __future__ import annotations

import numpy as np
import pytest

from harness.cli.views import told


def test_counts_are_those_of_a_plain_loop():
    rng = np.random.default_rng(3)
    degrees, called = rng.choice([0, 18, 90, 162, 180], 200), rng.random(200) < 0.4
    found = told(7, called, degrees)
    right = sum(c and d in (0, 180) for c, d in zip(called.tolist(), degrees.tolist(), strict=True))
    assert (found.seed, found.sequences, found.called) == (7, 200, pytest.approx(sum(called.tolist()) / 200))
    assert found.precision == pytest.approx(right / sum(called.tolist()))
    assert found.recall == pytest.approx(right / sum(d in (0, 180) for d in degrees.tolist()))
    near = sum(c and d in (0, 18, 162, 180) for c, d in zip(called.tolist(), degrees.tolist(), strict=True))
    assert found.precision_near == pytest.approx(near / sum(called.tolist()))
    for view, share in found.views.items():
        of_view = [c for c, d in zip(called.tolist(), degrees.tolist(), strict=True) if d == view]
        assert share == pytest.approx(sum(of_view) / len(of_view))
    assert list(found.views) == [0, 18, 90, 162, 180]


def test_nothing_called_and_nothing_to_find():
    degrees = np.array([90, 108])
    none, every = told(0, np.zeros(2, bool), degrees), told(0, np.ones(2, bool), degrees)
    assert (none.precision, none.precision_near, none.recall, none.called) == (None, None, None, 0)
    assert (every.precision, every.precision_near, every.recall) == (0, 0, None)


def test_what_is_missing_is_named(empty, refuses):
    assert "unknown data set 'elsewhere'" in refuses("views", "--dataset", "elsewhere")
    assert "harness data generate target" in refuses("views")
