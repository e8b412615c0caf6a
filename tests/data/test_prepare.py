"""Raw masks to silhouettes, against a slow reading of the rule."""

import cv2
import numpy as np
import pytest

from harness.data.prepare import normalise, square


def slow_square(frame: np.ndarray) -> np.ndarray | None:
    """The field's preparation, one row and one column at a time."""
    if sum(int(value) for value in frame.ravel()) <= 10_000:
        return None
    filled = [row for row in range(frame.shape[0]) if any(frame[row])]
    cut = frame[filled[0] : filled[-1] + 1]
    ratio = cut.shape[1] / cut.shape[0]
    resized = cv2.resize(cut, (int(64 * ratio), 64), interpolation=cv2.INTER_CUBIC)
    half = sum(int(value) for value in resized.ravel()) / 2
    so_far, centre = 0, -1
    for column in range(resized.shape[1]):
        so_far += int(resized[:, column].sum(dtype=np.int64))
        if so_far > half:
            centre = column
            break
    if centre <= 0:  # the field takes the first column for no centre
        return None
    left, right = centre - 32, centre + 32
    if left <= 0 or right >= resized.shape[1]:
        wide = np.zeros((64, resized.shape[1] + 64), dtype=np.uint8)
        wide[:, 32:-32] = resized
        resized, left, right = wide, left + 32, right + 32
    return resized[:, left:right]


def blob(seed: int) -> np.ndarray:
    """A few ellipses anywhere on a frame of any size, the border included."""
    rng = np.random.default_rng(seed)
    rows, columns = (int(x) for x in rng.integers(60, 200, 2))
    frame = np.zeros((rows, columns), dtype=np.uint8)
    for _ in range(rng.integers(1, 5)):
        centre = (int(rng.integers(columns)), int(rng.integers(rows)))
        axes = (int(rng.integers(5, 30)), int(rng.integers(5, 60)))
        cv2.ellipse(frame, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    return frame


@pytest.mark.parametrize("seed", range(25))
def test_square_equals_slow_reference(seed: int):
    frame = blob(seed)
    got, wanted = square(frame), slow_square(frame)
    assert wanted is not None and got is not None
    assert got.shape == (64, 64) and got.dtype == np.uint8
    np.testing.assert_array_equal(got, wanted)


def test_window_at_both_borders_is_padded():
    for column in (0, 190):
        frame = np.zeros((100, 200), dtype=np.uint8)
        frame[10:90, column : column + 10] = 255
        got = square(frame)
        np.testing.assert_array_equal(got, slow_square(frame))
        assert got is not None and got[:, 24:40].any() and not got[:, :20].any()


def test_a_person_in_the_very_first_column_is_left_out_as_the_field_does():
    frame = np.zeros((64, 200), dtype=np.uint8)
    frame[:, 0] = 255
    assert slow_square(frame) is None and square(frame) is None
    frame[:, 1:3] = 255
    assert square(frame) is not None


def test_ten_thousand_is_nobody_and_one_more_is_somebody():
    frame = np.zeros((80, 80), dtype=np.uint8)
    frame[10:50, 30] = 250  # 40 x 250 = 10000
    assert square(frame) is None
    frame[50, 30] = 1
    assert square(frame) is not None


def test_normalise_keeps_order_and_says_which_frames_were_kept():
    frames = np.zeros((6, 120, 90), dtype=np.uint8)
    for number, top in ((1, 10), (2, 20), (4, 30)):
        frames[number, top : top + 60 + number, 30:50] = 255
    got, kept = normalise(frames)
    assert kept.tolist() == [False, True, True, False, True, False]
    wanted = [slow_square(frames[number]) for number in (1, 2, 4)]
    np.testing.assert_array_equal(got, np.stack([w[:, 10:54] for w in wanted if w is not None]))
    assert got.shape == (3, 64, 44)


def test_nobody_at_all():
    got, kept = normalise(np.zeros((3, 100, 100), dtype=np.uint8))
    assert got.shape == (0, 64, 44) and got.dtype == np.uint8
    assert kept.tolist() == [False] * 3
