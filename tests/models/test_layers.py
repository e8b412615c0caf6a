"""Layers that backbones share, beside plain formulas."""

from __future__ import annotations

import pytest
import torch
from slow import near

from models.parts.layers import BatchStatistics, GeM, Necks
from models.parts.video import GlobalLocal


@pytest.mark.parametrize("halving", [0, 1, 2, 3])
@torch.no_grad()
def test_strips_do_not_see_each_other(halving: int):
    torch.manual_seed(0)
    block = GlobalLocal(2, 3, halving, stacked=True)
    block.whole.weight.zero_()
    maps = torch.rand(1, 2, 3, 16, 6)
    before = block(maps, torch.tensor([3]))[0, :, :, 16:]
    maps[:, :, :, 7] += 1  # the last row of the upper half
    changed = (block(maps, torch.tensor([3]))[0, :, :, 16:] != before).any(dim=3).any(dim=1).any(dim=0)
    reach = {6, 7, 8} if halving == 0 else {6, 7}
    assert set(changed.nonzero().flatten().tolist()) == reach


def test_generalised_mean():
    pool, maps = GeM(), torch.randn(3, 4, 5, 22, generator=torch.Generator().manual_seed(10))
    maps[0, 0, 0] = -1.0  # nothing above the least
    assert isinstance(pool.power, torch.nn.Parameter) and pool.power.tolist() == [6.5]
    slow_maps, slow_power = maps.double().requires_grad_(), torch.tensor([6.5], dtype=torch.float64, requires_grad=True)
    maps.requires_grad_()
    got = pool(maps)
    cells = slow_maps.clamp(min=1e-6)
    wanted = torch.stack([(cells[:, :, row] ** slow_power).mean(dim=2) ** (1 / slow_power) for row in range(5)], dim=1)
    assert got.shape == (3, 5, 4)
    torch.testing.assert_close(got.double(), wanted, rtol=1e-5, atol=1e-6)
    got.sum().backward()
    wanted.sum().backward()
    assert maps.grad is not None and slow_maps.grad is not None and slow_power.grad is not None
    near(maps.grad, slow_maps.grad, 1e-4)
    assert pool.power.grad is not None and pool.power.grad.item() == pytest.approx(slow_power.grad.item(), rel=1e-3)
    assert (got.detach() <= maps.detach().clamp(min=1e-6).amax(dim=3).transpose(1, 2) + 1e-6).all()


def test_batch_statistics_are_over_batch_and_parts():
    torch.manual_seed(0)
    layer, features = BatchStatistics(4), torch.randn(5, 7, 4) * torch.tensor([1.0, 2, 3, 4]) + 3
    assert 0 < float((layer.norm.weight.detach() - 1).abs().max()) < 0.2 and not layer.norm.bias.any()
    rows = features.double().reshape(-1, 4)
    mean, var = rows.mean(dim=0), rows.var(dim=0, unbiased=False)
    wanted = (features.double() - mean) / (var + 1e-5).sqrt() * layer.norm.weight.double()
    torch.testing.assert_close(layer(features).double(), wanted, rtol=1e-5, atol=1e-5)
    running = layer.norm.running_mean, layer.norm.running_var
    assert running[0] is not None and running[1] is not None
    torch.testing.assert_close(running[0].double(), 0.1 * mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(running[1].double(), 0.9 + 0.1 * rows.var(dim=0), rtol=1e-5, atol=1e-6)
    wanted = (features - running[0]) / (running[1] + 1e-5).sqrt() * layer.norm.weight
    torch.testing.assert_close(layer.eval()(features), wanted, rtol=1e-5, atol=1e-5)


def test_necks_are_cosines_after_a_norm_of_each_part():
    torch.manual_seed(1)
    layer, features = Necks(3, 4, 6), torch.randn(5, 3, 4)
    got = layer(features).double()
    assert got.shape == (5, 3, 6)
    scale = layer.norm.norm.weight.double().view(3, 4)
    for part in range(3):
        own = features[:, part].double()
        own = (own - own.mean(dim=0)) / (own.var(dim=0, unbiased=False) + 1e-5).sqrt() * scale[part]
        for row in range(5):
            for subject in range(6):
                weight = layer.linear.weight[part, :, subject].double()
                cosine = own[row] @ weight / own[row].norm() / weight.norm()
                torch.testing.assert_close(got[row, part, subject], cosine, rtol=1e-4, atol=1e-5)
