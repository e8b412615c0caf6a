"""dvc.lock holds the stages of the suite in use; those of the others lie beside their results.

DVC reads and writes the whole file around every stage: with all suites in one, that took longer than a small stage.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from harness.errors import UserError
from harness.files import atomic_path, parse_yaml
from harness.layout import stages

DVC_LOCK = Path("dvc.lock")
_HEAD = "schema: '2.0'\nstages:\n"
_OUTPUT = re.compile(r"path:\s+(?:data|runs|results)/([^/\s]+)/")

Blocks = dict[str, str]
"""A lock's text, stage by stage."""


def keep_own(suite: str) -> None:
    """Lets dvc.lock hold the stages of ``suite`` alone, its own from where they lay, the others put where they belong.

    Nothing is lost by a kill in between; the next call ends what was begun. Files that DVC would not have written, such
    as one with git's conflict marks, are left as they are, for DVC to complain of.
    """
    if not _moves(suite):
        return
    with _alone():
        # Asked again: DVC may have written since.
        for path, blocks in _moves(suite).items():
            _write(path, blocks)


def refuse_damaged(suite: str) -> None:
    """The stages of ``suite`` that lie aside must be readable: DVC never sees the file, and would compute all again."""
    path = stages(suite)
    if path.exists() and (not path.is_file() or _blocks(path) is None):
        raise UserError(f"{path}: not what DVC wrote; bring it back with git, or remove it to compute all again")


def locked(suite: str, stage: str) -> dict[str, Any]:
    """What DVC noted of a stage of ``suite``, in use or not; nothing where there is no such note that can be read."""
    for path in (DVC_LOCK, stages(suite)):
        if block := (_blocks(path) or {}).get(stage):
            with contextlib.suppress(yaml.YAMLError):
                (found,) = parse_yaml(block).values()
                return found if isinstance(found, dict) else {}
    return {}


def _moves(suite: str) -> dict[Path, Blocks]:
    """What each lock is to hold, in the order in which they must be written; empty where all is in place."""
    here, aside = _blocks(DVC_LOCK), _blocks(stages(suite))
    if here is None or aside is None:
        return {}
    by_suite: dict[str, Blocks] = {}
    for stage, block in here.items():
        by_suite.setdefault(_suite_of(block) or suite, {})[stage] = block
    own = by_suite.pop(suite, {})
    if not by_suite and not aside:
        return {}
    moves: dict[Path, Blocks] = {}
    for other, blocks in by_suite.items():
        before = _blocks(stages(other))
        if before is None:
            return {}
        moves[stages(other)] = before | blocks
    return moves | {DVC_LOCK: aside | own, stages(suite): {}}


def _suite_of(block: str) -> str | None:
    """The suite that a stage's outputs belong to: its name is in every path."""
    found = _OUTPUT.search(block.partition("    outs:\n")[2])
    return found[1] if found else None


def _blocks(path: Path) -> Blocks | None:
    """A lock's text by stage, nothing parsed or rounded; None where it is not one."""
    if not path.is_file():
        return {}
    text = path.read_text(errors="replace")
    body = text.removeprefix(_HEAD)
    if body == text or re.search(r"^ ?\S", body, flags=re.MULTILINE):
        return None
    first, *blocks = re.split(r"^(?=  \S)", body, flags=re.MULTILINE)
    found = {block[2:].partition(":\n")[0]: block for block in blocks}
    return None if first or len(found) < len(blocks) else found


def _write(path: Path, blocks: Blocks) -> None:
    if not blocks:
        path.unlink(missing_ok=True)
        return
    with atomic_path(path) as scratch:
        scratch.write_text(_HEAD + "".join(blocks.values()))


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """No DVC writes its lock meanwhile; it lets go of this one while a stage's command runs."""
    folder = Path(".dvc")
    if not folder.is_dir():
        yield
        return
    from dvc.lock import make_lock

    (folder / "tmp").mkdir(exist_ok=True)
    with make_lock(str(folder / "tmp" / "lock"), tmp_dir=str(folder / "tmp"), wait=True):
        yield
