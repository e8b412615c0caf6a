"""Outdoor-Gait's structure: one view, three conditions in three scenes (Song et al., 2019).

Archive: ``<subject>/<scene1_nm_L_090_1>/<frame>.png`` (scene, condition, camera height, view, number), the subject
perhaps before it (``001_scene1_nm_L_090_1``); also OpenGait's ``<subject>/<L_scene1_nm_1>/<090>/`` and
``<subject>/<scene1-nm-01>/<090>/``. Only the low camera at 90 degrees is part of the data set that the paper uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.data.dataset import DataSet, Expected, Key, numbered, two_sets
from harness.types import EvaluationProtocol

PROTOCOL = EvaluationProtocol(
    gallery=("scene3-nm-*",),
    probes={c.upper(): (f"scene1-{c}-*", f"scene2-{c}-*") for c in ("nm", "bg", "cl")},
    per_view=False,
    others=("scene3-bg-*", "scene3-cl-*"),
    views=(90,),
)

_SUBJECTS = 138
_TRAINED_ON = 69
CONDITIONS = tuple(f"scene{s}-{c}-{i:02d}" for s in (1, 2, 3) for c in ("nm", "bg", "cl") for i in (1, 2, 3, 4))
VIEWS = tuple(f"{view:03d}" for view in PROTOCOL.views)
_RAW = re.compile("(?:([0-9]{3})_)?scene([0-9])_([a-z]{2})_([LH])_([0-9]{3})_0?([0-9])")
_SEQUENCE = re.compile("(?:([LH])_)?scene([0-9])[-_]([a-z]{2})[-_]0?([0-9])")


def _parse(parts: Sequence[str]) -> Key | str:
    raw = _RAW.fullmatch(parts[-1]) if parts else None
    given = _SEQUENCE.fullmatch(parts[-2]) if len(parts) > 1 else None
    if raw:
        subject = parts[-2] if len(parts) > 1 and re.fullmatch("[0-9]{3}", parts[-2]) else raw[1] or ""
        if raw[1] and raw[1] != subject:
            return "unknown subject"
        scene, wear, camera, view, number = raw[2], raw[3], raw[4], raw[5], raw[6]
    elif given and len(parts) > 2:
        subject, view = parts[-3], parts[-1]
        camera, scene, wear, number = given[1] or "L", given[2], given[3], given[4]
    else:
        return "not in the layout"
    key = Key(subject, f"scene{scene}-{wear}-0{number}", view)
    if not re.fullmatch("[0-9]{3}", subject) or not 1 <= int(subject) <= _SUBJECTS:
        return "unknown subject"
    if key.condition not in CONDITIONS:
        return "unknown condition"
    return key if camera == "L" and view in VIEWS else "unknown view"


def _complete() -> Iterator[Key]:
    for subject in sorted(numbered(1, _SUBJECTS, 3)):
        for condition in CONDITIONS:
            yield Key(subject, condition, VIEWS[0])


OUTDOOR_GAIT = DataSet(
    name="outdoor-gait",
    title="Outdoor-Gait",
    layout="outdoor-gait",
    parse=_parse,
    partitions={"official": two_sets(numbered(1, _TRAINED_ON, 3), numbered(_TRAINED_ON + 1, _SUBJECTS, 3))},
    expected={
        "official": {
            "train": Expected(_TRAINED_ON, _TRAINED_ON * len(CONDITIONS)),
            "test": Expected(_SUBJECTS - _TRAINED_ON, (_SUBJECTS - _TRAINED_ON) * len(CONDITIONS)),
        }
    },
    complete=_complete,
    licence="for research, by its authors' terms",
    ask="follow the download links of https://github.com/developfeng/GaitNet",
)
DATA_SETS = (OUTDOOR_GAIT,)
