"""Changes of code that were shown to keep every number (``tools/same-numbers``): what was computed before stands."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from harness.files import read_json

FILE = Path(__file__).with_name("standing.json")


def changes() -> list[dict[str, Any]]:
    """What was shown, oldest first.

    "from" and "to" are commits; "why" says what changed; "code" has the digests of runs' code after the change and
    before it; "files" DVC's md5 and size of each file before and after; "shown" the kinds of device, and by what.
    """
    return read_json(FILE)["changes"]


def standing(code: str, device: str) -> str:
    """The oldest digest of code whose numbers ``code`` gives on a kind of device ("cpu", "cuda"); ``code`` itself where
    nothing was shown.

    A run's id is made of this one, so that a change which keeps its numbers makes it no other run.
    """
    return _oldest(device).get(code, code)


def elsewhere(recorded: str, now: str) -> list[str]:
    """The kinds of device on which today's code was shown to give the numbers of a run's."""
    kinds = sorted({device for change in changes() for device in change["shown"]})
    return [device for device in kinds if recorded != now and standing(now, device) == recorded]


def applied(code: str, device: str) -> list[dict[str, Any]]:
    """The changes since the code with which a run was made, as far as its numbers are shown to stand."""
    since = []
    now = {code}
    for change in changes():
        if device in change["shown"] and (after := {new for new, old in change["code"].items() if old in now}):
            since.append(change)
            now |= after
    return since


@cache
def _oldest(device: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for change in changes():
        if device in change["shown"]:
            found |= {new: found.get(old, old) for new, old in change["code"].items()}
    return found
