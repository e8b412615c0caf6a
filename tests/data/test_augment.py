"""Augmentations on tensors, against OpenCV applied a sequence and a slice at a time."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from harness.data.augment import ClothAugment, SelfSupervisedAugment, dilate

SHAPES = [(cv2.MORPH_RECT, (5, 3), (5, 5), (3, 5)), (cv2.MORPH_CROSS, (3, 3), (3, 5), (5, 3)),
          (cv2.MORPH_ELLIPSE, (3, 3), (3, 5), (5, 3))]  # fmt: skip
KERNELS = [cv2.getStructuringElement(shape, size) for shape, *sizes in SHAPES for size in sizes]


def noisy(seed: int, batch: int = 3, frames: int = 2) -> np.ndarray:
    """Sparse grey dots, up to the borders: f32[B,T,64,44] in [0,1]."""
    rng = np.random.default_rng(seed)
    return (rng.random((batch, frames, 64, 44)) * (rng.random((batch, frames, 64, 44)) < 0.3)).astype(np.float32)


def walkers(seed: int, batch: int = 3, frames: int = 2) -> np.ndarray:
    """Filled ellipses: f32[B,T,64,44] in {0,1}."""
    rng = np.random.default_rng(seed)
    out = np.zeros((batch, frames, 64, 44), dtype=np.float32)
    for image in out.reshape(-1, 64, 44):
        for _ in range(3):
            centre = (int(rng.integers(8, 36)), int(rng.integers(5, 60)))
            axes = (int(rng.integers(3, 10)), int(rng.integers(5, 25)))
            cv2.ellipse(image, centre, axes, float(rng.uniform(-30, 30)), 0, 360, 1.0, -1)
    return out


def each(frames: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([np.stack([change(frame) for frame in sequence]) for sequence in frames])


@pytest.mark.parametrize("kernel", [*KERNELS, np.ones((2, 2), np.uint8), np.ones((1, 4), np.uint8)])
def test_dilate_equals_opencv(kernel: np.ndarray):
    frames = noisy(0)
    wanted = each(frames, lambda frame: cv2.dilate(frame, kernel))
    np.testing.assert_array_equal(dilate(torch.from_numpy(frames), kernel).numpy(), wanted)


@pytest.mark.parametrize("bounds", [(14, 38, 60), (18, 42, 64), (16, 40, 61)])
def test_cloth_equals_opencv_on_the_slices(bounds: tuple[int, int, int]):
    frames = noisy(1, batch=7)
    upper, middle, bottom = bounds
    draws = np.array([[kind, upper, middle, bottom] for kind in (0, 1, 2, 3, 4, 5, -1)], dtype=np.float64)
    wanted = frames.copy()
    for sequence, kind in zip(wanted[:6], ClothAugment.TYPES):
        change = cv2.dilate if kind.startswith("dilate") else cv2.erode
        for frame in sequence:
            if "bottom" not in kind:
                frame[upper:middle] = change(frame[upper:middle].copy(), np.ones((5, 5), np.uint8))
            if "upper" not in kind:
                frame[middle:bottom] = change(frame[middle:bottom].copy(), np.ones((2, 2), np.uint8))
    got = ClothAugment(1.0)(torch.from_numpy(frames), draws).numpy()
    for number in range(7):
        np.testing.assert_array_equal(got[number], wanted[number], err_msg=f"type {draws[number, 0]}")
        assert number == 6 or (got[number] != frames[number]).any()


def test_cloth_names_six_types():
    assert len(set(ClothAugment.TYPES)) == 6
    assert {(t.split()[0], t.split()[1]) for t in ClothAugment.TYPES} == {
        (change, part) for change in ("dilate", "erode") for part in ("upper", "bottom", "whole")
    }


def test_cloth_draws_lie_within_the_bounds():
    draws = ClothAugment(0.5).draw(np.random.default_rng(0), 4000)
    assert draws.shape == (4000, 4)
    changed = draws[:, 0] >= 0
    assert abs(changed.mean() - 0.5) < 0.04
    counts = np.bincount(draws[changed, 0].astype(int), minlength=6)
    assert counts.size == 6 and counts.min() > 250
    for column, (low, high) in ((1, (14, 18)), (2, (38, 42)), (3, (60, 64))):
        assert set(draws[:, column]) == set(range(low, high + 1))


def test_cloth_never_and_always():
    frames = torch.from_numpy(walkers(2, batch=8))
    rng = np.random.default_rng(0)
    never, always = ClothAugment(0.0), ClothAugment(1.0)
    assert torch.equal(never(frames, never.draw(rng, 8)), frames)
    assert (always.draw(rng, 500)[:, 0] >= 0).all()


def test_cloth_leaves_its_input_alone_and_treats_all_frames_alike():
    one = walkers(3, batch=6, frames=1)
    frames = torch.from_numpy(np.repeat(one, 5, axis=1))
    before = frames.clone()
    augment = ClothAugment(1.0)
    got = augment(frames, augment.draw(np.random.default_rng(1), 6))
    assert torch.equal(frames, before)
    assert torch.equal(got, got[:, :1].expand_as(got))


def plain(count: int) -> np.ndarray:
    """Draws of GaitSSB's augmentations with every switch off."""
    draws = SelfSupervisedAugment(0, 0, 0, 0, 0).draw(np.random.default_rng(7), count)
    assert draws.shape == (count, 26) and not draws[:, :5].any()
    return draws


SELF = SelfSupervisedAugment(0.2, 0.2, 0.5, 0.2, 0.2)


def test_all_switches_off():
    frames = torch.from_numpy(noisy(4))
    assert torch.equal(SELF(frames, plain(3)), frames)


def test_flip_turns_only_those_drawn():
    frames, draws = noisy(5), plain(3)
    draws[[0, 2], 2] = 1
    got = SELF(torch.from_numpy(frames), draws).numpy()
    np.testing.assert_array_equal(got[[0, 2]], frames[[0, 2], :, :, ::-1])
    np.testing.assert_array_equal(got[1], frames[1])


def test_part_dilation_equals_opencv_on_the_slice():
    frames, draws = noisy(6, batch=9), plain(9)
    draws[:, 3], draws[:, 21] = 1, np.arange(9)
    wanted = frames.copy()
    for sequence, draw, kernel in zip(wanted, draws, KERNELS):
        top, bottom = int(draw[22]), int(draw[23])
        sequence[:, top:bottom] = [cv2.dilate(np.ascontiguousarray(f[top:bottom]), kernel) for f in sequence]
    np.testing.assert_array_equal(SELF(torch.from_numpy(frames), draws).numpy(), wanted)


@pytest.mark.parametrize("make", [noisy, walkers])
def test_part_blur_equals_opencv_on_the_slice(make: Callable[..., np.ndarray]):
    frames, draws = make(7), plain(3)
    draws[:2, 4] = 1
    wanted = frames.copy()
    for sequence, draw in zip(wanted[:2], draws):
        top, bottom = int(draw[24]), int(draw[25])
        sequence[:, top:bottom] = [
            cv2.GaussianBlur(np.ascontiguousarray(f[top:bottom]), (3, 3), 0) > 0.2 for f in sequence
        ]
    np.testing.assert_array_equal(SELF(torch.from_numpy(frames), draws).numpy(), wanted)


def affine_of(draw: np.ndarray) -> np.ndarray:
    """OpenGait's RandomAffine on 64 x 44 frames: x goes by the height, y by the width."""
    (a, b), (c, d), (e, f) = draw[5:11].reshape(3, 2)
    source = np.array([[a, b], [64 - c, d], [e, 44 - f]], np.float32)
    (a, b), (c, d), (e, f) = draw[11:17].reshape(3, 2)
    target = np.array([[a, b], [64 - c, d], [e, 44 - f]], np.float32)
    return cv2.getAffineTransform(source, target)


def perspective_of(draw: np.ndarray) -> np.ndarray:
    tl, tr, br, bl = draw[17:21]
    source = np.array([[tl, 0], [34 + tr, 0], [34 + br, 64], [bl, 64]], np.float32)
    return cv2.getPerspectiveTransform(source, np.array([[0, 0], [44, 0], [44, 64], [0, 64]], np.float32))


@pytest.mark.parametrize("switches", [(1, 0), (0, 1), (1, 1)], ids=["affine", "perspective", "both"])
def test_warps_are_opencvs(switches: tuple[int, int]):
    frames, draws = walkers(8, batch=6), plain(6)
    draws[:, :2] = switches
    wanted = frames.copy()
    for sequence, draw in zip(wanted, draws):
        matrix = np.vstack([affine_of(draw), [0, 0, 1]]) if switches[0] else np.eye(3)
        matrix = perspective_of(draw) @ matrix if switches[1] else matrix
        for frame in sequence:
            frame[:] = cv2.warpPerspective(frame.copy(), matrix, (44, 64))
        if switches == (1, 0):
            again = cv2.warpAffine(frames[0, 0], affine_of(draws[0]), (44, 64))
            assert np.abs(again - wanted[0, 0]).mean() < 0.01
    got = SELF(torch.from_numpy(frames), draws).numpy()
    assert np.abs(wanted - frames).mean() > 0.05
    assert np.abs(got - wanted).mean() < 0.004  # OpenCV rounds places to 1/32 of a pixel


def test_equal_draws_give_equal_frames_and_probabilities_hold():
    frames = torch.from_numpy(walkers(9, batch=16))
    draws = SELF.draw(np.random.default_rng(3), 16)
    np.testing.assert_array_equal(draws, SELF.draw(np.random.default_rng(3), 16))
    assert torch.equal(SELF(frames, draws), SELF(frames, draws))
    one_by_one = torch.cat([SELF(frames[i : i + 1], draws[i : i + 1]) for i in range(16)])
    torch.testing.assert_close(SELF(frames, draws), one_by_one, atol=1e-6, rtol=0)
    many = SELF.draw(np.random.default_rng(4), 5000)
    np.testing.assert_allclose(many[:, :5].mean(axis=0), [0.2, 0.2, 0.5, 0.2, 0.2], atol=0.03)
    assert many[:, 22].min() >= 9 and many[:, 22].max() <= 20 and many[:, 23].min() >= 39 and many[:, 23].max() <= 50
