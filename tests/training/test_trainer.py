"""The loop: stopped and resumed, damaged checkpoints, broken losses, learning rates, extraction."""

import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import config
from harness.clustering.infomap import Clustering
from harness.config import Optimiser
from harness.data.augment import ClothAugment
from harness.errors import UserError
from harness.registry import find
from harness.training import checkpoint
from harness.training.checkpoint import Resume
from harness.training.device import Device
from harness.training.extract import extract
from harness.training.trainer import Trainer, TrainingTools, learning_rate
from harness.types import Pool, SequenceLabels
from models.gaitset import GaitSet

CPU = Device(torch.device("cpu"), "fp32", False, 64)
EPOCHS = 4


@pytest.fixture
def settings(settings_tree: dict[str, Any]) -> config.Settings:
    for name in ("upper", "cc"):
        own = settings_tree["methods"][name]["training"]
        own.update(epochs=EPOCHS, iterations=2, subjects=2, sequences=3, frames=2)
        own["optimiser"].update(milestones=[3, 5], warmup=2)
    settings_tree["methods"]["cc"].update(n=5, s_up=0.2)
    return config.check(settings_tree, "tiny")


def people(labels: bool) -> tuple[torch.Tensor, Pool]:
    rng = np.random.default_rng(0)
    subject, length = np.repeat(np.arange(5), 4), rng.integers(2, 6, 20)
    patterns = rng.random((5, 16, 11)).repeat(4, axis=1).repeat(4, axis=2)
    frames = np.concatenate([patterns[[s] * n] + rng.normal(0, 0.1, (n, 64, 44)) for s, n in zip(subject, length)])
    truth = SequenceLabels(subject.astype(str), np.full(20, "nm-01"), np.full(20, "090"))
    pool = Pool(np.cumsum(length) - length, length, truth if labels else None)
    return torch.from_numpy((frames.clip(0, 1) * 255).astype(np.uint8)), pool


def small() -> GaitSet:
    torch.manual_seed(0)
    return GaitSet((4, 8, 8), 8, "batch", "per-part")


def ignore(metrics: dict[str, Any]) -> None:
    pass


def fit(method: Any, folder: Path, report: Callable[[dict[str, Any]], None] = ignore) -> tuple[dict, list[dict]]:
    """Trains a small network, or goes on where the folder's checkpoints end."""
    frames, pool = people(method.uses_labels)
    network = method.build(small())
    cluster = Clustering(True, False, 2, 1, "torch", 1).fit
    tools = TrainingTools(0, network, frames, pool, CPU, cluster, lambda: np.zeros(20, dtype=bool))
    history = Trainer(CPU, Resume(folder), report, lambda plan: {}).fit(method, network, tools)
    return network.state_dict(), history


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def stop_after(epoch: int) -> Callable[[dict[str, Any]], None]:
    def report(metrics: dict[str, Any]) -> None:
        if metrics.get("epoch") == epoch:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize("name", ["upper", "cc"])
def test_resumed_equals_undisturbed(name: str, settings: config.Settings, tmp_path: Path):
    make = find("method", name)
    wanted, history = fit(make(settings), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(make(settings), tmp_path / "parts", stop_after(1))
    notes: list[dict[str, Any]] = []
    got, other = fit(make(settings), tmp_path / "parts", notes.append)
    assert [note["note"] for note in notes if "note" in note] == ["resumed after epoch 1"]
    assert [note["epoch"] for note in notes if "epoch" in note] == [2, 3]
    assert equal(got, wanted) and other == history and len(history) == EPOCHS
    assert not equal(wanted, small().state_dict())


@pytest.mark.parametrize("name", ["upper", "cc"])
def test_damaged_checkpoint_falls_back_to_the_one_before(name: str, settings: config.Settings, tmp_path: Path):
    make = find("method", name)
    wanted, history = fit(make(settings), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(make(settings), tmp_path / "parts", stop_after(2))
    files = sorted((tmp_path / "parts").iterdir())
    assert [file.name for file in files] == ["epoch-00001.pt", "epoch-00002.pt"]
    files[-1].write_bytes(files[-1].read_bytes()[:-10])
    notes: list[dict[str, Any]] = []
    got, other = fit(make(settings), tmp_path / "parts", notes.append)
    lines = [note["note"] for note in notes if "note" in note]
    assert len(lines) == 2 and "epoch-00002.pt" in lines[0] and lines[1] == "resumed after epoch 1"
    assert equal(got, wanted) and other == history


def test_every_checkpoint_damaged_starts_anew(settings: config.Settings, tmp_path: Path):
    make = find("method", "upper")
    wanted, _ = fit(make(settings), tmp_path / "whole")
    for file in (tmp_path / "whole").iterdir():
        file.write_bytes(b"")
    got, _ = fit(make(settings), tmp_path / "whole")
    assert equal(got, wanted)


def test_a_finished_run_has_nothing_to_do(settings: config.Settings, tmp_path: Path):
    wanted, history = fit(find("method", "upper")(settings), tmp_path)
    notes: list[dict[str, Any]] = []
    got, again = fit(find("method", "upper")(settings), tmp_path, notes.append)
    assert equal(got, wanted) and again == history and all("note" in note for note in notes)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_broken_loss_stops_before_the_step(bad: float, settings: config.Settings, tmp_path: Path):
    method = find("method", "upper")(settings)
    network, plain, seen = small(), method.loss, []

    def loss(batch: Any, output: torch.Tensor) -> torch.Tensor:
        seen.append((batch.rows.tolist(), [p.detach().clone() for p in network.parameters()]))
        return plain(batch, output) if len(seen) < 4 else output.sum() * bad

    method.loss, method.build = loss, lambda backbone: network
    with pytest.raises(UserError, match="epoch 1, step 1") as error:
        fit(method, tmp_path)
    assert len(seen) == 4 and str(seen[3][0]) in str(error.value)
    assert all(torch.equal(now, then) for now, then in zip(network.parameters(), seen[3][1]))
    assert any(not torch.equal(now, then) for now, then in zip(network.parameters(), seen[2][1]))
    assert [file.name for file in tmp_path.iterdir()] == ["epoch-00000.pt"]


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
def test_trainer_uses_that_rate(first_step: int, settings: config.Settings, tmp_path: Path):
    method = find("method", "upper")(settings)
    method.first_step = first_step
    fit(method, tmp_path, ignore)
    own = method.training.optimiser.model_copy(update={"milestones": (11,)})
    method.training = method.training.model_copy(update={"optimiser": own})
    fit(method, tmp_path / "late", ignore)
    for folder, settled in ((tmp_path, own.model_copy(update={"milestones": (3, 5)})), (tmp_path / "late", own)):
        state = checkpoint.load(folder / "epoch-00003.pt")
        got = state["optimiser"]["param_groups"][0]["lr"]
        assert got == pytest.approx(learning_rate(settled, first_step + 7, 7))


@pytest.mark.parametrize(("milestones", "first_step"), [("cumulative", 2 * EPOCHS), ("per-stage", 0)])
def test_where_the_second_stage_counts_from(milestones: str, first_step: int, settings: config.Settings):
    assumed = settings.assumed.model_copy(update={"milestones": milestones})
    settings = settings.model_copy(update={"assumed": assumed})
    assert [find("method", name)(settings).first_step for name in ("cc", "ssf", "scf", "sf")] == [0] + [first_step] * 3


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.target,)


def wrapped(body: bytes) -> bytes:
    """A body with the head and the checksum that the harness itself would give it."""
    import hashlib

    return checkpoint._MAGIC + hashlib.sha256(body).digest() + body


def test_checkpoint_round_trip(tmp_path: Path):
    content = {"network": small().state_dict(), "epoch": 3, "history": [{"loss": 0.5}], "none": None}
    checkpoint.save(tmp_path / "a.pt", content)
    got = checkpoint.load(tmp_path / "a.pt")
    assert equal(got.pop("network"), content.pop("network")) and got == content
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped", "torch's own", "pickle", "magic only"])
def test_damaged_or_foreign_checkpoint(damage: str, tmp_path: Path):
    file = tmp_path / "a.pt"
    checkpoint.save(file, {"network": small().state_dict()})
    raw = file.read_bytes()
    half = len(raw) // 2
    if damage == "missing":
        file.unlink()
    elif damage == "torch's own":
        torch.save({"network": small().state_dict()}, file)
    else:
        file.write_bytes(
            {
                "empty": b"",
                "truncated": raw[:-1],
                "flipped": raw[:half] + bytes([raw[half] ^ 4]) + raw[half + 1 :],
                "pickle": pickle.dumps(Bomb(tmp_path / "went off")),
                "magic only": raw[:8],
            }[damage]
        )
    with pytest.raises(UserError, match=r"a\.pt"):
        checkpoint.load(file)
    assert not (tmp_path / "went off").exists()


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_code_behind_a_right_checksum_does_not_run(form: str, tmp_path: Path):
    bomb, file = Bomb(tmp_path / "went off"), tmp_path / "a.pt"
    if form == "torch":
        torch.save({"network": bomb}, file)
    else:
        file.write_bytes(pickle.dumps({"network": bomb}))
    file.write_bytes(wrapped(file.read_bytes()))
    with pytest.raises(UserError, match=r"a\.pt"):
        checkpoint.load(file)
    assert not (tmp_path / "went off").exists()


@pytest.mark.parametrize("augment", [None, ClothAugment(0.5)])
def test_extraction_does_not_depend_on_batching(augment: ClothAugment | None):
    frames, pool = people(labels=False)
    network = small().train()
    results = []
    for size in (1, 7, 10_000):
        device = Device(torch.device("cpu"), "fp32", False, size)
        results.append(extract(network, frames, pool, device, augment, (0, "extract", 0)))
    assert results[0].shape == (20, 62, 8) and network.training and not results[0].requires_grad
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=0, atol=1e-5)
    network.eval()
    for row in (0, 7, 19):
        pixels = frames[pool.start[row] : pool.start[row] + pool.length[row]].float()[None] / 255
        if augment is not None:
            from harness.counters import numpy_rng

            draws = augment.draw(numpy_rng(0, "extract", 0), 20)
            pixels = augment(pixels, draws[row : row + 1])
        with torch.no_grad():
            alone = network.embed(pixels, torch.tensor([pixels.shape[1]]))[0]
        torch.testing.assert_close(results[0][row], alone, rtol=0, atol=1e-5)
