"""Scores by a data set's official protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.distances import distances
from harness.errors import UserError
from harness.evaluation.retrieval import NO_MATE, places, precisions
from harness.types import EvaluationProtocol, SequenceLabels

_CELLS = 2_000_000
"""How many distances are held at once: few enough for a processor's cache."""


@dataclass(frozen=True)
class ConditionScore:
    """Scores of one probe condition, in per cent and not rounded.

    views, gallery_views: in degrees ([None] when the protocol knows no views). rank1 f64[V,V']: probe view against
    gallery view, the identical one included, NaN where nothing can be compared. per_view f64[V] and mean: averages
    without the identical view. ranks: mean rank-k; precision: mAP and mINP where asked for. probes i64[V]: how many
    probes a view has; unmatched: how many of them miss their subject in some gallery that they are compared with.
    hits, trials i64[V,S]: right answers and comparisons of each test subject, for bootstraps over people. hits_at:
    {k: i64[V,S]}, those with a right answer among the first k, for the protocol's ranks beyond the first.
    """

    views: list[int | None]
    gallery_views: list[int | None]
    rank1: npt.NDArray[np.float64]
    per_view: npt.NDArray[np.float64]
    mean: float
    ranks: dict[int, float]
    probes: npt.NDArray[np.int64]
    unmatched: int
    subjects: list[str]
    hits: npt.NDArray[np.int64]
    trials: npt.NDArray[np.int64]
    precision: dict[str, float] = field(default_factory=dict)
    hits_at: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)


def _matching(conditions: npt.NDArray[np.str_], patterns: tuple[str, ...]) -> npt.NDArray[np.int64]:
    wanted = {c for c in set(conditions.tolist()) if any(fnmatchcase(c, p) for p in patterns)}
    return np.flatnonzero(np.isin(conditions, list(wanted)))


def check_names(labels: SequenceLabels, protocol: EvaluationProtocol) -> None:
    """A condition or a view that the data set does not have is a :class:`UserError`."""
    patterns = (*protocol.gallery, *(p for own in protocol.probes.values() for p in own), *protocol.others)
    for condition in sorted(set(labels.condition.tolist())):
        if not any(fnmatchcase(condition, p) for p in patterns):
            raise UserError(f"unknown condition '{condition}'; the protocol knows {', '.join(patterns)}")
    if not protocol.views and not protocol.per_view:
        return
    known = {str(v) for v in protocol.views}
    for view in sorted(set(labels.view.tolist())):
        bare = view.lstrip("0") or view[:1]
        if not bare.isdecimal() or (known and bare not in known):
            listed = ", ".join(f"{v:03d}" for v in protocol.views) or "whole degrees"
            raise UserError(f"unknown view '{view}'; the protocol knows {listed}")


def score(
    embeddings: Tensor, labels: SequenceLabels, protocol: EvaluationProtocol, distance: str
) -> dict[str, ConditionScore]:
    """Scores of each probe condition: embeddings f32[N,P,D], labels of the same N sequences.

    Equal distances go to the gallery sequence that stands first.
    """
    check_names(labels, protocol)
    gallery = _matching(labels.condition, protocol.gallery)
    if gallery.size == 0:
        raise UserError(f"no gallery sequence: no condition matches {', '.join(protocol.gallery)}")
    if np.unique(labels.subject[gallery]).size < 2:
        raise UserError("the gallery holds one subject only, so every answer would be right; it needs at least two")
    scores = {}
    for name, patterns in protocol.probes.items():
        probes = _matching(labels.condition, patterns)
        if probes.size:
            scores[name] = _score_condition(embeddings, probes, gallery, labels, protocol, distance)
    if not scores:
        raise UserError("no probe sequence: no condition matches the protocol's probes")
    return scores


def _score_condition(
    embeddings: Tensor,
    probes: npt.NDArray[np.int64],
    gallery: npt.NDArray[np.int64],
    labels: SequenceLabels,
    protocol: EvaluationProtocol,
    distance: str,
) -> ConditionScore:
    view = labels.view_deg if protocol.per_view else np.zeros(len(labels.subject), dtype=np.int64)
    probe_views, gallery_views = (sorted(set(view[rows].tolist())) for rows in (probes, gallery))
    apart = np.array([[not protocol.per_view or pv != gv for gv in gallery_views] for pv in probe_views])
    for pv, compared in zip(probe_views, apart, strict=True):
        if not compared.any():
            raise UserError(
                f"no gallery for the probes at {pv:03d} degrees: the gallery has no sequence in another view"
            )
    place, precision = _look_up(embeddings, probes, gallery, labels.subject, view, gallery_views, protocol, distance)
    used = place != NO_MATE if protocol.unmatched == "skip" else np.ones_like(place, dtype=bool)
    row_view = np.searchsorted(probe_views, view[probes])

    def cells(right: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Share [V,V'] of the used comparisons that are right."""
        counted, found = np.zeros((2, len(probe_views), len(gallery_views)))
        np.add.at(counted, row_view, used)
        np.add.at(found, row_view, right & used)
        return np.divide(100 * found, counted, out=np.full_like(found, np.nan), where=counted > 0)

    def per_view(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        counted = apart & ~np.isnan(values)
        total = np.where(counted, values, 0).sum(axis=1)
        return np.divide(total, counted.sum(axis=1), out=np.full_like(total, np.nan), where=counted.any(axis=1))

    subjects, number = np.unique(labels.subject[probes], return_inverse=True)
    compared = used & apart[row_view]

    def by_subject(counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        sums = np.zeros((len(probe_views), subjects.size), dtype=np.int64)
        np.add.at(sums, (row_view, number), counted.sum(axis=1))
        return sums

    trials = by_subject(compared)
    if not trials.any():
        raise UserError("no probe can be compared: none of the probes' subjects is in the gallery")
    rank1 = cells(place == 0)
    means = per_view(rank1)
    return ConditionScore(
        views=list(probe_views) if protocol.per_view else [None],
        gallery_views=list(gallery_views) if protocol.per_view else [None],
        rank1=rank1,
        per_view=means,
        mean=float(np.nanmean(means)),
        ranks={k: float(np.nanmean(per_view(cells(place < k)))) for k in protocol.ranks},
        probes=np.bincount(row_view, minlength=len(probe_views)),
        unmatched=int(((place == NO_MATE) & apart[row_view]).any(axis=1).sum()),
        subjects=subjects.tolist(),
        hits=by_subject((place == 0) & compared),
        trials=trials,
        hits_at={k: by_subject((place < k) & compared) for k in protocol.ranks if k > 1},
        precision={
            name: 100 * float(values[used.all(axis=1)].mean())
            for name, values in (zip(("mAP", "mINP"), precision.T, strict=True) if protocol.average_precision else ())
        },
    )


def _look_up(
    embeddings: Tensor,
    probes: npt.NDArray[np.int64],
    gallery: npt.NDArray[np.int64],
    subject: npt.NDArray[np.str_],
    view: npt.NDArray[np.int64],
    gallery_views: list[int],
    protocol: EvaluationProtocol,
    distance: str,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Place i64[Q,V'] of each probe's nearest mate among the gallery of each view, and precisions f64[Q,2].

    Probes go through some at a time, so that memory does not grow with probes times gallery.
    """
    columns = [torch.from_numpy(np.flatnonzero(view[gallery] == gv)) for gv in gallery_views]
    _, number = np.unique(subject, return_inverse=True)
    numbers = torch.from_numpy(number).to(embeddings.device)
    offered = embeddings[torch.from_numpy(gallery)]
    place = np.zeros((probes.size, len(gallery_views)), dtype=np.int64)
    precision = np.zeros((probes.size, 2))
    step = max(1, _CELLS // gallery.size)
    for start in range(0, probes.size, step):
        rows = torch.from_numpy(probes[start : start + step])
        table = distances(distance, embeddings[rows], offered)
        if not bool(table.isfinite().all()):
            raise UserError("the embeddings are too large: their distances overflow fp32; scale them down")
        mate = numbers[rows].unsqueeze(1) == numbers[torch.from_numpy(gallery)].unsqueeze(0)
        for j, chosen in enumerate(columns):
            place[start : start + step, j] = places(table[:, chosen], mate[:, chosen])
        if protocol.average_precision:
            precision[start : start + step] = precisions(table, mate)
    return place, precision
