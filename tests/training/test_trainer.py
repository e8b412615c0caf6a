"""The loop: stopped at any step and resumed, damaged checkpoints, broken losses and batches."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import config
from harness.data import batching
from harness.errors import UserError
from harness.registry import find
from harness.training.trainer import DivergenceError

EPOCHS = 4


def states(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.pt"))


@pytest.mark.parametrize("name", ["upper", "cc", "sf", "gaitssb"])
@pytest.mark.parametrize("where", [(1, 0), (1, 1), (2, 0)])
def test_stopped_at_a_step_and_resumed_equals_undisturbed(
    name: str, where: tuple[int, int], settings: config.Settings, tiny: Any, tmp_path: Path
):
    make = find("method", name)
    wanted, place = tiny.fit(make(settings), tmp_path / "whole")
    first = tiny.Ear(lambda *at: at == where)
    with pytest.raises(KeyboardInterrupt):
        tiny.fit(make(settings), tmp_path / "parts", first)
    second = tiny.Ear()
    got, other = tiny.fit(make(settings), tmp_path / "parts", second)
    assert second.notes == [f"resumed in epoch {where[0]} after {where[1] + 1} step(s)"]
    assert first.steps + second.steps == [
        (e, s) for e in range(EPOCHS) for s in range(make(settings).training.iterations)
    ]
    assert tiny.equal(got, wanted) and other == place and len(place.history) == EPOCHS
    assert not tiny.equal(wanted, tiny.device.place(make(settings).build(tiny.small(), 0)).state_dict())


@pytest.mark.parametrize("name", ["upper", "cc"])
def test_killed_between_epochs_goes_on_after_the_last(name: str, settings: config.Settings, tiny: Any, tmp_path: Path):
    """A kill leaves what was written: nothing is saved at the stop itself."""
    make = find("method", name)

    class Killed(tiny.Ear):
        def planning(self, epoch: int) -> None:
            if epoch == 2:
                raise SystemExit

    wanted, place = tiny.fit(make(settings), tmp_path / "whole")
    with pytest.raises(SystemExit):
        tiny.fit(make(settings), tmp_path / "parts", Killed())
    ear = tiny.Ear()
    got, other = tiny.fit(make(settings), tmp_path / "parts", ear)
    assert ear.notes == ["resumed after epoch 1"] and ear.steps[0] == (2, 0)
    assert tiny.equal(got, wanted) and other == place


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_damaged_checkpoint_falls_back_to_the_one_before(
    damage: str, settings: config.Settings, tiny: Any, tmp_path: Path
):
    make = find("method", "cc")
    wanted, place = tiny.fit(make(settings), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        tiny.fit(make(settings), tmp_path / "parts", tiny.Ear(lambda *at: at == (2, 0)))
    assert states(tmp_path / "parts") == ["step-000000004.pt", "step-000000005.pt"]
    last = tmp_path / "parts" / "step-000000005.pt"
    raw = last.read_bytes()
    half = len(raw) // 2
    last.write_bytes(
        {"truncated": raw[:-10], "flipped": raw[:half] + bytes([raw[half] ^ 1]) + raw[half + 1 :], "empty": b""}[damage]
    )
    ear = tiny.Ear()
    got, other = tiny.fit(make(settings), tmp_path / "parts", ear)
    assert len(ear.notes) == 2 and "step-000000005.pt" in ear.notes[0] and ear.notes[1] == "resumed after epoch 1"
    assert tiny.equal(got, wanted) and other == place


def test_every_checkpoint_damaged_starts_anew(settings: config.Settings, tiny: Any, tmp_path: Path):
    make = find("method", "upper")
    wanted, _ = tiny.fit(make(settings), tmp_path)
    for file in tmp_path.glob("*.pt"):
        file.write_bytes(b"")
    ear = tiny.Ear()
    got, _ = tiny.fit(make(settings), tmp_path, ear)
    assert tiny.equal(got, wanted) and len(ear.notes) == 2 and len(ear.steps) == 8


def test_a_finished_run_has_nothing_to_do(settings: config.Settings, tiny: Any, tmp_path: Path):
    wanted, place = tiny.fit(find("method", "upper")(settings), tmp_path)
    ear = tiny.Ear()
    got, again = tiny.fit(find("method", "upper")(settings), tmp_path, ear)
    assert tiny.equal(got, wanted) and again == place and ear.steps == []


@pytest.mark.parametrize("name", ["cc", "gaitssb"])
def test_how_often_states_are_written_changes_nothing(name: str, settings: config.Settings, tiny: Any, tmp_path: Path):
    make = find("method", name)
    wanted, place = tiny.fit(make(settings), tmp_path / "rare")
    got, other = tiny.fit(make(settings), tmp_path / "often", every=0)
    assert tiny.equal(got, wanted) and other == place


def test_digests_tell_epochs_apart(settings: config.Settings, tiny: Any, tmp_path: Path):
    _, place = tiny.fit(find("method", "upper")(settings), tmp_path)
    assert len({digest["weights"] for digest in place.digests}) == EPOCHS
    assert len({digest["labels"] for digest in place.digests}) == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_broken_loss_stops_before_the_step(bad: float, settings: config.Settings, tiny: Any, tmp_path: Path):
    method = find("method", "upper")(settings)
    network, plain, seen = tiny.small(), method.loss, []

    def loss(batch: Any, output: torch.Tensor) -> torch.Tensor:
        seen.append((batch.rows.tolist(), [p.detach().clone() for p in network.parameters()]))
        return plain(batch, output) if len(seen) < 4 else output.sum() * bad

    method.loss, method.build = loss, lambda backbone, subjects: network
    with pytest.raises(UserError, match="epoch 1, step 1") as error:
        tiny.fit(method, tmp_path)
    assert len(seen) == 4 and str(seen[3][0]) in str(error.value)
    assert all(torch.equal(now, then) for now, then in zip(network.parameters(), seen[3][1]))
    assert any(not torch.equal(now, then) for now, then in zip(network.parameters(), seen[2][1]))
    assert states(tmp_path) == ["step-000000002.pt"]


@pytest.mark.parametrize("name", ["upper", "cc", "gaitssb"])
def test_a_pixel_that_is_no_number_stops_with_the_batchs_rows(
    name: str, settings: config.Settings, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plain, rows = batching.BatchSource.batch, []

    def poisoned(self: Any, plan: Any, epoch: int, step: int) -> Any:
        batch = plain(self, plan, epoch, step)
        if (epoch, step) == (2, 1):
            batch.frames[1, 0, 5, 5] = math.nan
            rows.extend(batch.rows.tolist())
        return batch

    monkeypatch.setattr(batching.BatchSource, "batch", poisoned)
    with pytest.raises(DivergenceError, match="epoch 2, step 1") as error:
        tiny.fit(find("method", name)(settings), tmp_path)
    assert error.value.rows.tolist() == rows
    monkeypatch.undo()
    # With the sequence mended, the same folder goes on to what an undisturbed run gives.
    got, _ = tiny.fit(find("method", name)(settings), tmp_path)
    wanted, _ = tiny.fit(find("method", name)(settings), tmp_path / "whole")
    assert tiny.equal(got, wanted)


def test_a_clock_that_is_set_back_changes_nothing(
    settings: config.Settings, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import os
    import time

    make = find("method", "cc")
    wanted, place = tiny.fit(make(settings), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        tiny.fit(make(settings), tmp_path / "parts", tiny.Ear(lambda *at: at == (2, 0)))
    for number, file in enumerate(states(tmp_path / "parts")):  # the older state now looks the newer one
        os.utime(tmp_path / "parts" / file, (4e9 - number, 4e9 - number))
    now = iter(np.arange(2e9, 0, -1e5))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    ear = tiny.Ear()
    got, other = tiny.fit(make(settings), tmp_path / "parts", ear)
    assert ear.notes == ["resumed in epoch 2 after 1 step(s)"]
    assert tiny.equal(got, wanted) and other == place
