"""``harness publish``: a bundle that others can cite, and check on another machine with ``harness verify``."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from harness import __version__
from harness.cli.console import console
from harness.cli.evidence import provenances
from harness.cli.lockfile import DVC_LOCK
from harness.config import Settings, load
from harness.errors import UserError
from harness.files import atomic_path, read_json, sha256, write_json
from harness.identity import commit
from harness.layout import LOCK, PARAMS, again, epochs, figures, means, provenance, scores, tables

MANIFEST = "manifest.json"
FORMAT = 2
PAGE, TEXT, CLAIMS = Path("index.html"), Path("report.md"), Path("claims.json")
TOLD = Path("published.json")
"""What a report says that no record does: which records were stale on the day, and MLflow's address."""


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
    from harness.cli.audit import audit_records
    from harness.cli.report import make_report, write_markdown
    from harness.cli.tables import write_tables
    from harness.report.page import html

    suite = settings.suite.name
    own = [Path(name)] if (name := settings.suite.claims) else []
    for path in (PARAMS, LOCK, DVC_LOCK, *own):
        if path.is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / path)
    for source in (scores(suite), provenance(suite, "x").parent, epochs(suite)):
        if source.is_dir():
            shutil.copytree(source, folder / source, ignore=shutil.ignore_patterns(".*"))
    if (repeats := again(suite)).is_file():
        shutil.copyfile(repeats, folder / repeats)
    _pack_figures(settings, folder)
    stale = audit_records(settings)
    # From here on the bundle's records alone are read, as `harness verify` reads them.
    with contextlib.chdir(folder):
        write_tables(load())
        made = replace(make_report(load()), stale=stale)
        write_json(TOLD, {"stale": stale, "mlflow": made.mlflow})
        PAGE.write_text(html(made))
        write_markdown(made, TEXT)
        CLAIMS.write_text(json.dumps(made.claims, indent=1, ensure_ascii=False) + "\n")
    runs = provenances(settings).values()
    commits = sorted({run["commit"] for run in runs})
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    cite = (
        f"Results of suite {settings.suite.preset}, gait-selective-fusion-harness {__version__}, bundle of this digest"
    )
    about = {"cite": cite, "licence": "Apache-2.0", "suite": settings.suite.preset, "harness": __version__}
    stores = {run["inputs"]["dataset"]: run["inputs"]["store"] for run in runs if "store" in run["inputs"]}
    content = {
        "format": FORMAT,
        **about,
        "published_by": commit(),
        "commits": commits,
        "data": stores,
        "digest": _combined(files),
        "files": files,
    }
    write_json(folder / MANIFEST, content)


def _pack_figures(settings: Settings, folder: Path) -> None:
    """Copies the figures that a bundle cannot draw, if they are of the runs that it is about."""
    from harness.cli.figures import NETWORKS, SOURCES, absent

    source = figures(settings.suite.name)
    if drawn := NETWORKS.keys() - absent(settings).keys():
        (folder / source).mkdir(parents=True)
        for name in (f"{name}.{kind}" for name in drawn for kind in ("svg", "png")):
            shutil.copyfile(source / name, folder / source / name)
        of = read_json(source / SOURCES)
        write_json(folder / source / SOURCES, {name: of[name] for name in sorted(drawn)})


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
    """Checks a bundle: every file's digest, none missing or added; tables, claims and report as its records have it."""
    content = _manifest(bundle)
    _check_files(bundle, content["files"])
    redrawn = _check_results(bundle, str(content.get("published_by", "none")))
    drawn = "its figures too" if redrawn else f"but {PAGE}'s figures, drawn otherwise here, by their digest alone"
    count = len(content["files"])
    console.print(
        f"{bundle}: bundle {content['digest'][:16]} is whole: {count} files; tables, claims, {TEXT} and {PAGE} follow "
        f"from its records, {drawn}"
    )


def _manifest(bundle: Path) -> dict[str, Any]:
    path = bundle / MANIFEST
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: not there; name a folder that `harness publish` made, whole") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read ({error}); fetch the bundle again") from None
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path}: not a bundle of format {FORMAT}; name a folder that `harness publish` made")
    for name in (PARAMS, PAGE, TEXT, CLAIMS, TOLD):
        if name.as_posix() not in files:
            raise UserError(f"{path}: does not name {name}, which every bundle has; it was changed")
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


def _check_results(bundle: Path, published_by: str) -> bool:
    """Makes tables, verdicts and report again from the bundle's records, in a folder of their own.

    published_by: the commit that made the bundle: another one may count, judge or word otherwise.
    False: the figures of the page are other bits, as another version of what draws them gives.
    """
    import tempfile

    from harness.cli.report import make_report, markdown_of
    from harness.cli.tables import write_tables
    from harness.report.page import html

    told = _told(bundle)
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "bundle"
        shutil.copytree(bundle, copy)
        with contextlib.chdir(copy):
            settings, page = load(), PAGE.read_text()
            suite = settings.suite.name
            before = _texts(suite)
            write_tables(settings)
            made = replace(make_report(settings), **told)
            TEXT.write_text(markdown_of(made))
            after, again = _texts(suite), html(made)
            claims, published = json.loads(json.dumps(made.claims)), read_json(CLAIMS)
    changed = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    changed += [CLAIMS] * (not _alike(claims, published)) + [PAGE] * (_bare(page) != _bare(again))
    for name in changed:
        raise UserError(
            f"{bundle / name}: does not follow from the bundle's records with this code, commit {commit()}; "
            f"commit {published_by} published it: try again with that one"
        )
    return page == again


def _texts(suite: str) -> dict[Path, bytes]:
    """The files that are the same bytes wherever they are made."""
    return {path: path.read_bytes() for path in (*tables(suite).glob("*"), means(suite), TEXT) if path.is_file()}


def _told(bundle: Path) -> dict[str, Any]:
    told = read_json(bundle / TOLD)
    try:
        stale = [{key: str(line[key]) for key in ("record", "problem")} for line in told["stale"]]
        return {"stale": stale, "mlflow": str(told["mlflow"])}
    except (KeyError, TypeError):
        raise UserError(f"{bundle / TOLD}: not as `harness publish` writes it; the bundle was changed") from None


def _bare(page: str) -> str:
    """A page without the figures that are drawn anew from records."""
    from harness.cli.figures import RECORDS

    return re.sub(rf'(<figure id="figure-(?:{"|".join(RECORDS)})"><img src=)"[^"]*"', r"\1", page)
