"""CASIA-B's structure: three conditions, eleven views (Yu et al., ICPR 2006).

Archive: ``GaitDatasetB-silh/<001..124>/<nm-01>/<000>/<001-nm-01-000-001>.png``. Unpackers may double the first folder;
the official zip holds one tar.gz for each subject. CASIA-B* (OpenGait) and CASIA-BN come in the same folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.data.dataset import DataSet, Expected, Key, numbered, three, two_sets
from harness.types import EvaluationProtocol

PROTOCOL = EvaluationProtocol(
    gallery=("nm-01", "nm-02", "nm-03", "nm-04"),
    probes={"NM": ("nm-05", "nm-06"), "BG": ("bg-01", "bg-02"), "CL": ("cl-01", "cl-02")},
    per_view=True,
    views=tuple(range(0, 181, 18)),
)

_SUBJECTS = 124
CONDITIONS = (*(f"nm-{i:02d}" for i in range(1, 7)), "bg-01", "bg-02", "cl-01", "cl-02")
VIEWS = tuple(f"{view:03d}" for view in PROTOCOL.views)
_EACH = len(CONDITIONS) * len(VIEWS)
_TRAINED_ON = {"lt": 74, "mt": 62, "st": 24}
"""Large, medium and small-sample training: how many of the first subjects are trained on."""


def _parse(parts: Sequence[str]) -> Key | str:
    found = three(parts, "0[0-9][0-9]|1[01][0-9]|12[0-4]", "|".join(CONDITIONS), "|".join(VIEWS))
    return "unknown subject" if isinstance(found, Key) and found.subject == "000" else found


def _complete() -> Iterator[Key]:
    for subject in sorted(numbered(1, _SUBJECTS, 3)):
        for condition in CONDITIONS:
            for view in VIEWS:
                yield Key(subject, condition, view)


def _known_missing(key: Key) -> str | None:
    return "subject 005 is incomplete in the published data" if key.subject == "005" else None


CASIA_B = DataSet(
    name="casia-b",
    title="CASIA-B",
    layout="casia-b",
    parse=_parse,
    partitions={
        name: two_sets(numbered(1, count, 3), numbered(count + 1, _SUBJECTS, 3)) for name, count in _TRAINED_ON.items()
    },
    expected={
        name: {
            "train": Expected(count, count * _EACH),
            "test": Expected(_SUBJECTS - count, (_SUBJECTS - count) * _EACH),
        }
        for name, count in _TRAINED_ON.items()
    },
    complete=_complete,
    known_missing=_known_missing,
    licence="free for research, under the terms of the Institute of Automation, Chinese Academy of Sciences",
    ask="ask for Dataset B (silhouettes) at http://www.cbsr.ia.ac.cn/english/Gait%20Databases.asp",
)
CASIA_BN = replace(
    CASIA_B,
    name="casia-bn",
    title="CASIA-BN",
    licence="not published: the paper's own segmentation of CASIA-B",
    ask="make silhouettes of CASIA-B's videos anew and keep CASIA-B's folders, or use casia-b",
)
DATA_SETS = (CASIA_B, CASIA_BN)
