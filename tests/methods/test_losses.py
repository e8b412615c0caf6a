"""Losses against loops in float64."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from methods.parts.losses import batch_all_triplet, cluster_nce, two_view


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


LABELS = torch.tensor([0, 0, 0, 1, 2, 2, 1, 3, 0])


def triplet_reference(features: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Every anchor, positive and negative of every part; mean over those above zero, then over parts."""
    parts = []
    for p in range(features.shape[1]):
        hinges = []
        for a, b, c in itertools.permutations(range(len(labels)), 3):
            if labels[a] == labels[b] and labels[a] != labels[c]:
                near = (features[a, p] - features[b, p]).square().sum().sqrt()
                far = (features[a, p] - features[c, p]).square().sum().sqrt()
                hinge = margin + near - far
                if hinge > 0:
                    hinges.append(hinge)
        parts.append(sum(hinges) / len(hinges) if hinges else features[:, p].sum() * 0)
    return torch.stack([torch.as_tensor(part) for part in parts]).mean()


@pytest.mark.parametrize("margin", [0.2, 3.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_triplet_value_and_gradient(margin: float, seed: int):
    own = draw(seed, 9, 3, 5).requires_grad_()
    slow = own.detach().double().requires_grad_()
    got, wanted = batch_all_triplet(own, LABELS, margin), triplet_reference(slow, LABELS, margin)
    got.backward()
    wanted.backward()
    assert wanted > 0 and own.grad is not None and slow.grad is not None
    torch.testing.assert_close(got.double(), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(own.grad.double(), slow.grad, rtol=1e-3, atol=1e-5)


def test_a_part_without_violation_counts_as_zero():
    features = draw(2, 9, 2, 5)
    features[:, 1] = LABELS[:, None] * 100.0 + features[:, 1] * 0.01
    got = batch_all_triplet(features, LABELS, 0.2)
    torch.testing.assert_close(got, batch_all_triplet(features[:, :1], LABELS, 0.2) / 2)
    torch.testing.assert_close(got.double(), triplet_reference(features.double(), LABELS, 0.2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 0, 0]])
def test_no_triplet_gives_zero_and_a_gradient(labels: list[int]):
    features = draw(3, 4, 2, 5).requires_grad_()
    loss = batch_all_triplet(features, torch.tensor(labels), 0.2)
    loss.backward()
    assert loss.item() == 0
    assert features.grad is not None and not features.grad.any()


def test_duplicate_rows_have_finite_gradients():
    features = draw(4, 9, 3, 5)
    features[1], features[4] = features[0], features[0]  # a positive and a negative of the same place
    features.requires_grad_()
    batch_all_triplet(features, LABELS, 0.2).backward()
    assert features.grad is not None and features.grad.isfinite().all() and features.grad.any()
    everything = torch.ones(9, 3, 5, requires_grad=True)
    loss = batch_all_triplet(everything, LABELS, 0.2)
    loss.backward()
    assert loss.item() == pytest.approx(0.2) and everything.grad is not None and not everything.grad.any()


def test_cluster_nce_is_equation_1():
    queries = torch.nn.functional.normalize(draw(5, 6, 8), dim=1).requires_grad_()
    centroids, labels, tau = torch.nn.functional.normalize(draw(6, 4, 8), dim=1), [0, 3, 3, 1, 2, 0], 0.05
    terms = []
    for query, label in zip(queries.detach().double(), labels):
        powers = [math.exp(float(query @ centroid) / tau) for centroid in centroids.double()]
        terms.append(-math.log(powers[label] / sum(powers)))
    loss = cluster_nce(queries, torch.tensor(labels), centroids, tau)
    assert loss.item() == pytest.approx(sum(terms) / 6, rel=1e-5)
    loss.backward()
    assert queries.grad is not None and queries.grad.any()


def test_two_view_equals_loops():
    predicted, projected, scale = draw(7, 5, 3, 4), draw(8, 5, 3, 4), 16.0
    terms = []
    for part in range(3):
        for i in range(5):
            left = predicted[i, part].double()
            powers = []
            for j in range(5):
                right = projected[j, part].double()
                powers.append(math.exp(scale * float(left @ right / left.norm() / right.norm())))
            terms.append(-math.log(powers[i] / sum(powers)))
    assert two_view(predicted, projected, scale).item() == pytest.approx(sum(terms) / 15, rel=1e-5)


def test_two_view_stops_the_gradient_at_the_target():
    predicted, projected = draw(9, 5, 3, 4).requires_grad_(), draw(10, 5, 3, 4).requires_grad_()
    two_view(predicted, projected, 16.0).backward()
    assert projected.grad is None
    assert predicted.grad is not None and predicted.grad.abs().sum() > 0
