"""Bundles: whole, and every change is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.files import read_json, sha256, write_json


def test_a_bundle_is_whole_and_every_change_is_noticed(recorded, harness, refuses):
    assert harness("publish", "--output", "bundle")[0] == 0
    assert "exists already" in refuses("publish", "--output", "bundle")
    code, out, _ = harness("verify", "bundle")
    assert code == 0 and "is whole" in out
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


def forge(change) -> None:
    """Changes a bundle and gives it a manifest that fits."""
    from harness.cli.publish import _combined

    manifest = read_json(Path("bundle/manifest.json"))
    change(manifest["files"])
    manifest["digest"] = _combined(manifest["files"])
    write_json(Path("bundle/manifest.json"), manifest)


def test_a_forged_table_does_not_follow_from_the_records(recorded, harness, refuses):
    assert harness("publish", "--output", "bundle")[0] == 0
    table = Path("bundle/results/smoke/tables/table3.md")
    table.write_text(table.read_text().replace("ours", "mine"))
    forge(lambda files: files.update({"results/smoke/tables/table3.md": sha256(table)}))
    assert "table3.md: does not follow from the bundle's records" in refuses("verify", "bundle")


@pytest.mark.parametrize(("by", "fits"), [(1e-9, True), (0.01, False)])
def test_verdicts_may_differ_in_their_last_bits_alone(recorded, harness, by, fits):
    """Another kind of processor adds up in another order; a number that was changed is noticed all the same."""
    assert harness("publish", "--output", "bundle")[0] == 0
    claims = Path("bundle/claims.json")
    rows = read_json(claims)
    (row,) = [row for row in rows if row["claim"] == "sf-cc-cl"]
    row["difference"] += by
    write_json(claims, rows)
    forge(lambda files: files.update({"claims.json": sha256(claims)}))
    code, _, err = harness("verify", "bundle")
    assert (code == 0) == fits and ("claims.json: does not follow" in err) != fits


def test_a_bundle_that_names_files_outside_is_not_followed(recorded, harness, refuses):
    assert harness("publish", "--output", "bundle")[0] == 0
    forge(lambda files: files.update({"../params.yaml": sha256(Path("params.yaml"))}))
    assert "lies outside the bundle" in refuses("verify", "bundle")
