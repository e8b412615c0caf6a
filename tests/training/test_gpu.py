"""What only a GPU can show: our kernels against float64, the same bits twice, and the CPU's numbers.

``HARNESS_TEST_DEVICE=cuda`` also has every other training of the tests run there (docs/running.md).
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from harness import config
from harness.clustering.infomap import Clustering
from harness.clustering.knn import nearest_neighbours
from harness.data.augment import ClothAugment, SelfSupervisedAugment
from harness.data.batching import BatchSource
from harness.data.sets import protocol_of
from harness.evaluation.evaluate import score
from harness.registry import find
from harness.testing.tiny import people, shrink, smoke_tree, start
from harness.training.checkpoint import Resume
from harness.training.device import Device, set_up
from harness.training.extract import extract
from harness.training.feed import ahead
from harness.training.listener import Listener
from harness.training.trainer import Trainer
from harness.types import EpochPlan, SequenceLabels
from methods.parts.losses import batch_all_triplet, cluster_nce, part_cross_entropy, two_view
from methods.parts.memory import MemoryBank, centroids_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

CPU = torch.device("cpu")
METHODS = ("pretrain", "upper", "view_classifier", "cc", "ssf", "scf", "sf", "gaitssb", "norm_refresh")


def card(**compute: Any) -> Device:
    return set_up(config.Compute.model_validate({**smoke_tree()["compute"], "device": "cuda", **compute}))


def unit(seed: int, rows: int, dims: int) -> torch.Tensor:
    return F.normalize(torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed)), dim=1)


def trained(
    device: Device, name: str, folder: Path, backbone: str = "gaitset", stop: int | None = None, **training: Any
) -> dict[str, torch.Tensor]:
    """Weights on the CPU after four steps of a method, or, with ``stop``, of as many; a second call goes on there."""
    settings = shrink(smoke_tree())
    method: Any = find("method", name)(settings)
    method.training = method.training.model_copy(update={"epochs": 2, **training})
    tools = start(method, settings, backbone, device)

    class Ear(Listener):
        steps = 0

        def step(self, epoch: int, step: int, loss: float, sequences: int) -> None:
            self.steps += 1

        def stopping(self) -> bool:
            return self.steps == stop

    tools.listener = Ear()
    folder.mkdir(exist_ok=True)
    try:
        Trainer(device, Resume(folder), lambda plan: {}).fit(method, tools.network, tools)
        assert stop is None, "it was to stop before its end"
    except KeyboardInterrupt:
        assert stop is not None
    return {key: value.cpu() for key, value in tools.network.state_dict().items()}


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def distance(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> float:
    """Between all weights of two networks."""
    assert one.keys() == two.keys()
    return sum(float((one[key].double() - two[key].cpu().double()).square().sum()) for key in one) ** 0.5


def moved(weights: dict[str, torch.Tensor], backbone: str) -> float:
    """How far CC's training took the weights from where they were."""
    settings = shrink(smoke_tree())
    return distance(weights, start(find("method", "cc")(settings), settings, backbone).network.state_dict())


@pytest.mark.parametrize("store", ["device", "host"])
def test_batches_are_the_cpus(store: str):
    frames, pool = people(labels=False)
    augments = (None, ClothAugment(1.0), SelfSupervisedAugment(0.5, 0.5, 0.5, 0.5, 0.5))
    plan = EpochPlan(np.arange(len(pool)) % 5, 4, 3, views=augments)
    device = card(store=store)
    made = BatchSource(device.hold(frames), pool, 4, False, 3, device.torch)
    assert made.from_host == (store == "host")
    for step in range(3):
        got = made.batch(plan, 1, step)
        wanted = BatchSource(frames, pool, 4, False, 3, CPU).batch(plan, 1, step)
        whole = 2 * len(wanted.frames) // 3
        # A GPU divides by 255 by multiplying, so that the last bit may differ; what is sampled rounds more.
        torch.testing.assert_close(got.frames[:whole].cpu(), wanted.frames[:whole], rtol=2e-7, atol=0)
        apart = (got.frames[whole:].cpu() - wanted.frames[whole:]).abs() > 1e-3
        assert apart.float().mean() < 1e-3  # a blur's threshold may fall on the other side
        assert torch.equal(got.labels.cpu(), wanted.labels) and (got.rows == wanted.rows).all()


def test_a_batch_from_the_host_does_not_wait_for_the_steps():
    """Its copy and kernels end while the step's are still to run, whoever takes it sees what was copied, and its memory
    is nobody else's until the step has read it."""
    device, source = card(store="host").torch, torch.arange(8 << 20, dtype=torch.int32).pin_memory()
    second = 2 * 10**9  # of the GPU's clock

    def turns(wait: int) -> tuple[list[bool], list[int]]:
        step, begun = torch.cuda.Event(), [threading.Event() for _ in range(3)]
        beside: list[bool] = []

        def make(number: int) -> tuple[int, torch.Tensor]:
            assert number == 0 or begun[number - 1].wait(60)
            torch.cuda._sleep(wait // 20)
            found = source.to(device, non_blocking=True).mul_(number + 1)
            if number:
                torch.cuda.current_stream().synchronize()
                beside.append(not step.query())
            return number, found

        sums = []
        for number, found in ahead(make, range(3), device):
            sums.append(found.sum(dtype=torch.int64))
            torch.cuda._sleep(wait)
            step.record()
            begun[number].set()
            sums.append(found.sum(dtype=torch.int64))  # in the stream of the steps, behind them
            del found
        return beside, [int(each) for each in sums]

    turns(1)  # kernels are loaded when they are first asked for, which waits for all that run
    beside, sums = turns(second)
    assert beside == [True, True]
    total = int(source.sum(dtype=torch.int64))
    assert sums == [total, total, 2 * total, 2 * total, 3 * total, 3 * total]


@pytest.mark.parametrize("shape", [(70, 16, 9), (5000, 64, 39)])
def test_neighbours_equal_a_search_in_float64(shape: tuple[int, int, int]):
    rows, dims, count = shape
    features = unit(0, rows, dims)
    card()
    indices, similarity = nearest_neighbours(features.cuda(), count, "exact", 1)
    cosines = features.double() @ features.double().t()
    cosines.fill_diagonal_(-2)
    wanted = cosines.topk(count, dim=1)
    np.testing.assert_allclose(similarity, wanted.values, atol=1e-6)
    found = cosines.gather(1, torch.from_numpy(indices))
    torch.testing.assert_close(found, wanted.values, rtol=0, atol=1e-6)  # the same but for ties
    again = nearest_neighbours(features.cuda(), count, "exact", 1)
    assert (again[0] == indices).all() and (again[1] == similarity).all()


def test_clusters_are_the_cpus():
    card()
    features = F.normalize(unit(1, 12, 32).repeat(20, 1) + 0.3 * unit(2, 240, 32), dim=1)
    clustering = Clustering(True, False, 2, 1, "exact", 1)
    got, wanted = clustering.fit(features.cuda(), 12, 0.5), clustering.fit(features, 12, 0.5)
    assert (got.labels == wanted.labels).all() and got.count == wanted.count == 12


@pytest.mark.parametrize("renormalise", [True, False])
def test_the_memory_bank_equals_one_by_one_in_float64(renormalise: bool):
    rng = np.random.default_rng(0)
    queries, labels = unit(1, 128, 40), rng.integers(0, 9, 128)
    support = [sorted({k, *rng.choice(9, 2)}) for k in range(9)]
    links = torch.tensor([row + [-1] * (3 - len(row)) for row in support])
    wanted = unit(2, 9, 40).double().numpy()
    for query, k in zip(queries.double().numpy(), labels):
        for cluster in support[k]:
            moved = 0.3 * wanted[cluster] + 0.7 * query
            wanted[cluster] = moved / np.linalg.norm(moved) if renormalise else moved
    bank = MemoryBank(unit(2, 9, 40).cuda(), links.cuda(), renormalise)
    bank.update(queries.cuda(), torch.from_numpy(labels).cuda(), 0.3)
    np.testing.assert_allclose(bank.centroids.cpu(), wanted, atol=1e-6)
    means = centroids_of(queries.cuda(), torch.from_numpy(labels).cuda(), 9).cpu().double()
    reference = torch.stack([queries[labels == k].double().mean(0) for k in range(9)])
    torch.testing.assert_close(means, F.normalize(reference, dim=1), rtol=0, atol=1e-6)


def test_losses_and_gradients_are_the_cpus():
    """Which tests/methods/test_losses.py sets beside float64."""
    card()
    labels = torch.arange(24) % 6
    embeddings = torch.randn(24, 5, 7, generator=torch.Generator().manual_seed(3))
    queries, centroids = unit(4, 24, 35), unit(5, 6, 35)
    losses = {
        "triplet": lambda x, y: batch_all_triplet(x, y, 0.2),
        "cross-entropy": lambda x, y: part_cross_entropy(x, y, 0.1),
        "two views": lambda x, y: two_view(x, x.flip(0), 16.0),
        "ClusterNCE": lambda x, y: cluster_nce(
            F.normalize(x.flatten(1), dim=1) + queries.to(x), y, centroids.to(x), 0.05
        ),
    }
    for name, loss in losses.items():
        here, there = embeddings.clone().requires_grad_(), embeddings.cuda().detach().requires_grad_()
        wanted, got = loss(here, labels), loss(there, labels.cuda())
        wanted.backward()
        got.backward()
        torch.testing.assert_close(got.cpu(), wanted, rtol=1e-5, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")
        assert here.grad is not None and there.grad is not None
        torch.testing.assert_close(there.grad.cpu(), here.grad, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("backbone", ["gaitset", "gaitgl"])
@pytest.mark.parametrize("augment", [None, ClothAugment(0.5)])
def test_extraction_is_the_cpus_and_does_not_depend_on_batching(backbone: str, augment: ClothAugment | None):
    settings = shrink(smoke_tree())
    method = find("method", "cc")(settings)
    network = start(method, settings, backbone).network.to(CPU)
    frames, pool = people(labels=False)
    wanted = extract(network, frames, pool, Device(CPU, "fp32", False, 64), augment, (0, "extract", 0))
    for size, channels_last in ((1, False), (7, True), (10_000, True)):
        device = card(extract_frames=size, channels_last=channels_last)
        placed = device.place(network)
        got = extract(placed, device.hold(frames), pool, device, augment, (0, "extract", 0))
        torch.testing.assert_close(got.cpu(), wanted, rtol=1e-4, atol=1e-5)
        network.to(CPU)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("backbone", ["gaitset", "gaitgl"])
@pytest.mark.parametrize("name", METHODS)
def test_the_same_bits_twice_also_after_a_stop(name: str, backbone: str, precision: str, tmp_path: Path):
    device = card(precision=precision)
    whole = trained(device, name, tmp_path / "whole", backbone)
    assert all(value.isfinite().all() for value in whole.values())
    trained(device, name, tmp_path / "parts", backbone, stop=3)
    assert equal(trained(device, name, tmp_path / "parts", backbone), whole)
    hosted = trained(card(precision=precision, store="host"), name, tmp_path / "hosted", backbone)
    assert equal(hosted, whole)


@pytest.mark.parametrize("backbone", ["gaitset", "gaitgl"])
def test_a_training_is_near_the_cpus(backbone: str, tmp_path: Path):
    """Four steps of CC: rounding apart, the same network."""
    here = trained(Device(CPU, "fp32", False, 64), "cc", tmp_path / "cpu", backbone)
    there = trained(card(channels_last=False), "cc", tmp_path / "cuda", backbone)
    assert distance(here, there) < 0.05 * moved(here, backbone)


@pytest.mark.parametrize("mode", ["default", "cuda-graphs"])
def test_compiled_steps_are_near_the_plain_ones(mode: str, tmp_path: Path):
    plain = trained(card(), "cc", tmp_path / "plain")
    fast = trained(card(compile=mode), "cc", tmp_path / "fast")
    fast = {key.removeprefix("_orig_mod."): value for key, value in fast.items()}
    assert distance(plain, fast) < 0.2 * moved(plain, "gaitset")


def test_scores_are_the_cpus():
    names = [(f"{s:03d}", c, v) for s in range(9) for c in ("nm-01", "nm-02", "nm-03", "nm-04", "nm-05", "nm-06",
             "bg-01", "bg-02", "cl-01", "cl-02") for v in ("000", "090", "180")]  # fmt: skip
    labels = SequenceLabels(*(np.array(column) for column in zip(*names, strict=True)))
    subject = np.unique(labels.subject, return_inverse=True)[1]
    embeddings = (unit(6, 9, 60)[subject] + 1.5 * unit(7, len(names), 60)).view(len(names), 6, 10)
    wanted = score(embeddings, labels, protocol_of("casia-b"), "part-euclidean")
    got = score(embeddings.cuda(), labels, protocol_of("casia-b"), "part-euclidean")
    assert got.keys() == wanted.keys() == {"NM", "BG", "CL"}
    for name, found in got.items():
        np.testing.assert_array_equal(found.hits, wanted[name].hits)
        np.testing.assert_array_equal(found.rank1, wanted[name].rank1)
        assert 20 < found.mean < 100
