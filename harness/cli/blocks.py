"""Parts of documents that commands write: what stands between two marks."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UserError
from harness.files import atomic_path


def replace_block(path: Path, mark: str, block: str) -> None:
    """Replaces what stands between <!-- mark --> and <!-- /mark --> of a document."""
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; name a document that has '{start}' and '{end}'") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise UserError(f"{path}: cannot be read ({reason}); name a text file") from None
    if text.count(start) != 1 or text.count(end) != 1 or text.index(end) < text.index(start):
        raise UserError(f"{path}: needs one '{start}' and below it one '{end}' around what is to be written")
    before, rest = text.split(start)
    after = rest.split(end)[1]
    with atomic_path(path) as scratch:
        scratch.write_text(f"{before}{start}\n{block}{end}{after}")
