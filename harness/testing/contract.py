"""What every method promises, as a class of tests.

In a package of your own::

    from harness.testing.contract import MethodContract

    class TestMine(MethodContract):
        method = "mine"
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import config
from harness.registry import find, names, plugged
from harness.testing.tiny import PEOPLE, SEQUENCES, shrink, smoke_tree, start, trained
from harness.types import Network


class MethodContract:
    """Subclass it and name your method; pytest does the rest."""

    method: str
    """Its name as an entry point."""

    @pytest.fixture
    def name(self) -> str:
        return self.method

    @pytest.fixture
    def backbone(self) -> str:
        """Of the smoke suite; parametrise the class with others."""
        return "gaitset"

    @pytest.fixture
    def settings(self, backbone: str) -> config.Settings:
        # It asks for the backbone so that a class parametrised with several may hold tests that need none.
        return shrink(smoke_tree())

    def test_says_what_it_is(self, name: str, settings: config.Settings):
        """Known parameters, a parent that the pipeline has by then, a title for the tables."""
        method = find("method", name)(settings)
        for key in method.params:
            config.value_at(settings, key)
        if name in plugged("method"):
            assert method.parent() in (None, "pretrain", "cc"), "a plug-in starts from nothing, pretrain or cc"
            assert not method.on_source, "a plug-in trains on the target: its stage says so"
            assert isinstance(method.title, str) and method.title
            assert f"methods.{name}" in method.params
        else:
            assert method.parent() in (None, *names("method"))

    def test_its_plan_labels_every_sequence(self, name: str, backbone: str, settings: config.Settings):
        method = find("method", name)(settings)
        tools = start(method, settings, backbone)
        assert isinstance(tools.network, Network)
        assert (tools.pool.labels is None) == (not method.uses_labels)
        plan = method.plan_epoch(0, tools.pool, tools)
        assert plan.labels.shape == (SEQUENCES,) and plan.labels.dtype == np.int64
        used = np.unique(plan.labels[plan.labels >= 0])
        np.testing.assert_array_equal(used, np.arange(used.size))  # no gaps
        assert plan.classes is None or 2 <= plan.classes <= used.size
        assert all(math.isfinite(value) for value in plan.metrics.values())

    def test_training_changes_weights_and_repeats(
        self, name: str, backbone: str, settings: config.Settings, tmp_path: Path
    ):
        method = find("method", name)(settings)
        before = {key: value.clone() for key, value in start(method, settings, backbone).network.state_dict().items()}
        after, history = trained(method, settings, tmp_path / "a", backbone)
        assert len(history) == 1 and math.isfinite(history[0]["loss"])
        changed = {key for key in before if not torch.equal(before[key], after[key])}
        assert any("weight" in key for key in changed)
        assert all(value.isfinite().all() for value in after.values())
        again, _ = trained(find("method", name)(settings), settings, tmp_path / "b", backbone)
        assert all(torch.equal(after[key], again[key]) for key in after)

    def test_embeds_for_evaluation(self, name: str, backbone: str, settings: config.Settings):
        """A batch-mate never changes an embedding, and the network that only embeds needs no classifier."""
        method: Any = find("method", name)(settings)
        tools = start(method, settings, backbone)
        network = tools.network.eval()
        assert isinstance(network, Network)
        frames, lengths = torch.rand(4, 3, 64, 44, generator=torch.Generator().manual_seed(0)), torch.full((4,), 3)
        frames = frames.to(tools.device.torch)
        with torch.no_grad():
            whole, alone = network.embed(frames, lengths), network.embed(frames[:1], lengths[:1])
        assert whole.ndim == 3 and len(whole) == 4
        torch.testing.assert_close(whole[:1], alone, rtol=1e-4, atol=1e-5)

    def test_a_resumed_run_gets_its_state_back(self, name: str, settings: config.Settings):
        method, other = find("method", name)(settings), find("method", name)(settings)
        tools = start(method, settings)
        method.plan_epoch(0, tools.pool, tools)
        other.restore(method.state(within_epoch=False))
        assert other.state(within_epoch=False) == method.state(within_epoch=False)

    def test_never_sees_more_people_than_it_may(self, name: str, settings: config.Settings):
        method = find("method", name)(settings)
        pool = start(method, settings).pool
        seen = 0 if pool.labels is None else len(set(pool.labels.subject))
        assert seen == (PEOPLE if method.uses_labels else 0)
