"""CC: the baseline, Cluster-contrast on silhouettes (section 3.2), and the frame in which SSF, SCF and SF stand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from harness.config import ClusterContrast as ClusterSettings
from harness.config import Settings, Training
from harness.errors import UserError
from harness.types import Batch, EpochPlan, Pool, Tools
from methods.parts.losses import cluster_nce
from methods.parts.memory import MemoryBank, centroids_of, momentum_at
from methods.parts.round import Round, Stage, count_clusters
from methods.parts.space import SimilaritySpace

_ARRAYS = ("labels", "moved")
"""What a plan holds as numpy arrays, which checkpoints keep as tensors."""


class ClusterContrast:
    """Cluster, then train against the clusters' centroids. ``stages`` adjust labels and links in between."""

    uses_labels = False
    on_source = False
    uses_view_classifier = False
    uses_clustering = True
    section = "methods.cc"
    params: tuple[str, ...] = ("methods.cc", *(f"assumed.{key}" for key in (
        "link-threshold", "neighbour-self", "min-cluster", "similarity-space", "embedding", "multi-update", "momentum",
    )))  # fmt: skip

    def __init__(self, settings: Settings) -> None:
        self.settings: ClusterSettings = settings.methods.cc
        self.training: Training = self.settings.training
        self.s_up = self.settings.s_up
        self.assumed = settings.assumed
        self.stages: tuple[Stage, ...] = ()
        self.first_step = 0
        space = settings.assumed.similarity_space
        self.space = SimilaritySpace(space, settings.assumed.embedding == "parts", self.settings.mean_keep)
        self.previous: int | None = None
        self.memory: MemoryBank | None = None
        self.plan: EpochPlan | None = None
        self.resumed: EpochPlan | None = None

    def parent(self) -> str | None:
        return "pretrain"

    def build(self, backbone: nn.Module, subjects: int) -> nn.Module:
        return backbone

    def plan_epoch(self, epoch: int, pool: Pool, tools: Tools) -> EpochPlan:
        """Algorithm 1, lines 2 to 10; the plan that a resumed run was in the middle of stands."""
        self.plan, self.resumed = self.resumed or self._plan(epoch, tools), None
        return self.plan

    def _plan(self, epoch: int, tools: Tools) -> EpochPlan:
        embeddings = tools.extract()
        self.space.fit(embeddings)
        features = self.space(embeddings)
        clusters = tools.cluster(features, self.settings.n, self.s_up)
        round = Round(epoch, features, clusters.labels, clusters.count, self.previous, features)
        for stage in self.stages:
            round = stage(round, self.space, tools)
        self.previous = clusters.count
        count = count_clusters(round.labels)
        start = centroids_of(round.memory, torch.from_numpy(round.labels).to(features.device), count)
        self.memory = MemoryBank(start, round.links, self.assumed.multi_update == "renormalise")
        removed = 1 - clusters.kept_links / max(clusters.neighbour_links, 1)
        metrics = {
            "clusters_found": float(clusters.count),
            "clusters": float(count),
            "outliers": float((round.labels < 0).sum()),
            "links_removed": removed,
            "codelength": clusters.codelength,
        }
        return EpochPlan(
            labels=round.labels,
            classes=self._classes(clusters.count, count),
            sequences=self.training.sequences,
            metrics={**metrics, **round.metrics},
            moved=round.moved,
            links=round.links,
        )

    def _classes(self, found: int, left: int) -> int:
        """P of a batch: as set, or every cluster where there are fewer (``few_clusters: shrink``, at least 2)."""
        wanted = self.training.subjects
        if left >= wanted:
            return wanted
        if left >= 2 and self.settings.few_clusters == "shrink":
            return left
        if found > left:
            cause = f"SSF dissolved {found - left} of {found}; raise methods.ssf.c_low or train view_classifier longer"
        elif found == 1:
            cause = f"everything fell into one cluster; raise {self.section}.s_up or lower methods.cc.n"
        elif found == 0:
            cause = f"no link stands; lower {self.section}.s_up"
        else:
            cause = f"lower {self.section}.training.subjects, or set methods.cc.few_clusters: shrink"
        raise UserError(f"training stopped: {left} clusters, a batch needs {wanted} (2 at the least): {cause}")

    def loss(self, batch: Batch, output: Tensor) -> Tensor:
        assert self.memory is not None
        return cluster_nce(self.space(output), batch.labels, self.memory.centroids, self.settings.tau)

    def after_step(self, batch: Batch, output: Tensor, progress: float) -> None:
        """Eq. 2 (3 with support sets), Eq. 6; the mean of the space follows."""
        assert self.memory is not None
        moving = self.assumed.momentum == "cosine"
        m = momentum_at(progress if moving else 0.0, self.settings.m_max, self.settings.m_min)
        self.memory.update(self.space(output.detach()), batch.labels, m)
        self.space.follow(output.detach())

    def state(self, within_epoch: bool) -> dict[str, Any]:
        """Between epochs only the cluster count is carried: labels, memory and mean are made anew."""
        if not within_epoch:
            return {"previous": self.previous}
        assert self.memory is not None and self.plan is not None
        arrays = {key: torch.from_numpy(getattr(self.plan, key)) for key in _ARRAYS}
        plan = {**asdict(self.plan), **arrays, "metrics": dict(self.plan.metrics)}
        memory = {"centroids": self.memory.centroids, "links": self.memory.links}
        space = {"mean": self.space.mean, "scale": self.space.scale}
        return {"previous": self.previous, "plan": plan, "memory": memory, "space": space}

    def restore(self, state: dict[str, Any]) -> None:
        self.previous = state["previous"]
        if "plan" in state:
            arrays = {key: state["plan"][key].cpu().numpy() for key in _ARRAYS}
            self.resumed = EpochPlan(**{**state["plan"], **arrays})
            self.memory = MemoryBank(**state["memory"], renormalise=self.assumed.multi_update == "renormalise")
            self.space.mean, self.space.scale = state["space"]["mean"], state["space"]["scale"]


METHOD = ClusterContrast
