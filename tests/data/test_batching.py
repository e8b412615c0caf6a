"""Which rows and frames a batch holds."""

import numpy as np
import pytest
import torch

from harness.data.batching import BatchSource, draw_frames, draw_rows
from harness.types import Batch, EpochPlan, Pool

LABELS = np.array([2, 0, -1, 1, 0, 2, 2, -1, 0, 0, 3, 1, 2, 0, -1, 0])  # class 3 has one sequence, class 1 two


@pytest.mark.parametrize("seed", range(20))
def test_classes_times_sequences(seed: int):
    plan = EpochPlan(LABELS, classes=3, sequences=4)
    rows = draw_rows(plan, np.random.default_rng(seed))
    assert rows.shape == (12,)
    groups = LABELS[rows].reshape(3, 4)
    assert (groups == groups[:, :1]).all() and (groups >= 0).all()
    assert len(set(groups[:, 0])) == 3
    for group in rows.reshape(3, 4):
        enough = np.count_nonzero(LABELS[group[0]] == LABELS) >= 4
        assert not enough or len(set(group)) == 4


def test_every_sequence_of_every_class_can_be_drawn():
    rng = np.random.default_rng(3)
    drawn = np.concatenate([draw_rows(EpochPlan(LABELS, classes=2, sequences=2), rng) for _ in range(300)])
    assert set(drawn) == set(np.flatnonzero(LABELS >= 0))


def test_without_classes():
    plan = EpochPlan(LABELS, classes=None, sequences=9)
    for seed in range(20):
        rows = draw_rows(plan, np.random.default_rng(seed))
        assert len(set(rows)) == 9 and (LABELS[rows] >= 0).all()
    more = draw_rows(EpochPlan(LABELS, classes=None, sequences=40), np.random.default_rng(0))
    assert more.shape == (40,) and (LABELS[more] >= 0).all()


LENGTH = np.array([1, 3, 6, 7, 20])


@pytest.mark.parametrize("seed", range(10))
def test_unordered_frames(seed: int):
    picked = draw_frames(LENGTH, 6, ordered=False, rng=np.random.default_rng(seed))
    assert picked.shape == (5, 6)
    for length, frames in zip(LENGTH, picked):
        assert frames.min() >= 0 and frames.max() < length
        counts = np.bincount(frames, minlength=length)
        assert counts.max() <= -(-6 // length)  # as even as can be: no repetition where there are enough
        assert length > 6 or counts.min() >= 6 // length


def test_unordered_frames_come_from_the_whole_sequence():
    rng = np.random.default_rng(0)
    seen = np.concatenate([draw_frames(np.array([20]), 6, False, rng)[0] for _ in range(200)])
    counts = np.bincount(seen, minlength=20)
    assert counts.min() > 30 and counts.max() < 100  # 60 on average


@pytest.mark.parametrize("seed", range(10))
def test_ordered_frames(seed: int):
    picked = draw_frames(LENGTH, 6, ordered=True, rng=np.random.default_rng(seed))
    for length, frames in zip(LENGTH, picked):
        np.testing.assert_array_equal(frames, (frames[0] + np.arange(6)) % length)
        assert length < 6 or (np.diff(frames) == 1).all()
        assert length >= 6 or frames[0] == 0


def test_ordered_frames_start_anywhere():
    rng = np.random.default_rng(0)
    assert {int(draw_frames(np.array([9]), 6, True, rng)[0, 0]) for _ in range(100)} == {0, 1, 2, 3}


class Shift:
    """Adds a drawn number, to see which draw reached which sequence."""

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.random((count, 1))

    def __call__(self, frames: torch.Tensor, draws: np.ndarray) -> torch.Tensor:
        return frames + torch.from_numpy(draws).float()[:, :, None, None]


def source(seed: int) -> BatchSource:
    rng = np.random.default_rng(5)
    length = rng.integers(2, 9, len(LABELS))
    frames = torch.from_numpy(rng.integers(0, 256, (int(length.sum()), 64, 44), dtype=np.uint8))
    pool = Pool(np.cumsum(length) - length, length, None)
    return BatchSource(frames, pool, 4, ordered=False, seed=seed, device=torch.device("cpu"))


def same(a: Batch, b: Batch) -> bool:
    return torch.equal(a.frames, b.frames) and torch.equal(a.labels, b.labels) and np.array_equal(a.rows, b.rows)


PLAN = EpochPlan(LABELS, classes=2, sequences=3, views=(None, Shift()))


def test_batches_depend_on_seed_epoch_and_step_alone():
    one, two = source(0), source(0)
    before = [one.batch(PLAN, epoch, step) for epoch in range(2) for step in range(3)]
    np.random.seed(1)
    torch.manual_seed(1)
    assert same(two.batch(PLAN, 1, 2), before[5])
    assert same(two.batch(PLAN, 0, 0), before[0])
    assert not same(before[0], before[1]) and not same(before[0], before[3])
    assert not same(source(1).batch(PLAN, 0, 0), before[0])


def test_batch_holds_the_pixels_of_its_rows():
    own = source(0)
    batch = own.batch(PLAN, 0, 0)
    assert batch.frames.shape == (12, 4, 64, 44) and batch.lengths.tolist() == [4] * 12
    np.testing.assert_array_equal(batch.labels.numpy(), LABELS[batch.rows])
    for row, frames in zip(batch.rows, batch.frames[:6]):
        start, length = own.pool.start[row], own.pool.length[row]
        mine = own.frames[start : start + length].float() / 255
        assert all(any(torch.equal(frame, other) for other in mine) for frame in frames)
