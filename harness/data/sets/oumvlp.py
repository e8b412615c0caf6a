"""OU-MVLP's structure: normal walking, fourteen views, two sequences (Takemura et al., 2018).

Archive: ``Silhouette_<view>-<sequence>/<subject, 5 digits>/<frame>.png``, or OpenGait's
``<subject>/<sequence>/<view>/``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.data.dataset import DataSet, Expected, Key, numbered, three, two_sets
from harness.types import EvaluationProtocol

PROTOCOL = EvaluationProtocol(
    gallery=("01",), probes={"NM": ("00",)}, per_view=True, views=(*range(0, 91, 15), *range(180, 271, 15))
)

CONDITIONS = ("00", "01")
VIEWS = tuple(f"{view:03d}" for view in PROTOCOL.views)
_SUBJECTS = 10_307
_ALL = numbered(1, _SUBJECTS, 5)
# The odd numbers are trained on, but for the last: 5,153 against 5,154.
_TRAINED_ON = frozenset(name for name in _ALL if int(name) % 2 == 1 and int(name) < _SUBJECTS)


def _parse(parts: Sequence[str]) -> Key | str:
    folder = re.fullmatch("Silhouette_([0-9]{3})-([0-9]{2})", parts[-2]) if len(parts) > 1 else None
    if folder:
        parts = (parts[-1], folder[2], folder[1])
    found = three(parts, "[0-9]{5}", "|".join(CONDITIONS), "|".join(VIEWS))
    return "unknown subject" if isinstance(found, Key) and found.subject not in _ALL else found


OUMVLP = DataSet(
    name="oumvlp",
    title="OU-MVLP",
    layout="oumvlp",
    parse=_parse,
    partitions={"official": two_sets(_TRAINED_ON, _ALL - _TRAINED_ON)},
    # Many subjects lack a view or a sequence, and how many sequences there are is not stated: subjects only.
    expected={"official": {"train": Expected(5153, None), "test": Expected(5154, None)}},
    licence="for research, by a signed agreement with the Institute of Scientific and Industrial Research, Osaka",
    ask="send the release agreement of http://www.am.sanken.osaka-u.ac.jp/BiometricDB/GaitMVLP.html; unpack the "
    "zip files with the password you are given",
)
DATA_SETS = (OUMVLP,)
