"""In an image: the sources that the image holds, laid out in the folder that a user mounted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness.errors import UserError
from harness.files import atomic_path
from harness.layout import IMAGE_MARK

_SOURCES = ("harness", "models", "methods", "conf", "requirements", "dvc.yaml", ".dvcignore")
"""What the image's version decides."""
_FIRST = (".dvc/config", "params.yaml", "dvc.lock", "results", "README.md")
"""What is the user's from the first run on."""


def lay_out() -> None:
    """Fills an empty working directory from the folder that HARNESS_SOURCE names, and renews it for a newer image.

    A folder that was filled by nobody (a mounted checkout) is left alone: its code is what runs, because the image has
    the working directory first on Python's path. Data, runs, parameters and results are never touched again.
    """
    source = os.environ.get("HARNESS_SOURCE")
    if not source or Path(source).resolve() == Path.cwd() or not Path(source).is_dir():
        return
    version = f"{os.environ.get('HARNESS_COMMIT', 'none')} {os.environ.get('HARNESS_LOCK', 'none')}\n"
    known = IMAGE_MARK.read_text() if IMAGE_MARK.is_file() else None
    if known == version or (known is None and Path("dvc.yaml").exists()):
        return
    try:
        for name in (*_SOURCES, *(_FIRST if known is None else ())):
            _copy(Path(source) / name, Path(name))
        with atomic_path(IMAGE_MARK) as scratch:
            scratch.write_text(version)
    except OSError as error:
        advice = f"mount a folder or a volume there that user {os.getuid()} may write"
        raise UserError(f"{Path.cwd()}: cannot be written ({error.strerror}); {advice}") from None


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        return
    with atomic_path(target) as scratch:
        if source.is_dir():
            shutil.copytree(source, scratch, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, scratch)
