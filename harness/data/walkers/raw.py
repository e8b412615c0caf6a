"""Walkers' PNG files as a data set that is prepared like any other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from harness.config import Domain
from harness.data.dataset import DataSet, Key
from harness.data.walkers.structure import name_view, subject_names, walks_of


def walkers_set(name: str, domain: Domain) -> DataSet:
    """The data set of ``<subject>/<condition>/<view>/*.png``, as the domain ``name`` is rendered to files.

    Prepared from its files it is the store that is rendered directly, digest for digest.
    """
    splits = dict(subject_names(domain))

    @lru_cache(maxsize=1)
    def walks(subject: str) -> dict[str, tuple[int, tuple[str, ...]]]:
        found = enumerate(walks_of(domain, subject))
        return {walk.condition: (place, tuple(map(name_view, walk.views))) for place, walk in found}

    def parse(parts: Sequence[str]) -> Key | str:
        if len(parts) < 3:
            return "not in the layout"
        key = Key(*parts[-3:])
        if key.subject not in splits:
            return "unknown subject"
        if key.condition not in walks(key.subject):
            return "unknown condition"
        return key if key.view in walks(key.subject)[key.condition][1] else "unknown view"

    return DataSet(
        name=f"walkers-{name}",
        title=f"walkers {name}",
        layout=domain.layout,
        parse=parse,
        partitions={"usual": splits.get},
        rank=lambda key: walks(key.subject)[key.condition][0],
        licence="made here, free",
        ask=f"run `harness data generate {name} --raw FOLDER`",
    )
