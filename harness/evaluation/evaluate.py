"""Scores by a data set's official protocol."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.distances import distances
from harness.errors import UserError
from harness.types import EvaluationProtocol, SequenceLabels


@dataclass(frozen=True)
class ConditionScore:
    """Scores of one probe condition, in per cent and not rounded.

    views: probe views in degrees ([None] when the protocol knows no views). rank1 f64[V,V']: probe view against
    gallery view, NaN where excluded. per_view f64[V] and mean: averages that leave the excluded out. ranks: mean
    rank-k. probes i64[V]: how many probes a view has. hits, trials i64[V,S]: right answers and comparisons of
    each test subject, for bootstraps over people.
    """

    views: list[int | None]
    rank1: npt.NDArray[np.float64]
    per_view: npt.NDArray[np.float64]
    mean: float
    ranks: dict[int, float]
    probes: npt.NDArray[np.int64]
    subjects: list[str]
    hits: npt.NDArray[np.int64]
    trials: npt.NDArray[np.int64]


def _matching(conditions: npt.NDArray[np.str_], patterns: tuple[str, ...]) -> npt.NDArray[np.int64]:
    wanted = {c for c in set(conditions.tolist()) if any(fnmatchcase(c, p) for p in patterns)}
    return np.flatnonzero(np.isin(conditions, list(wanted)))


def score(
    embeddings: Tensor, labels: SequenceLabels, protocol: EvaluationProtocol, distance: str
) -> dict[str, ConditionScore]:
    """Scores of each probe condition: embeddings f32[N,P,D], labels of the same N sequences.

    Equal distances go to the gallery sequence that stands first.
    """
    gallery = _matching(labels.condition, protocol.gallery)
    if gallery.size == 0:
        raise UserError(f"no gallery sequence: no condition matches {', '.join(protocol.gallery)}")
    scores = {}
    for name, patterns in protocol.probes.items():
        probes = _matching(labels.condition, patterns)
        if probes.size:
            table = distances(distance, embeddings[probes], embeddings[gallery])
            scores[name] = _score_condition(table, probes, gallery, labels, protocol)
    if not scores:
        raise UserError("no probe sequence: no condition matches the protocol's probes")
    return scores


def _score_condition(
    table: Tensor,
    probes: npt.NDArray[np.int64],
    gallery: npt.NDArray[np.int64],
    labels: SequenceLabels,
    protocol: EvaluationProtocol,
) -> ConditionScore:
    if protocol.per_view:
        view = labels.view_deg
        probe_views = sorted(set(view[probes].tolist()))
        gallery_views = sorted(set(view[gallery].tolist()))
    else:
        view = np.zeros(len(labels.subject), dtype=np.int64)
        probe_views = gallery_views = [0]
    subjects, number = np.unique(labels.subject[probes], return_inverse=True)
    rank1 = np.full((len(probe_views), len(gallery_views)), np.nan)
    higher = {k: np.full_like(rank1, np.nan) for k in protocol.ranks}
    hits = np.zeros((len(probe_views), subjects.size), dtype=np.int64)
    trials = np.zeros_like(hits)
    for i, pv in enumerate(probe_views):
        rows = np.flatnonzero(view[probes] == pv)
        for j, gv in enumerate(gallery_views):
            if protocol.per_view and pv == gv:
                continue
            columns = np.flatnonzero(view[gallery] == gv)
            asked = labels.subject[probes[rows]]
            offered = labels.subject[gallery[columns]]
            used = np.isin(asked, offered) if protocol.unmatched == "skip" else np.ones(rows.size, dtype=bool)
            if not used.any():
                continue
            part = table[torch.from_numpy(rows[used])][:, torch.from_numpy(columns)]
            place = _place_of_mate(part, asked[used], offered)
            rank1[i, j] = 100 * float((place == 0).mean())
            for k in protocol.ranks:
                higher[k][i, j] = 100 * float((place < k).mean())
            np.add.at(hits[i], number[rows[used]], place == 0)
            np.add.at(trials[i], number[rows[used]], 1)
    if np.isnan(rank1).all():
        raise UserError("no probe can be compared: there is no gallery sequence in another view; look at the store")
    per_view = _mean_over_gallery(rank1)
    return ConditionScore(
        views=list(probe_views) if protocol.per_view else [None],
        rank1=rank1,
        per_view=per_view,
        mean=float(np.nanmean(per_view)),
        ranks={k: float(np.nanmean(_mean_over_gallery(values))) for k, values in higher.items()},
        probes=np.array([(view[probes] == pv).sum() for pv in probe_views]),
        subjects=subjects.tolist(),
        hits=hits,
        trials=trials,
    )


def _mean_over_gallery(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean of each row without the excluded (NaN) cells; NaN for a row without any other."""
    counted = (~np.isnan(values)).sum(axis=1)
    return np.where(counted > 0, np.nansum(values, axis=1) / np.maximum(counted, 1), np.nan)


def _place_of_mate(table: Tensor, asked: npt.NDArray[np.str_], offered: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """How many gallery sequences of others stand before the first of the probe's own subject (a large number: none)."""
    order = torch.sort(table, dim=1, stable=True).indices.cpu().numpy()
    mate = offered[order] == asked[:, None]
    return np.where(mate.any(axis=1), mate.argmax(axis=1), np.iinfo(np.int64).max)
