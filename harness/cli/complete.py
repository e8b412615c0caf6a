"""What the shell offers after a tab: names that exist here. Trouble of any kind offers nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.config import load
from harness.errors import UserError
from harness.presets import suite_names
from harness.registry import names


def _offered(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    def offer(incomplete: str) -> list[str]:
        try:
            return [name for name in known() if name.startswith(incomplete)]
        except UserError:
            return []

    return offer


suites = _offered(suite_names)
methods = _offered(lambda: names("method"))
backbones = _offered(lambda: load().backbones)
domains = _offered(lambda: load().walkers)
datasets = _offered(lambda: [*load().walkers, *load().archives])
