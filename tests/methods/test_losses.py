"""Losses against loops in float64."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from methods.parts.losses import batch_all_triplet, cluster_nce, pairwise_distance, part_cross_entropy, two_view


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


@pytest.mark.parametrize("labels", [[0, 0, 0, 0, 0, 1], [0, 1, 1, 2, 2, 2], [3, 3, 9, 9, 9, 4]])
def test_triplet_with_unequal_classes(labels: list[int]):
    """Classes of one sequence are negatives only; nothing assumes that classes are as large as each other."""
    own = draw(11, 6, 4, 3).requires_grad_()
    slow = own.detach().double().requires_grad_()
    got = batch_all_triplet(own, torch.tensor(labels), 0.5)
    wanted = triplet_reference(slow, torch.tensor(labels), 0.5)
    got.backward()
    wanted.backward()
    assert wanted > 0 and own.grad is not None and slow.grad is not None
    torch.testing.assert_close(got.double(), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(own.grad.double(), slow.grad, rtol=1e-3, atol=1e-5)


def test_triplet_does_not_know_the_order_of_a_batch():
    features, order = draw(12, 9, 3, 5), torch.tensor([4, 8, 0, 3, 7, 1, 6, 2, 5])
    one = batch_all_triplet(features, LABELS, 0.3)
    torch.testing.assert_close(batch_all_triplet(features[order], LABELS[order], 0.3), one)
    torch.testing.assert_close(batch_all_triplet(features, 10 - LABELS, 0.3), one)


def test_distances_and_their_gradients():
    own, weighting = (draw(13, 7, 2, 5) + 3).requires_grad_(), draw(14, 2, 7, 7)
    slow = own.detach().double().requires_grad_()
    got = pairwise_distance(own)
    wanted = torch.stack(
        [torch.cdist(part, part, compute_mode="donot_use_mm_for_euclid_dist") for part in slow.unbind(1)]
    )
    assert got.dtype == torch.float32 and not got.diagonal(dim1=1, dim2=2).any()
    torch.testing.assert_close(got.double(), wanted, rtol=1e-4, atol=1e-4)
    (got * weighting).sum().backward()
    (wanted * weighting).sum().backward()
    assert own.grad is not None and slow.grad is not None
    torch.testing.assert_close(own.grad.double(), slow.grad, rtol=1e-3, atol=1e-4)


def test_rows_a_hundredth_apart_are_not_the_same_row():
    base = draw(20, 1, 3, 5)
    step = draw(21, 1, 3, 5)
    step = 0.01 * step / step.norm(dim=2, keepdim=True) * base.norm(dim=2, keepdim=True)
    features = torch.cat([base, base + step]).requires_grad_()
    distance = pairwise_distance(features)[:, 0, 1]
    torch.testing.assert_close(distance, step[0].norm(dim=1), rtol=0.01, atol=0)
    distance.sum().backward()
    assert features.grad is not None
    torch.testing.assert_close(features.grad[1], step[0] / step[0].norm(dim=1, keepdim=True), rtol=0.02, atol=0.02)


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


@pytest.mark.parametrize("count", [2, 3, 6])
def test_duplicates_of_every_kind_have_finite_gradients(count: int):
    """Copies within a class, across classes, of zero and of large rows; the others train as if there were none."""
    for row in (torch.zeros(3, 5), torch.full((3, 5), 300.0), draw(15, 3, 5)):
        features = draw(16, 9, 3, 5)
        features[:count] = row
        features.requires_grad_()
        loss = batch_all_triplet(features, LABELS, 0.2)
        loss.backward()
        assert loss.isfinite() and features.grad is not None and features.grad.isfinite().all()
        assert features.grad[count:].any()
        wanted = triplet_reference(features.detach().double(), LABELS, 0.2)
        torch.testing.assert_close(loss.double(), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_the_mean_over_parts_and_batch(smoothing: float):
    own, labels = draw(17, 5, 3, 4).requires_grad_(), [2, 0, 3, 3, 1]
    slow, terms = own.detach().double().requires_grad_(), []
    for logits, label in zip(slow, labels):
        for part in logits:
            logs = part - part.exp().sum().log()
            target = [(1 - smoothing) * (k == label) + smoothing / 4 for k in range(4)]
            terms.append(-sum(share * value for share, value in zip(target, logs)))
    wanted = torch.stack([torch.as_tensor(term) for term in terms]).mean()
    got = part_cross_entropy(own, torch.tensor(labels), smoothing)
    torch.testing.assert_close(got.double(), wanted, rtol=1e-5, atol=1e-6)
    got.backward()
    wanted.backward()
    assert own.grad is not None and slow.grad is not None
    torch.testing.assert_close(own.grad.double(), slow.grad, rtol=1e-4, atol=1e-6)


def test_smoothing_is_off_in_every_preset(settings_tree):
    assert [settings_tree["methods"][name]["label_smoothing"] for name in ("pretrain", "upper")] == [0, 0]


def test_losses_are_taken_in_fp32():
    features, labels = draw(18, 9, 3, 5), LABELS
    half = batch_all_triplet(features.bfloat16(), labels, 0.2)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, batch_all_triplet(features.bfloat16().float(), labels, 0.2))
    logits = draw(19, 9, 3, 4)
    assert part_cross_entropy(logits.bfloat16(), labels, 0.0).dtype == torch.float32


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
    slow = queries.detach().double().requires_grad_()
    powers = (slow @ centroids.double().t() / tau).exp()
    (-(powers[torch.arange(6), labels] / powers.sum(dim=1)).log().mean()).backward()
    assert queries.grad is not None and slow.grad is not None and queries.grad.any()
    torch.testing.assert_close(queries.grad.double(), slow.grad, rtol=1e-3, atol=1e-5)


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
