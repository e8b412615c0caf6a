"""Embeddings of a pool."""

from typing import Any

import pytest
import torch

from harness.data.augment import ClothAugment
from harness.training.device import Device
from harness.training.extract import extract


@pytest.mark.parametrize("augment", [None, ClothAugment(0.5)])
def test_extraction_does_not_depend_on_batching(augment: ClothAugment | None, tiny: Any):
    frames, pool = tiny.people(labels=False)
    network = tiny.small().train()
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
