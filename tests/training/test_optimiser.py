"""Learning rates, and that the trainer uses them."""

from pathlib import Path
from typing import Any

import pytest

from harness import config
from harness.config import Optimiser
from harness.registry import find
from harness.training import checkpoint
from harness.training.optimiser import learning_rate

EPOCHS = 4


def test_learning_rate():
    plain = Optimiser(kind="sgd", lr=0.1, weight_decay=0, momentum=0.9, milestones=(3, 5), gamma=0.1, warmup=0)
    assert [learning_rate(plain, step, step) for step in range(7)] == pytest.approx(
        [0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    )
    warm = plain.model_copy(update={"warmup": 3})
    assert [learning_rate(warm, 0, own) for own in range(6)] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])
    # Stages that go on count milestones from where the stage before ended, but warm up on their own.
    assert [learning_rate(warm, 4 + own, own) for own in range(4)] == pytest.approx([0.0025, 0.0005, 0.00075, 0.001])


@pytest.mark.parametrize("first_step", [0, 4])
def test_trainer_uses_that_rate(first_step: int, settings: config.Settings, tiny: Any, tmp_path: Path):
    method = find("method", "upper")(settings)
    method.first_step = first_step
    tiny.fit(method, tmp_path)
    own = method.training.optimiser.model_copy(update={"milestones": (11,)})
    method.training = method.training.model_copy(update={"optimiser": own})
    tiny.fit(method, tmp_path / "late")
    for folder, settled in ((tmp_path, own.model_copy(update={"milestones": (3, 5)})), (tmp_path / "late", own)):
        state = checkpoint.load(folder / "step-000000008.pt")
        got = state["optimiser"]["param_groups"][0]["lr"]
        assert got == pytest.approx(learning_rate(settled, first_step + 7, 7))


@pytest.mark.parametrize(("milestones", "first_step"), [("cumulative", 2 * EPOCHS), ("per-stage", 0)])
def test_where_the_second_stage_counts_from(milestones: str, first_step: int, settings: config.Settings):
    assumed = settings.assumed.model_copy(update={"milestones": milestones})
    settings = settings.model_copy(update={"assumed": assumed})
    assert [find("method", name)(settings).first_step for name in ("cc", "ssf", "scf", "sf")] == [0] + [first_step] * 3
