"""``harness data``: make, look at and check silhouette sequences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.table import Table

from harness.cli.console import bar, console
from harness.config import Domain as DomainSettings
from harness.config import load
from harness.data.sheet import contact_sheet
from harness.data.store import SequenceStore
from harness.errors import UserError, nearest
from harness.files import atomic_path
from harness.identity import cores
from harness.layout import store

app = typer.Typer(help="Make, look at and check silhouette sequences.", no_args_is_help=True)

Domain = Annotated[str, typer.Argument(help="a key of `walkers` in params.yaml: source, target, outdoor or wild")]
Split = Annotated[str, typer.Option(help="train, val or test")]


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
    if raw is not None and raw.exists():
        raise UserError(f"{raw}: exists already; name a folder that does not")
    target = raw if raw is not None else _path(domain, path)
    make = generate_raw if raw is not None else generate_store
    with bar(f"walkers {domain}") as progress:
        make(domain, settings, target, jobs or cores(), progress)
    console.print(f"{target}: written")


@app.command()
def prepare(
    domain: Domain,
    raw: Annotated[Path, typer.Option(help="the folder of PNG frames")],
    path: Annotated[Path, typer.Option("--store", help="where to write")],
    jobs: Annotated[int | None, typer.Option(min=1, help="processes; default: every core")] = None,
) -> None:
    """Turn walkers' PNG frames into a store, as real data are prepared.

    Example: harness data prepare target --raw /tmp/target-png --store /tmp/target
    """
    from harness.data.walkers.raw import prepare_raw

    with bar(f"prepare {domain}") as progress:
        dropped = prepare_raw(domain, _domain(domain), raw, path, jobs, progress)
    console.print(f"{path}: written; {dropped} frames dropped because nobody is on them")


@app.command()
def show(
    name: Domain,
    path: Annotated[Path | None, typer.Option("--store", help="a store elsewhere")] = None,
) -> None:
    """Print what a store holds, and check its digest.

    Example: harness data show target
    """
    opened = SequenceStore(_path(name, path))
    opened.verify()
    counts = opened.about["counts"]
    digest = opened.digest[:16]
    console.print(f"{opened.path}: {counts['sequences']} sequences, {counts['frames']} frames, digest {digest}")
    table = Table("split", "subjects", "sequences", "conditions", "views", "frames (least, most)")
    for split in ("train", "val", "test"):
        try:
            rows = opened.rows(split)
        except UserError:
            continue
        labels, length = opened.labels(rows), opened.length[rows]
        conditions = Counter(c.split("-")[0] for c in labels.condition.tolist())
        listed = ", ".join(f"{c} x {n}" for c, n in conditions.items())
        counted = (len(set(labels.subject)), len(rows), listed if len(conditions) < 6 else len(conditions))
        table.add_row(split, *map(str, counted), str(np.unique(labels.view).size), f"{length.min()}, {length.max()}")
    console.print(table)


@app.command()
def sheet(
    name: Domain,
    output: Annotated[Path, typer.Option(help="the PNG file to write")] = Path("sheet.png"),
    split: Split = "test",
    subjects: Annotated[int, typer.Option(min=1)] = 4,
    condition: Annotated[list[str] | None, typer.Option(help="which conditions; may be repeated")] = None,
    frames: Annotated[int, typer.Option(min=1, help="silhouettes of each sequence")] = 1,
    path: Annotated[Path | None, typer.Option("--store", help="a store elsewhere")] = None,
) -> None:
    """Draw a contact sheet (subjects and conditions down, views across) as PNG.

    Example: harness data sheet target --condition nm-01 --condition cl-01 --output sheet.png
    """
    image = contact_sheet(SequenceStore(_path(name, path)), split, subjects, condition, frames)
    ok, encoded = cv2.imencode(".png", image)
    assert ok
    with atomic_path(output) as scratch:
        scratch.write_bytes(encoded.tobytes())
    console.print(f"{output}: {image.shape[1]} x {image.shape[0]} pixels")
