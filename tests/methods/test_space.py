"""The space in which sequences are compared."""

import numpy as np
import pytest
import torch

from methods.parts.space import SimilaritySpace

EMBEDDINGS = torch.randn(20, 3, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 0.2, 2.0]) + 3


def reference(embeddings: torch.Tensor, kind: str, per_part: bool) -> np.ndarray:
    parts = embeddings.double().numpy()
    if per_part:
        parts = parts / np.linalg.norm(parts, axis=2, keepdims=True)
    flat = parts.reshape(len(parts), -1)
    if kind != "raw":
        flat = flat - flat.mean(axis=0)
    if kind == "standardised":
        flat = flat / flat.std(axis=0, ddof=1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ["raw", "centred", "standardised"])
@pytest.mark.parametrize("per_part", [False, True])
def test_kinds(kind: str, per_part: bool):
    space = SimilaritySpace(kind, per_part, keep=0.9)
    space.fit(EMBEDDINGS)
    got = space(EMBEDDINGS)
    np.testing.assert_allclose(got, reference(EMBEDDINGS, kind, per_part), atol=2e-6)
    np.testing.assert_allclose(got.norm(dim=1), 1, atol=1e-6)


def test_others_are_seen_from_the_mean_of_those_fitted():
    space = SimilaritySpace("centred", False, keep=0.9)
    space.fit(EMBEDDINGS)
    one = torch.full((1, 3, 4), 2.0)
    wanted = 2 - EMBEDDINGS.flatten(1).double().mean(dim=0)
    np.testing.assert_allclose(space(one)[0], wanted / wanted.norm(), atol=1e-6)


def test_constant_dimension_stays_finite():
    embeddings = EMBEDDINGS.clone()
    embeddings[:, 1, 2] = 4.0
    space = SimilaritySpace("standardised", False, keep=0.9)
    space.fit(embeddings)
    assert space(embeddings).isfinite().all()


@pytest.mark.parametrize("keep", [0.0, 0.9, 1.0])
def test_mean_follows_the_batches(keep: float):
    space = SimilaritySpace("centred", False, keep)
    space.fit(EMBEDDINGS)
    batch = EMBEDDINGS[:5].clone().requires_grad_()
    mean = EMBEDDINGS.flatten(1).mean(dim=0)
    for _ in range(2):
        space.follow(batch)
        mean = keep * mean + (1 - keep) * EMBEDDINGS[:5].flatten(1).mean(dim=0)
    assert space.mean is not None and not space.mean.requires_grad
    torch.testing.assert_close(space.mean, mean)


def test_following_before_a_fit_does_nothing():
    space = SimilaritySpace("raw", False, 0.5)
    space.follow(EMBEDDINGS)
    assert space.mean is None
    np.testing.assert_allclose(space(EMBEDDINGS), reference(EMBEDDINGS, "raw", False), atol=1e-6)


def test_gradient_reaches_the_embeddings():
    space = SimilaritySpace("centred", False, 0.9)
    space.fit(EMBEDDINGS)
    batch = EMBEDDINGS[:4].clone().requires_grad_()
    space(batch)[:, 0].sum().backward()
    assert batch.grad is not None and batch.grad.any()
