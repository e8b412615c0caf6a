"""The one exception a user may cause."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The command line prints it as one line and ends with exit code 2.

    The message names the file or setting, what is wrong with it and what to do about it.
    """


class PausedError(UserError):
    """A mishap after which the same command goes on where it was: what is done is kept."""


_LISTED = 40


def nearest(word: str, known: Iterable[str]) -> str:
    """A clause that suggests the known name closest to ``word``, or lists them, of many the first."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"known: {', '.join(names[:_LISTED]) or 'none'}{more}"
