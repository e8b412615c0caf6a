"""Trimmed: CC that leaves out, each epoch, the sequences farthest from the centroid of their cluster."""

from dataclasses import replace

import torch

from harness.config import Settings, Share, Strict, plugin_settings
from harness.types import Tools
from methods.cc import ClusterContrast
from methods.parts.memory import centroids_of
from methods.parts.round import Round, count_clusters
from methods.parts.space import SimilaritySpace


class Parameters(Strict):
    """``share`` of each cluster's sequences that is left out, rounded down."""

    share: Share = 0.2


class Trim:
    """Rewrites labels only: the farthest become outliers (-1), and no cluster vanishes."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self, round: Round, space: SimilaritySpace, tools: Tools) -> Round:
        labels, features = round.labels.copy(), round.features
        known = torch.from_numpy(round.labels).to(features.device)
        centroids = centroids_of(features, known, count_clusters(round.labels))
        near = (features * centroids[known.clamp(min=0)]).sum(dim=1).cpu().numpy()
        for cluster in range(count_clusters(round.labels)):
            members = (round.labels == cluster).nonzero()[0]
            out = min(int(len(members) * self.share), len(members) - 1)
            labels[members[near[members].argsort(kind="stable")[:out]]] = -1
        trimmed = int((labels != round.labels).sum())
        return replace(round, labels=labels, metrics={**round.metrics, "trimmed": float(trimmed)})


class Trimmed(ClusterContrast):
    title = "Base + trim"
    Parameters = Parameters
    params = (*ClusterContrast.params, "methods.trimmed")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stages = (Trim(plugin_settings(settings, "trimmed", Parameters).share),)
