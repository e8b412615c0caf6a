"""GREW's structure: each walk from another camera, no views named (Zhu et al., ICCV 2021).

The official test set keeps its probes' names to itself (see ``harness submit grew``); where they are known, the first
sequence of a subject is its gallery and the second its probe.

Archive: ``train/<id>/<sequence>/``, ``test/gallery/<id>/<sequence>/``, ``test/probe/<sequence>/`` (nobody but the
organisers knows who is on a probe) and, where a copy has it, ``val/<id>/<sequence>/``. Frames come cut to 64 x 64,
beside ``<sequence>_gei.png`` and pose files, which are left alone. A train subject's number is another person's in
test: it is called ``<id>train``, as in OpenGait's pickles ``<subject>/<00|01|02|03>/<sequence>/``. Which of two
sequences is "01" is decided by their names, also where a copy has numbers: those come from a file system's order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.data.dataset import DataSet, Expected, Key
from harness.types import EvaluationProtocol

PROTOCOL = EvaluationProtocol(
    gallery=("01",),
    probes={"all": ("02",)},
    per_view=False,
    others=("[0-9][0-9]",),
    ranks=(1, 5, 10, 20),
    average_precision=True,
)

PROBE = "probe"
"""The "subject" of every probe, and the split they are in."""
_ID = "[0-9]{5}"
_SUFFIX = {"train": "train", "val": "val", "gallery": ""}


def _parse(parts: Sequence[str]) -> Key | str:
    """The condition is "" where the archive gives no order: it is numbered when everything is known."""
    if "distractor" in parts:
        return "distractor"
    if not parts or not re.fullmatch("[0-9A-Za-z]+", parts[-1], re.ASCII):
        return "not in the layout"
    sequence = parts[-1]
    place = next((i for i in range(len(parts) - 2, -1, -1) if parts[i] in ("train", "val", "gallery", PROBE)), None)
    if place is not None and parts[place] == PROBE:
        return Key(PROBE, "03", sequence)
    if place is not None and len(parts) > place + 2:
        found = re.fullmatch(_ID, parts[-2], re.ASCII)
        return Key(parts[-2] + _SUFFIX[parts[place]], "", sequence) if found else "unknown subject"
    if len(parts) > 2 and re.fullmatch("0[0-3]", parts[-2], re.ASCII):
        known = re.fullmatch(f"{_ID}(train|val)?", parts[-3], re.ASCII)
        return Key(parts[-3], "", sequence) if known else "unknown subject"
    return "not in the layout"


def _split(subject: str) -> str | None:
    if subject == PROBE:
        return PROBE
    return next((split for split in ("train", "val") if subject.endswith(split)), "test")


GREW = DataSet(
    name="grew",
    title="GREW",
    layout="grew",
    parse=_parse,
    partitions={"official": _split},
    expected={
        "official": {
            "train": Expected(20_000, 102_887),
            "test": Expected(6_000, 12_000),
            PROBE: Expected(1, 12_000),
        }
    },
    aligned=True,
    numbered=True,
    licence="for research, by a signed agreement with its organisers",
    ask="apply at https://www.grew-benchmark.org/download.html; unpack train.zip and test.zip with the password "
    "you are given",
)
DATA_SETS = (GREW,)
