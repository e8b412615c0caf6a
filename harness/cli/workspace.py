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
_UNFINISHED = "unfinished"


def lay_out() -> None:
    """Fills an empty working directory from the folder that HARNESS_SOURCE names, and renews it for a newer image.

    A folder that was filled by nobody (a mounted checkout) is left alone: its code is what runs, because the image has
    the working directory first on Python's path. One that holds other things of the same names is a ``UserError``.
    Data, runs, parameters and results are never touched again; neither is a file that no image brought, such as a
    preset of the user's, and one of an image's that was edited is kept beside the new one.
    """
    source = Path(os.environ.get("HARNESS_SOURCE", ""))
    if source == Path() or source.resolve() == Path.cwd() or not source.is_dir():
        return
    version = f"{os.environ.get('HARNESS_COMMIT', 'none')} {os.environ.get('HARNESS_LOCK', 'none')}"
    known, *laid = IMAGE_MARK.read_text().splitlines() if IMAGE_MARK.is_file() else (None,)
    if known == version or (known is None and Path("dvc.yaml").exists()):
        return
    if known is None and (taken := [name for name in (*_SOURCES, *_FIRST) if Path(name).exists()]):
        raise UserError(
            f"{Path.cwd()}: holds {', '.join(taken)}, which would be replaced; mount an empty folder, or a checkout"
        )
    try:
        if known is None:
            _mark(_UNFINISHED, {})  # so that a first start that is interrupted goes on
        if known in (None, _UNFINISHED):
            for name in _FIRST:
                _copy(source / name, Path(name))
        before = {path: digest for digest, _, path in (line.partition("  ") for line in laid)}
        _mark(version, _renew(source, before))
    except OSError as error:
        advice = f"mount a folder or a volume there that user {os.getuid()} may write"
        raise UserError(f"{Path.cwd()}: cannot be written ({error.strerror}); {advice}") from None


def _mark(version: str, laid: dict[str, str]) -> None:
    """Writes down what was laid out: the version, and each file's digest."""
    with atomic_path(IMAGE_MARK) as scratch:
        scratch.write_text("\n".join([version, *(f"{digest}  {path}" for path, digest in laid.items())]) + "\n")


def _renew(source: Path, before: dict[str, str]) -> dict[str, str]:
    """Copies the sources over those of an image before, and removes what that had and this has not; the new digests."""
    files = [path for name in _SOURCES for path in (source / name, *(source / name).rglob("*")) if path.is_file()]
    new = {path.relative_to(source).as_posix(): path for path in files if "__pycache__" not in path.parts}
    digests = {}
    for name, path in sorted(new.items()):
        digests[name] = sha256(path)
        target = Path(name)
        if target.is_file():
            if (there := sha256(target)) == digests[name]:
                continue
            if before.get(name, there) != there:
                _keep(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name}.new")
        shutil.copyfile(path, scratch)
        os.replace(scratch, target)
    for name in before.keys() - new.keys():
        if Path(name).is_file() and sha256(Path(name)) == before[name]:
            Path(name).unlink()
    return digests


def _keep(path: Path) -> None:
    """Moves a file that a user edited out of the way."""
    kept = path.with_name(f"{path.name}.mine")
    os.replace(path, kept)
    errors.print(f"{path}: you had edited it, and this image has another; yours is kept as {kept}", markup=False)


def _copy(source: Path, target: Path) -> None:
    if not source.exists() or target.exists():
        return
    with atomic_path(target) as scratch:
        if source.is_dir():
            shutil.copytree(source, scratch)
        else:
            shutil.copyfile(source, scratch)
