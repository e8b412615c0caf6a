"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """``good``, ``warning`` (a run works all the same) or ``fault`` (it does not), and what to do about it."""

    subject: str
    state: Literal["good", "warning", "fault"]
    text: str
    advice: str = ""


def good(subject: str, text: str) -> Finding:
    return Finding(subject, "good", text)


def warning(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, "warning", text, advice)


def fault(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, "fault", text, advice)
