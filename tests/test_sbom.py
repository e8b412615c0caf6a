"""The bill of materials and the licence listing name exactly what the lock installs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.checks.packages import locked

NEEDED = {"bomFormat", "specVersion", "components", "dependencies"}


@pytest.fixture(scope="module")
def bill(root: Path) -> dict:
    return json.loads((root / "requirements/sbom.cdx.json").read_text())


@pytest.mark.skipif(sys.version_info[:2] != (3, 11) or sys.platform != "linux", reason="made for Python 3.11 on Linux")
def test_every_package_of_the_lock_at_its_version(root: Path, bill: dict):
    assert bill.keys() >= NEEDED and bill["bomFormat"] == "CycloneDX"
    purls = dict(c["purl"].removeprefix("pkg:pypi/").split("@") for c in bill["components"])
    assert purls.pop("torch") == "2.13.0"
    assert purls == locked(root / "requirements/cpu.lock"), "run `make sbom`"


def test_it_is_a_valid_cyclonedx_document(root: Path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = (root / "requirements/sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace('"components"', '"component"')) is not None


def test_it_names_no_place_on_a_machine(root: Path):
    text = (root / "requirements/sbom.cdx.json").read_text()
    assert "file://" not in text and "/opt/" not in text and "+cpu" not in text


def test_every_package_has_a_licence_and_copyleft_stands_out(root: Path, bill: dict):
    rows = (root / "requirements/licences.md").read_text().splitlines()
    listed = {}
    for row in rows:
        if row.startswith("| ") and not row.startswith("| licence"):
            _, licence, packages, _ = (cell.strip() for cell in row.split("|"))
            listed |= {package.split()[0]: licence for package in packages.split(", ")}
    assert len(listed) == len(bill["components"])
    assert "not stated" not in listed.values()
    for name in ("infomap", "pygit2", "psycopg", "tqdm"):
        assert listed[name].startswith("**"), name
    assert not listed["numpy"].startswith("**")
