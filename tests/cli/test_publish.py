"""Bundles: whole, and every change is noticed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from recorded import edit, identity_of

from harness.cli import figures
from harness.config import Settings
from harness.files import read_json, sha256, write_json

pytestmark = pytest.mark.xdist_group("bundles")  # one worker makes the bundle for all


@pytest.fixture(scope="module")
def drawings() -> dict[Any, Any]:
    return {}


@pytest.fixture(autouse=True)
def drawn_once(drawings: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What records show is drawn once for all bundles of theirs; that it comes out alike twice is another test's."""

    def once(name: str, draw: Callable[[Settings], Any]) -> Callable[[Settings], Any]:
        def drawn(settings: Settings) -> Any:
            key = (name, sha256(Path("params.yaml"), *sorted(Path("results").rglob("*.json"))))
            if key not in drawings:
                drawings[key] = draw(settings)
            return drawings[key]

        return drawn

    for name, draw in figures.RECORDS.items():
        monkeypatch.setitem(figures.RECORDS, name, once(name, draw))
    renderer = figures._renderer
    monkeypatch.setattr(figures, "_renderer", lambda figure: drawings.setdefault(figure, cache(renderer(figure))))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first bundle of the made-up records is kept: making one takes seconds, copying it none."""
    return tmp_path_factory.mktemp("published") / "bundle"


@pytest.fixture
def bundle(recorded, harness, published: Path) -> None:
    """The records' bundle, in the folder "bundle"."""
    if not published.exists():
        assert harness("publish", "--output", "bundle")[0] == 0
        shutil.copytree("bundle", published)
    else:
        shutil.copytree(published, "bundle")


def test_a_bundle_is_whole_and_every_change_is_noticed(bundle, harness, refuses):
    assert "exists already" in refuses("publish", "--output", "bundle")
    code, out, _ = harness("verify", "bundle")
    assert code == 0 and "is whole" in out
    about = json.loads(Path("bundle/manifest.json").read_text())
    assert about["cite"].startswith("Results of suite smoke, ") and about["digest"][:16] in out
    names = {p.relative_to("bundle").as_posix() for p in Path("bundle").rglob("*") if p.is_file()}
    assert {"index.html", "report.md", "claims.json", "params.yaml", "manifest.json"} <= names
    assert "results/smoke/scores/sf-gaitset-target-s0.json" in names and "results/smoke/tables/table3.csv" in names
    score = Path("bundle/results/smoke/scores/sf-gaitset-target-s0.json")
    before = score.read_bytes()
    score.write_bytes(before.replace(b"sf", b"cc", 1))
    assert "changed since it was published" in refuses("verify", "bundle")
    score.unlink()
    assert "missing from the bundle" in refuses("verify", "bundle")
    score.write_bytes(before)
    Path("bundle/extra.txt").write_text("x")
    assert "somebody added it" in refuses("verify", "bundle")
    Path("bundle/extra.txt").unlink()
    assert harness("verify", "bundle")[0] == 0
    assert "no such folder" in refuses("verify", "elsewhere/bundle")
    manifest = Path("bundle/manifest.json")
    manifest.write_text(manifest.read_text()[:-9])
    assert "fetch the bundle again" in refuses("verify", "bundle")
    manifest.unlink()
    assert "name a folder that `harness publish` made" in refuses("verify", "bundle")


def forge(change) -> None:
    """Changes a bundle and gives it a manifest that fits."""
    from harness.cli.publish import _combined

    manifest = read_json(Path("bundle/manifest.json"))
    change(manifest["files"])
    manifest["digest"] = _combined(manifest["files"])
    write_json(Path("bundle/manifest.json"), manifest)


def test_a_forged_table_does_not_follow_from_the_records(bundle, harness, refuses):
    table = Path("bundle/results/smoke/tables/table3.md")
    table.write_text(table.read_text().replace("ours", "mine"))
    forge(lambda files: files.update({"results/smoke/tables/table3.md": sha256(table)}))
    by = json.loads(Path("bundle/manifest.json").read_text())["published_by"]
    said = refuses("verify", "bundle")
    assert "table3.md: does not follow from the bundle's records" in said and f"commit {by} published it" in said


@pytest.mark.parametrize("name", ["index.html", "report.md"])
def test_a_changed_report_is_noticed_and_a_forged_one_too(bundle, harness, refuses, name):
    """With the manifest as it was by its digest; with one that fits because the records give another report."""
    page = Path("bundle") / name
    page.write_text(page.read_text().replace("undecided", "supported"))
    assert f"{name}: changed since it was published" in refuses("verify", "bundle")
    forge(lambda files: files.update({name: sha256(page)}))
    assert f"{name}: does not follow from the bundle's records" in refuses("verify", "bundle")


def test_a_page_with_other_figures_is_checked_by_its_digest_and_this_is_said(bundle, harness, refuses):
    """Another version of matplotlib draws other bits; a figure that no run drew is another matter."""
    assert "follow from its records, its figures too" in " ".join(harness("verify", "bundle")[1].split())
    page = Path("bundle/index.html")
    before = page.read_text()
    for figure, fits in (("polar", True), ("figure6", False)):
        source = f'<figure id="figure-{figure}"><img src="data:image/svg+xml;base64,'
        other = source + "AAAA"
        text = before.replace(source, other) if fits else before.replace('<figure id="figure-polar">', other, 1)
        assert text != before
        page.write_text(text)
        forge(lambda files: files.update({"index.html": sha256(page)}))
        if fits:
            code, out, _ = harness("verify", "bundle")
            assert code == 0 and "index.html's figures, drawn otherwise here, by their digest alone" in " ".join(
                out.split()
            )
        else:
            assert "index.html: does not follow" in refuses("verify", "bundle")


def test_figures_of_networks_go_into_the_bundle_and_their_page_is_made_again(recorded, harness, refuses):
    folder = Path("results/smoke/figures")
    folder.mkdir()
    for name in ("figure6", "figure7"):
        for kind in ("svg", "png"):
            (folder / f"{name}.{kind}").write_bytes(b"<svg>" + name.encode())
    drawn_from = [identity_of("cc", 0), identity_of("sf", 0)]
    write_json(folder / "sources.json", {"figure6": drawn_from, "figure7": ["another run"]})
    assert harness("publish", "--output", "bundle")[0] == 0
    packed = {path.name for path in (Path("bundle") / folder).iterdir()}
    assert packed == {"figure6.svg", "figure6.png", "sources.json"}
    assert 'id="figure-figure6"' in Path("bundle/index.html").read_text()
    assert harness("verify", "bundle")[0] == 0
    svg = Path("bundle") / folder / "figure6.svg"
    svg.write_bytes(b"<svg>of somebody else")
    forge(lambda files: files.update({f"{folder.as_posix()}/figure6.svg": sha256(svg)}))
    assert "index.html: does not follow" in refuses("verify", "bundle")


def test_what_was_stale_when_it_was_published_stays_so(recorded, harness, refuses, monkeypatch):
    """A bundle is checked by its records: neither today's code nor an address in the environment changes its page."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    edit(Path("results/smoke/provenance/cc-gaitset-target-s0.json"), lambda run: run["inputs"].update(code="old"))
    assert harness("publish", "--output", "bundle")[0] == 0
    text = Path("bundle/index.html").read_text()
    assert "records are stale</strong>" in text and "http://mlflow.example:5000" in text
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert harness("verify", "bundle")[0] == 0
    told = Path("bundle/published.json")
    for content, said in (({"stale": [], "mlflow": ""}, "report.md: does not"), ({"stale": [1]}, "not as `harness")):
        write_json(told, content)
        forge(lambda files: files.update({"published.json": sha256(told)}))
        assert said in refuses("verify", "bundle")
    told.unlink()
    forge(lambda files: files.pop("published.json"))
    assert "does not name published.json" in refuses("verify", "bundle")


@pytest.mark.parametrize(("by", "fits"), [(1e-9, True), (0.01, False)])
def test_verdicts_may_differ_in_their_last_bits_alone(bundle, harness, by, fits):
    """Another kind of processor adds up in another order; a number that was changed is noticed all the same."""
    claims = Path("bundle/claims.json")
    rows = read_json(claims)
    (row,) = [row for row in rows if row["claim"] == "sf-cc-cl"]
    row["difference"] += by
    write_json(claims, rows)
    forge(lambda files: files.update({"claims.json": sha256(claims)}))
    code, _, err = harness("verify", "bundle")
    assert (code == 0) == fits and ("claims.json: does not follow" in err) != fits


def test_a_bundle_that_names_files_outside_is_not_followed(bundle, harness, refuses):
    forge(lambda files: files.update({"../params.yaml": sha256(Path("params.yaml"))}))
    assert "lies outside the bundle" in refuses("verify", "bundle")
