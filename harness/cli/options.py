"""Options that do not go together: none is left unused without a word."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import UserError


def goes_alone(option: str, others: Mapping[str, object]) -> None:
    """Refuses those of ``others`` (option -> its value) that were given and that ``option`` would not use."""
    if unused := [name for name, value in others.items() if value]:
        raise UserError(f"{option} does not use {' or '.join(unused)}; leave one of them out")
