"""In an image: the sources that the image holds, laid out in the folder that a user mounted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness.cli.console import errors
from harness.errors import UserError
from harness.files import atomic_path, sha256
from harness.layout import IMAGE_MARK

_SOURCES = ("harness", "models", "methods", "conf", "requirements", "dvc.yaml", ".dvcignore")
"""What the image's version decides."""
_FIRST = (".dvc/config", "params.yaml", "dvc.lock", "results", "README.md")
"""What is the user's from the first run on."""
_UNFINISHED, _RENEWING = "unfinished", "renewing"
"""What the mark says instead of a version while files are laid out for the first time, or for a newer image."""

Digests = dict[str, set[str]]
"""The digests that images have given each file."""


def lay_out() -> None:
    """Fills an empty working directory from the folder that HARNESS_SOURCE names, and renews it for a newer image.

    A folder that was filled by nobody (a mounted checkout) is left alone: its code is what runs, because the image has
    the working directory first on Python's path. One that holds other things of the same names is a ``UserError``.
    Data, runs, parameters and results are never touched again; neither is a file that no image brought, such as a
    preset of the user's, unless an image brings one of its name: then the user's is kept beside it, as is one of an
    image's that was edited. Killed at any moment it goes on at the next start.
    """
    source = Path(os.environ.get("HARNESS_SOURCE", ""))
    if source == Path() or source.resolve() == Path.cwd() or not source.is_dir():
        return
    version = f"{os.environ.get('HARNESS_COMMIT', 'none')} {os.environ.get('HARNESS_LOCK', 'none')}"
    try:
        known, before = _marked()
        if known == version or (known is None and Path("dvc.yaml").exists()):
            return
        if known is None:
            if taken := [name for name in (*_SOURCES, *_FIRST) if os.path.lexists(name)]:
                its = ", ".join(taken)
                raise UserError(
                    f"{Path.cwd()}: holds {its}, which would be replaced; mount an empty folder, or a checkout"
                )
            _mark(_UNFINISHED, {})
        if known in (None, _UNFINISHED):
            for name in _FIRST:
                _copy(source / name, Path(name))
        _renew(source, version, before, first=known in (None, _UNFINISHED))
    except OSError as error:
        place = Path.cwd() / (error.filename or "")
        advice = f"mount a folder or a volume there that user {os.getuid()} may write, or move what is in the way"
        raise UserError(f"{place}: cannot be written ({error.strerror}); {advice}") from None


def _marked() -> tuple[str | None, Digests]:
    """What the mark says: a version or how far it came, None without a mark, and the digests of what was laid out."""
    if not IMAGE_MARK.is_file():
        return None, {}
    known, *lines = IMAGE_MARK.read_text(errors="replace").splitlines() or [_UNFINISHED]
    laid: Digests = {}
    for digest, _, path in (line.partition("  ") for line in lines):
        laid.setdefault(path, set()).add(digest)
    return known, laid


def _mark(known: str, laid: Digests) -> None:
    lines = [f"{digest}  {path}" for path, digests in sorted(laid.items()) for digest in sorted(digests)]
    with atomic_path(IMAGE_MARK) as scratch:
        scratch.write_text("\n".join([known, *lines]) + "\n")


def _renew(source: Path, version: str, before: Digests, first: bool) -> None:
    """Removes what an image before had and this has not, and copies this one's sources."""
    files = [path for name in _SOURCES for path in (source / name, *(source / name).rglob("*")) if path.is_file()]
    new = {path.relative_to(source).as_posix(): path for path in files if "__pycache__" not in path.parts}
    digests = {name: sha256(path) for name, path in sorted(new.items())}
    both = {name: {*before.get(name, ()), digest} for name, digest in digests.items()}
    _mark(_UNFINISHED if first else _RENEWING, {**before, **both})
    for name in before.keys() - new.keys():
        if Path(name).is_file() and sha256(Path(name)) in before[name]:
            Path(name).unlink()
    for name, path in new.items():
        target = Path(name)
        if target.is_file():
            if (there := sha256(target)) == digests[name]:
                continue
            if there not in before.get(name, ()):
                _keep(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name}.new")
        try:
            shutil.copyfile(path, scratch)
            os.replace(scratch, target)
        finally:
            scratch.unlink(missing_ok=True)
    _mark(version, {name: {digest} for name, digest in digests.items()})


def _keep(path: Path) -> None:
    """Moves a file that is the user's out of the way, beside those that were before."""
    kept, number = path.with_name(f"{path.name}.mine"), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.mine{number}")
    os.replace(path, kept)
    errors.print(f"{path}: this image has another than yours, which is kept as {kept}", markup=False)


def _copy(source: Path, target: Path) -> None:
    if not source.exists() or target.exists():
        return
    with atomic_path(target) as scratch:
        if source.is_dir():
            shutil.copytree(source, scratch)
        else:
            shutil.copyfile(source, scratch)
