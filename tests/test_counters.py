"""Random numbers depend on their key and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.counters import numpy_rng, torch_rng


def draw_numpy(*key):
    return numpy_rng(*key).random(8).tolist()


def draw_torch(*key):
    return torch.rand(8, generator=torch_rng(*key)).tolist()


DRAWS = pytest.mark.parametrize("draw", [draw_numpy, draw_torch])


@DRAWS
def test_equal_keys_equal_numbers(draw):
    assert draw(3, "batch", 1, 2) == draw(3, "batch", 1, 2)


@DRAWS
def test_keys_that_look_alike_differ(draw):
    keys = [(1, 2), ("1", 2), (1, "2"), (2, 1), (12,), ("12",), ("1", "2"), (1, 2, ""), (1, 2, 0), (-1, 2), ()]
    assert len({tuple(draw(*key)) for key in keys}) == len(keys)


@DRAWS
def test_global_state_is_neither_read_nor_advanced(draw):
    np.random.seed(1)
    torch.manual_seed(1)
    first = draw(7, "x")
    after = np.random.random(), torch.rand(1).item()
    np.random.seed(1)
    torch.manual_seed(1)
    assert (np.random.random(), torch.rand(1).item()) == after
    np.random.seed(2)
    torch.manual_seed(2)
    assert draw(7, "x") == first


def test_the_numbers_of_a_key_never_change():
    """A change here changes every result: it must be meant."""
    assert numpy_rng(0, "batch", 1, 2).integers(1000, size=4).tolist() == [425, 218, 982, 68]
    assert torch.randint(1000, (4,), generator=torch_rng(0, "batch", 1, 2)).tolist() == [245, 640, 572, 967]
