"""What the shell offers after a tab: names that exist here. Trouble of any kind offers nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.config import load
from harness.data.sets import data_sets
from harness.errors import UserError
from harness.layout import provenance
from harness.presets import suite_names
from harness.registry import names


def offered(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Offers those of the names that begin as what is typed."""

    def offer(incomplete: str) -> list[str]:
        try:
            return [name for name in known() if name.startswith(incomplete)]
        except UserError:
            return []

    return offer


suites = offered(suite_names)
methods = offered(lambda: names("method"))
backbones = offered(lambda: load().backbones)
domains = offered(lambda: load().walkers)
archives = offered(data_sets)
protocols = offered(lambda: dict.fromkeys(one.layout for one in data_sets().values()))
runs = offered(lambda: sorted(path.stem for path in provenance(load().suite.name, "x").parent.glob("*.json")))
datasets = offered(lambda: [*load().walkers, *load().archives])
