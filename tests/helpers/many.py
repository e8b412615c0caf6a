"""One epoch's structures for many sequences: prints by how many bytes each raises the most memory ever held.

python tests/helpers/many.py SEQUENCES
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from peak import peak_kib
from torch.nn import functional as F

from harness.clustering.infomap import Clustering
from harness.counters import torch_rng
from harness.data.batching import draw_rows
from harness.evaluation.diagnostics import diagnose
from harness.evaluation.evaluate import score
from harness.submission import nearest_subjects
from harness.training.extract import batches_by_length
from harness.types import EpochPlan, EvaluationProtocol, SequenceLabels
from methods.parts.memory import MemoryBank, centroids_of
from methods.parts.round import Round
from methods.parts.scf import SelectiveClusterFusion
from methods.parts.space import SimilaritySpace
from methods.parts.ssf import SelectiveSampleFusion

WIDTH, OF_ONE = 16, 4
"""Numbers of a feature, and sequences of a person."""


def truth(count: int) -> SequenceLabels:
    person = np.arange(count) // OF_ONE
    return SequenceLabels(person.astype(str), np.where(np.arange(count) % 2, "nm-01", "cl-01"), np.full(count, "090"))


def epoch(count: int, report: Any) -> None:
    """``count`` sequences, a cluster for each person; ``report`` hears of every structure when it has been made."""
    labels, rng = truth(count), np.random.default_rng(0)
    rows = torch.randn(count, WIDTH, generator=torch_rng(0, "many"))
    rows = F.normalize(rows[torch.arange(count) // OF_ONE] + 0.3 * rows, dim=1)
    list(batches_by_length(rng.integers(20, 200, count), 1000))
    report("features and batches")
    Clustering(True, False, 2, 1, "exact", 1).fit(rows, 20, 0.6)
    report("neighbours, links, InfoMap")
    own = (np.arange(count) // OF_ONE).astype(np.int64)
    tools: Any = SimpleNamespace(
        extract=lambda augment: rows.unsqueeze(1), front_back=lambda: np.arange(count) // OF_ONE % 3 == 0
    )
    round, space = Round(1, rows, own, int(own.max()) + 1, None, rows), SimilaritySpace("raw", False, 1.0)
    round = SelectiveSampleFusion(SimpleNamespace(s_o=0.7, lambda_base=0.0, c_low=0.9), True)(round, space, tools)  # pyright: ignore[reportArgumentType]
    report("SSF")
    round = SelectiveClusterFusion(3, 0.5, False)(round, space, tools)
    report("SCF")
    found = int(round.labels.max()) + 1
    bank = MemoryBank(centroids_of(rows, torch.from_numpy(round.labels), found), round.links, True)
    plan = EpochPlan(round.labels, min(8, found), 16, moved=round.moved, links=round.links)
    batch = draw_rows(plan, rng)
    bank.update(rows[batch], torch.from_numpy(plan.labels[batch]), 0.2)
    report("memory bank and batch")
    diagnose(plan, labels)
    report("diagnostics")
    half = SequenceLabels(labels.subject, np.where(np.arange(count) % 2, "gallery", "probe"), labels.view)
    protocol = EvaluationProtocol(
        gallery=("gallery",), probes={"all": ("probe",)}, per_view=False, average_precision=True
    )
    score(rows.unsqueeze(1), half, protocol, "part-euclidean")
    report("scores")
    nearest_subjects(rows[::2].unsqueeze(1), rows[1::2].unsqueeze(1), labels.subject[1::2].tolist(), "cosine")
    report("submission")


def main() -> None:
    torch.set_num_threads(1)
    epoch(400, lambda name: None)  # libraries are loaded by then
    before, found = peak_kib(), {}

    def report(name: str) -> None:
        nonlocal before
        now = peak_kib()
        found[name], before = (now - before) * 1024, now

    epoch(int(sys.argv[1]), report)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
