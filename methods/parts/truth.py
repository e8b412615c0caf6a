"""Stages and tools of controls that the paper did not run: with true labels, or with labels that mean nothing.

A method that uses them says so by ``uses_labels``; no unsupervised method imports this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from harness.counters import numpy_rng
from harness.types import Augment, Clusters, EpochPlan, Pool, SequenceLabels, Tools
from methods.cc import ClusterContrast
from methods.parts.round import Labels, Round, count_clusters, renumber
from methods.parts.space import SimilaritySpace

FRONT_BACK = (0, 180)
"""What the view classifier is taught to call front/back (decision ``view-classifier``)."""

Relabel = Callable[[Labels, SequenceLabels, np.random.Generator], Labels]
"""(cluster labels i64[N], truth, the epoch's draws) -> labels i64[N] that are trained on."""


def draws(tools: Tools, round: Round, purpose: str) -> np.random.Generator:
    """A control's random numbers: others for each seed and epoch."""
    return numpy_rng(tools.seed, "control", purpose, round.epoch)


class WithTruth(ClusterContrast):
    """CC, or what stands on it, whose stages may look at the truth of the sequences that it trains on."""

    uses_labels = True
    truth: SequenceLabels | None = None

    def plan_epoch(self, epoch: int, pool: Pool, tools: Tools) -> EpochPlan:
        self.truth = pool.labels
        return super().plan_epoch(epoch, pool, tools)

    def known(self) -> SequenceLabels:
        assert self.truth is not None
        return self.truth


class Relabelled:
    """Puts other labels in the place of the clusters'."""

    def __init__(self, method: WithTruth, relabel: Relabel) -> None:
        self.method, self.relabel = method, relabel

    def __call__(self, round: Round, space: SimilaritySpace, tools: Tools) -> Round:
        labels = self.relabel(round.labels, self.method.known(), draws(tools, round, "labels"))
        return replace(round, labels=renumber(labels))


def people(truth: SequenceLabels) -> Labels:
    """The number of each sequence's person, i64[N]."""
    return np.unique(truth.subject, return_inverse=True)[1].astype(np.int64)


def identities(labels: Labels, truth: SequenceLabels, rng: np.random.Generator) -> Labels:
    """A class for each person: the ceiling of any clustering."""
    return people(truth)


def identities_in_clothes(labels: Labels, truth: SequenceLabels, rng: np.random.Generator) -> Labels:
    """A class for each person in a coat and each without: clothes are never joined."""
    return (2 * people(truth) + in_coat(truth)).astype(np.int64)


def shuffled(labels: Labels, truth: SequenceLabels, rng: np.random.Generator) -> Labels:
    """The clusters' labels dealt out anew among their members: the sizes stay, the meaning goes."""
    out, member = labels.copy(), np.flatnonzero(labels >= 0)
    out[member] = labels[rng.permutation(member)]
    return out


def in_coat(truth: SequenceLabels) -> npt.NDArray[np.bool_]:
    """bool[N]: which sequences show a coat, by the names of conditions of CASIA-B and Outdoor-Gait."""
    words = np.char.split(np.char.lower(truth.condition), "-")
    return np.array(["cl" in word for word in words.tolist()])


class TrueLinks:
    """Links of SCF between all clusters whose most frequent person is the same: the upper bound of fusion."""

    def __init__(self, method: WithTruth) -> None:
        self.method = method

    def __call__(self, round: Round, space: SimilaritySpace, tools: Tools) -> Round:
        person = people(self.method.known())
        count = count_clusters(round.labels)
        table = np.zeros((count, person.max() + 1), dtype=np.int64)
        member = round.labels >= 0
        np.add.at(table, (round.labels[member], person[member]), 1)
        owner = table.argmax(axis=1)
        return replace(round, links=_padded([np.flatnonzero(owner == person) for person in owner], round))


class RandomLinks:
    """Links of SCF to clusters drawn at random, as many as SCF's support sets hold."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, round: Round, space: SimilaritySpace, tools: Tools) -> Round:
        count = count_clusters(round.labels)
        sets, rng = [], draws(tools, round, "links")
        for k in range(count):
            others = np.delete(np.arange(count), k)
            sets.append(np.sort([k, *rng.choice(others, min(self.size - 1, count - 1), replace=False)]))
        return replace(round, links=_padded(sets, round))


def _padded(sets: list[npt.NDArray[np.int64]], round: Round) -> Tensor:
    """Support sets as a memory bank takes them: i64[K,S], -1 behind the shorter ones."""
    if not sets:
        return torch.empty(0, 1, dtype=torch.int64)
    links = pad_sequence([torch.from_numpy(own) for own in sets], batch_first=True, padding_value=-1)
    return links.to(round.features.device)


@dataclass(frozen=True)
class OtherViews:
    """Tools whose view classifier is replaced by ``views`` bool[N]."""

    tools: Tools
    views: npt.NDArray[np.bool_]
    seed: int

    def extract(self, augment: Augment | None = None) -> Tensor:
        return self.tools.extract(augment)

    def cluster(self, features: Tensor, n: int, s_up: float, /) -> Clusters:
        return self.tools.cluster(features, n, s_up)

    def front_back(self) -> npt.NDArray[np.bool_]:
        return self.views


class KnownViews:
    """SSF that is told the views: the true ones, or the true ones dealt out anew among all sequences."""

    def __init__(self, method: WithTruth, stage: Callable[[Round, SimilaritySpace, Tools], Round], mix: bool) -> None:
        self.method, self.stage, self.mix = method, stage, mix

    def __call__(self, round: Round, space: SimilaritySpace, tools: Tools) -> Round:
        views = np.isin(self.method.known().view_deg, FRONT_BACK)
        if self.mix:
            views = draws(tools, round, "views").permutation(views)
        return self.stage(round, space, OtherViews(tools, views, tools.seed))
