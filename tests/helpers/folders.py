"""What a folder holds."""

from pathlib import Path


def files(folder: Path = Path()) -> dict[str, bytes]:
    """Every file below a folder (of the current one by default), with its content."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
