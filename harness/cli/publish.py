"""``harness publish``: a bundle that others can cite, and check on another machine with ``harness verify``."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import shutil
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from harness import __version__
from harness.cli.console import console
from harness.cli.evidence import provenances
from harness.config import Settings, load
from harness.errors import UserError
from harness.files import atomic_path, read_json, sha256, write_json
from harness.layout import LOCK, PARAMS, provenance, scores, tables

MANIFEST = "manifest.json"
FORMAT = 1


def publish(output: Annotated[Path, typer.Option(help="the folder to make; it must not be there yet")]) -> None:
    """Pack report, records, tables, lock, parameters and digests of the suite in use as a citable bundle.

    Example: harness publish --output selective-fusion-smoke
    """
    settings = load()
    if output.exists():
        raise UserError(f"{output}: exists already; name a folder that does not")
    if not any(scores(settings.suite.name).glob("*.json")):
        raise UserError(f"results/{settings.suite.name}/scores: no result to publish yet; `harness run` makes them")
    with atomic_path(output) as folder:
        folder.mkdir()
        _pack(settings, folder)
    console.print(
        f"{output}: bundle {read_json(output / MANIFEST)['digest'][:16]}; `harness verify {output}` checks it"
    )


def _pack(settings: Settings, folder: Path) -> None:
    from harness.cli.report import make_report, write_markdown
    from harness.cli.tables import write_tables
    from harness.report.page import html

    suite = settings.suite.name
    for path in (PARAMS, LOCK, Path("dvc.lock")):
        if path.is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / path)
    for source in (scores(suite), provenance(suite, "x").parent, Path("results") / suite / "epochs"):
        if source.is_dir():
            shutil.copytree(source, folder / source, ignore=shutil.ignore_patterns(".*"))
    made = make_report(settings)
    (folder / "index.html").write_text(html(made))
    write_markdown(made, folder / "report.md")
    (folder / "claims.json").write_text(_claims(settings))
    with contextlib.chdir(folder):
        write_tables(load())
    runs = provenances(settings).values()
    commits = sorted({run["commit"] for run in runs})
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    about = {"suite": settings.suite.preset, "harness": __version__, "commits": commits}
    stores = {run["inputs"]["dataset"]: run["inputs"]["store"] for run in runs}
    content = {"format": FORMAT, **about, "data": stores, "digest": _combined(files), "files": files}
    write_json(folder / MANIFEST, content)


def _claims(settings: Settings) -> str:
    from harness.cli.claims import judged, row

    return json.dumps([row(one) for one in judged(settings)], indent=1, ensure_ascii=False) + "\n"


def _alike(one: Any, other: Any) -> bool:
    """Equal but for the last bits of numbers, which another kind of processor adds up in another order."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    return one == other


def _combined(files: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in files.items()).encode()).hexdigest()


def verify_bundle(bundle: Path) -> None:
    """Checks a bundle: every file's digest, nothing missing or added, tables and claims as its records have it."""
    content = _manifest(bundle)
    _check_files(bundle, content["files"])
    _check_results(bundle)
    count = len(content["files"])
    console.print(
        f"{bundle}: bundle {content['digest'][:16]} is whole: {count} files; tables and claims follow from its records"
    )


def _manifest(bundle: Path) -> dict[str, Any]:
    path = bundle / MANIFEST
    content = read_json(path)
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path}: not a bundle of format {FORMAT}; name a folder that `harness publish` made")
    for name in files:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            raise UserError(f"{path}: names '{name}', which lies outside the bundle; do not trust it")
    if content.get("digest") != _combined(files):
        raise UserError(f"{path}: its own digest does not fit its list of files; the bundle was changed")
    return content


def _check_files(bundle: Path, files: dict[str, str]) -> None:
    there = {p.relative_to(bundle).as_posix() for p in bundle.rglob("*") if p.is_file() or p.is_symlink()} - {MANIFEST}
    for name in sorted(there - files.keys()):
        raise UserError(f"{bundle / name}: not in the manifest; somebody added it")
    for name, digest in files.items():
        path = bundle / name
        if not path.is_file() or path.is_symlink():
            raise UserError(f"{path}: missing from the bundle")
        if sha256(path) != digest:
            raise UserError(f"{path}: changed since it was published")


def _check_results(bundle: Path) -> None:
    """Makes tables and verdicts again from the bundle's records, in a folder of their own."""
    import tempfile

    from harness.cli.tables import write_tables

    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "bundle"
        shutil.copytree(bundle, copy)
        with contextlib.chdir(copy):
            settings = load()
            folder = tables(settings.suite.name)
            before = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
            write_tables(settings)
            after = {path.name: path.read_bytes() for path in folder.iterdir()}
            claims, published = json.loads(_claims(settings)), read_json(Path("claims.json"))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            raise UserError(f"{bundle / folder / name}: does not follow from the bundle's records with this version")
    if not _alike(claims, published):
        raise UserError(f"{bundle / 'claims.json'}: does not follow from the bundle's records with this version")
