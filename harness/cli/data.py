"""``harness data``: make, look at and check silhouette sequences."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.table import Table

from harness.cli import archives, complete
from harness.cli.console import bar, console
from harness.config import Domain as DomainSettings
from harness.config import load
from harness.data.sheet import contact_sheet
from harness.data.store import SequenceStore
from harness.errors import UserError, nearest
from harness.files import atomic_path
from harness.identity import cores
from harness.layout import store

app = typer.Typer(help="Make, look at and check silhouette sequences. Example: harness data list", no_args_is_help=True)

app.command("list")(archives.list_data_sets)
app.command()(archives.prepare)
app.command()(archives.verify)

Domain = Annotated[
    str,
    typer.Argument(
        help="a key of `walkers` in params.yaml: source, target, outdoor or wild", autocompletion=complete.domains
    ),
]
Name = Annotated[
    str,
    typer.Argument(help="a key of `walkers` or `archives` in params.yaml", autocompletion=complete.datasets),
]
Split = Annotated[str, typer.Option(help="train, val or test; probe for GREW")]


def _path(name: str, given: Path | None) -> Path:
    return given if given is not None else store(load().suite.name, name)


def _domain(name: str) -> DomainSettings:
    known = load().walkers
    if name not in known:
        raise UserError(f"unknown domain '{name}'; {nearest(name, known)}")
    return known[name]


@app.command()
def generate(
    domain: Domain,
    path: Annotated[Path | None, typer.Option("--store", help="where to write; default: the suite's own")] = None,
    raw: Annotated[Path | None, typer.Option(help="write PNG frames in CASIA-B's folder layout here instead")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="processes; default: every core")] = None,
) -> None:
    """Render walkers into a store, or as PNG files.

    Example: harness data generate target
    """
    from harness.data.walkers.generate import generate_raw, generate_store

    settings = _domain(domain)
    if raw is not None and path is not None:
        raise UserError("give either --store STORE or --raw FOLDER")
    if path is not None and path.exists() and not (path / "store.json").is_file():
        raise UserError(f"{path}: exists and is no store; name another place, or remove it")
    if raw is not None and raw.exists():
        raise UserError(f"{raw}: exists already; name a folder that does not")
    target = raw if raw is not None else _path(domain, path)
    make = generate_raw if raw is not None else generate_store
    with bar(f"walkers {domain}") as progress:
        make(domain, settings, target, jobs or cores(), progress)
    console.print(f"{target}: written")


@app.command()
def show(
    name: Name,
    path: Annotated[Path | None, typer.Option("--store", help="a store elsewhere")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Print what a store holds (subjects, conditions, views, lengths), and check its digest.

    Example: harness data show target
    """
    opened = archives.open_store(name, path)
    opened.verify()
    about = describe(opened)
    if as_json:
        typer.echo(json.dumps(about, indent=1, ensure_ascii=False))
        return
    counts = opened.about["counts"]
    digest = opened.digest[:16]
    console.print(f"{opened.path}: {counts['sequences']} sequences, {counts['frames']} frames, digest {digest}")
    table = Table("split", "subjects", "sequences", "conditions", "views", "frames (least, median, most)")
    for name, split in about["splits"].items():
        kinds = Counter(condition.rsplit("-", 1)[0] for condition in split["conditions"])
        listed = ", ".join(f"{kind} x {count}" for kind, count in kinds.items())
        frames = ", ".join(f"{split['frames'][key]:g}" for key in ("least", "median", "most"))
        counted = (split["subjects"], split["sequences"], listed if len(kinds) < 10 else len(kinds), split["views"])
        table.add_row(name, *map(str, counted), frames)
    console.print(table)


def describe(opened: SequenceStore) -> dict[str, Any]:
    """What a store holds: counts, digest, and for each split subjects, conditions, views and lengths."""
    names = opened.splits()
    splits = {}
    for name in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == name)
        labels, length = opened.labels(rows), opened.length[rows]
        splits[name] = {
            "subjects": len(set(labels.subject.tolist())),
            "sequences": len(rows),
            "conditions": sorted(set(labels.condition.tolist())),
            "views": np.unique(labels.view).size,
            "frames": {"least": int(length.min()), "median": float(np.median(length)), "most": int(length.max())},
        }
    about = {key: opened.about.get(key) for key in ("dataset", "counts", "made_from")}
    return {"path": str(opened.path), "digest": opened.digest, **about, "splits": splits}


@app.command()
def sheet(
    name: Name,
    output: Annotated[Path, typer.Option(help="the PNG file to write")] = Path("sheet.png"),
    split: Split = "test",
    subjects: Annotated[int, typer.Option(min=1, help="how many of them")] = 4,
    condition: Annotated[list[str] | None, typer.Option(help="which conditions; may be repeated")] = None,
    frames: Annotated[int, typer.Option(min=1, help="silhouettes of each sequence")] = 1,
    path: Annotated[Path | None, typer.Option("--store", help="a store elsewhere")] = None,
) -> None:
    """Draw a contact sheet (subjects and conditions down, views across) as PNG.

    Example: harness data sheet target --condition nm-01 --condition cl-01 --output sheet.png
    """
    image = contact_sheet(archives.open_store(name, path), split, subjects, condition, frames)
    ok, encoded = cv2.imencode(".png", image)
    assert ok
    with atomic_path(output) as scratch:
        scratch.write_bytes(encoded.tobytes())
    console.print(f"{output}: {image.shape[1]} x {image.shape[0]} pixels")
