"""The presets of ``conf/``, composed into the text of ``params.yaml``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from harness.config import check
from harness.errors import UserError, nearest
from harness.plan import plan_of, with_plan, without_plan

CONF = Path("conf")


def suite_names(conf: Path = CONF) -> list[str]:
    """The presets in conf/suite."""
    names = sorted(path.stem for path in (conf / "suite").glob("*.yaml"))
    if not names:
        raise UserError(f"{conf / 'suite'}: no presets here; run from the repository's root")
    return names


def compose(name: str, conf: Path = CONF) -> str:
    """The text of params.yaml for a preset: conf/suite/<name>.yaml over conf/config.yaml (Hydra), and its plan."""
    known = suite_names(conf)
    if name not in known:
        raise UserError(f"unknown suite '{name}'; {nearest(name, known)}")
    from dvc.utils.hydra import compose_and_dump

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "params.yaml"
        compose_and_dump(file, str(conf.resolve()), None, "config", "", [f"suite={name}"])  # pyright: ignore[reportArgumentType]
        return planned(file.read_text(), f"conf/suite/{name}.yaml")


def planned(text: str, source: str) -> str:
    """The text of parameters that were read from ``source``, checked, with its plan at the end."""
    settings = check({**yaml.safe_load(text), "plan": without_plan()}, source)
    return with_plan(text, plan_of(settings))
