"""dvc.lock holds the stages of the suite in use; those of the others lie beside their results.

DVC reads and writes the whole file around every stage: with all suites in one, that took longer than a small stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from harness.files import atomic_path
from harness.layout import stages
from harness.presets import declared

DVC_LOCK = Path("dvc.lock")
_HEAD = "schema: '2.0'\nstages:\n"


def keep_own(suite: str) -> None:
    """Lets dvc.lock hold the stages of ``suite`` alone, its own from where they lay, the others put where they belong.

    Nothing is lost by a kill in between; the next call ends what was begun. A file that DVC would not have written is
    left as it is, for DVC to complain of.
    """
    own = stages(suite)
    here, aside = _blocks(DVC_LOCK), _blocks(own)
    if here is None or aside is None:
        return
    known = {suite, *declared(), *(path.name for path in own.parent.parent.glob("*") if path.is_dir())}
    by_suite: dict[str, dict[str, str]] = {}
    for stage, block in here.items():
        by_suite.setdefault(_suite_of(stage, known) or suite, {})[stage] = block
    mine = aside | by_suite.pop(suite, {})
    if not by_suite and not aside:
        return
    for other, blocks in by_suite.items():
        _write(stages(other), (_blocks(stages(other)) or {}) | blocks)
    _write(DVC_LOCK, mine)
    own.unlink(missing_ok=True)


def _suite_of(stage: str, known: Iterable[str]) -> str | None:
    """The longest of the known suites that a stage's name allows: "walkers-fp32" before "walkers"."""
    rest = stage.partition("@")[2]
    return max((name for name in known if f"{rest}-".startswith(f"{name}-")), key=len, default=None)


def _blocks(path: Path) -> dict[str, str] | None:
    """A lock's text by stage, nothing parsed or rounded; None where it is not one."""
    if not path.is_file():
        return {}
    text = path.read_text(errors="replace")
    if not text.startswith(_HEAD):
        return None
    blocks = re.split(r"^(?=  \S)", text.removeprefix(_HEAD), flags=re.MULTILINE)
    if blocks[0]:
        return None
    return {block[2:].partition(":")[0].strip("'\""): block for block in blocks[1:]}


def _write(path: Path, blocks: dict[str, str]) -> None:
    if not blocks:
        path.unlink(missing_ok=True)
        return
    with atomic_path(path) as scratch:
        scratch.write_text(_HEAD + "".join(blocks.values()))
