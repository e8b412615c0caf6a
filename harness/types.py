"""The contracts between the rooms.

One letter per axis throughout: B batch, T frames, H rows (64), W columns (44), P parts, D dims of a part,
K clusters, N sequences, V views of a sequence in a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # processes that prepare frames need these contracts, but neither torch nor pydantic
    from torch import Tensor, nn

    from harness.config import Settings, Training

FRAME = (64, 44)
"""Rows and columns of a silhouette."""


class Augment(Protocol):
    """A random change of sequences, drawn once for each sequence and applied batch-wise on the device."""

    def draw(self, rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
        """Parameters f64[count, ...] of ``count`` sequences."""
        ...

    def __call__(self, frames: Tensor, draws: npt.NDArray[np.float64]) -> Tensor:
        """Frames f32[B,T,64,44] in [0,1] and their B draws -> frames of the same shape."""
        ...


@dataclass(frozen=True)
class SequenceLabels:
    """What is true of sequences: text arrays [N] as the data set names things."""

    subject: npt.NDArray[np.str_]
    condition: npt.NDArray[np.str_]
    view: npt.NDArray[np.str_]

    @property
    def view_deg(self) -> npt.NDArray[np.int64]:
        """Views as degrees i64[N]."""
        return self.view.astype(np.int64)


@dataclass(frozen=True)
class Pool:
    """The sequences that a method trains on: first frame and length i64[N] in the store.

    ``labels`` is None for unsupervised methods: nothing they can reach says who is on a sequence.
    """

    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    labels: SequenceLabels | None

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True)
class Batch:
    """frames f32[V*B,T,64,44] in [0,1] (all sequences in their first view, then the second ...), lengths i64[V*B],
    labels i64[B], rows i64[B] in the pool."""

    frames: Tensor
    lengths: Tensor
    labels: Tensor
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class EpochPlan:
    """What an epoch trains on.

    labels i64[N]: class of each sequence of the pool, -1 for those not trained on.
    views: one augmentation (or None) for each view of a sequence in a batch.
    classes, sequences: P x K sampling; ``classes`` None draws sequences without regard to labels.
    metrics: what to log of the plan.
    moved i64[M]: sequences that a stage handed to another cluster; links i64[K,S]: the clusters of each support set,
    then -1, or None without. Both are for diagnostics.
    """

    labels: npt.NDArray[np.int64]
    classes: int | None
    sequences: int
    views: tuple[Augment | None, ...] = (None,)
    metrics: Mapping[str, float] = field(default_factory=dict)
    moved: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    links: Tensor | None = None


@dataclass(frozen=True)
class Clusters:
    """labels i64[N] (-1 outlier, 0..K-1 by first member), links before and after s_up, code length in bits."""

    labels: npt.NDArray[np.int64]
    neighbour_links: int
    kept_links: int
    codelength: float

    @property
    def count(self) -> int:
        return int(self.labels.max(initial=-1)) + 1


class Tools(Protocol):
    """What the trainer lends a method at the start of an epoch."""

    @property
    def seed(self) -> int:
        """The run's, for draws of the method's own."""
        ...

    def extract(self, augment: Augment | None = None) -> Tensor:
        """Embeddings f32[N,P,D] of the whole pool in evaluation mode, from frames or their augmentations."""
        ...

    def cluster(self, features: Tensor, n: int, s_up: float, /) -> Clusters:
        """Clusters of unit features f32[N,F]."""
        ...

    def front_back(self) -> npt.NDArray[np.bool_]:
        """bool[N]: which sequences the view classifier calls front or back."""
        ...


@runtime_checkable
class Network(Protocol):
    """A trainable model. ``forward`` gives what the method's loss takes; ``embed`` f32[B,P,D] for evaluation."""

    def forward(self, frames: Tensor, lengths: Tensor) -> Any: ...

    def embed(self, frames: Tensor, lengths: Tensor) -> Tensor: ...


class Method(Protocol):
    """A way to train. The harness loads data, runs the loop, evaluates and counts; a method never scores itself."""

    uses_labels: bool
    """Whether it may see subjects and views of the training set."""
    on_source: bool
    """Whether it trains on the suite's pre-training set instead of the target."""
    uses_view_classifier: bool
    uses_clustering: bool
    params: tuple[str, ...]
    """Dotted keys of ``params.yaml`` that its result depends on, beside backbone and compute."""
    training: Training
    first_step: int
    """Where its learning-rate schedule starts counting (decision ``milestones``)."""

    def __init__(self, settings: Settings) -> None: ...

    def parent(self) -> str | None:
        """The method whose last weights it starts from, or None for random weights."""
        ...

    def build(self, backbone: nn.Module, subjects: int) -> nn.Module:
        """The network to train (a :class:`Network`), around a backbone with its initial weights.

        subjects: how many people the training set has; 0 for methods that see no labels and for a network that is
        only to embed, which then needs no classifier.
        """
        ...

    def plan_epoch(self, epoch: int, pool: Pool, tools: Tools) -> EpochPlan: ...

    def loss(self, batch: Batch, output: Any) -> Tensor:
        """A scalar; pure. ``output`` is what the network's forward gave."""
        ...

    def after_step(self, batch: Batch, output: Any, progress: float) -> None:
        """State that changes with a step (a memory bank); ``progress`` in [0,1) is the place in the epoch."""
        ...

    def state(self, within_epoch: bool) -> dict[str, Any]:
        """What a resumed run needs beside weights and optimiser, as tensors and plain values.

        within_epoch: the epoch goes on after ``restore``, so that its plan and what moved since belong to it.
        """
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back a state; ``plan_epoch`` of the epoch that it is in the middle of then gives the same plan."""
        ...


@dataclass(frozen=True)
class EvaluationProtocol:
    """Who is looked up among whom: data only.

    gallery, probes: patterns (as of the shell) for conditions; ``others``: conditions that exist but are not used.
    views: degrees that exist, empty when any does. per_view: score each probe view against each gallery view and
    average without the identical one; otherwise everything against everything. ranks: which rank-k to score;
    average_precision: mAP and mINP too. unmatched: what happens to a probe whose subject is not in the gallery that
    it is compared with.
    """

    gallery: tuple[str, ...]
    probes: Mapping[str, tuple[str, ...]]
    per_view: bool
    others: tuple[str, ...] = ()
    views: tuple[int, ...] = ()
    ranks: tuple[int, ...] = (1,)
    average_precision: bool = False
    unmatched: Literal["count", "skip"] = "count"


@dataclass(frozen=True)
class ResultRecord:
    """One measured number. ``view_deg`` None is the mean over views; ``value`` per cent, not rounded.

    variant: the label of a method's variant ("a=3"), empty for the method as it is.
    """

    dataset: str
    backbone: str
    method: str
    seed: int
    condition: str
    view_deg: int | None
    metric: str
    value: float
    n_probes: int
    run_id: str
    variant: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one run answered under one condition, by test subject: rank-1 hits and trials i64[V,S].

    views: probe views in degrees ((None,) where the protocol knows none); subjects: S names.
    """

    dataset: str
    backbone: str
    method: str
    seed: int
    condition: str
    run_id: str
    views: tuple[int | None, ...]
    subjects: tuple[str, ...]
    hits: npt.NDArray[np.int64]
    trials: npt.NDArray[np.int64]
    variant: str = ""
