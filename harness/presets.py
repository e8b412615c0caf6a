"""The presets of ``conf/``, composed into the text of ``params.yaml``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml

from harness.config import check
from harness.errors import UserError, nearest
from harness.files import parse_yaml
from harness.plan import plan_of, with_plan, without_plan

CONF = Path("conf")


def suite_names(conf: Path = CONF) -> list[str]:
    """The presets in conf/suite."""
    names = sorted(path.stem for path in (conf / "suite").glob("*.yaml"))
    if not names:
        raise UserError(f"{conf / 'suite'}: no presets here; run from the repository's root")
    return names


def preset_section(name: str, conf: Path = CONF) -> dict[str, Any]:
    """The section ``suite`` of a preset's own file, as it is written there."""
    path = conf / "suite" / f"{name}.yaml"
    try:
        section = parse_yaml(path.read_text())["suite"]
        if not isinstance(section, dict):
            raise TypeError
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        raise UserError(f"{path}: no preset: YAML with a section 'suite' is expected; mend it or remove it") from None
    return section


def compose(name: str, conf: Path = CONF) -> str:
    """The text of params.yaml for a preset: conf/suite/<name>.yaml over conf/config.yaml (Hydra), and its plan."""
    known = suite_names(conf)
    if name not in known:
        raise UserError(f"unknown suite '{name}'; {nearest(name, known)}")
    preset_section(name, conf)
    from dvc.utils.hydra import compose_and_dump
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    source = f"conf/suite/{name}.yaml"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "params.yaml"
        try:
            compose_and_dump(file, str(conf.resolve()), None, "config", "", [f"suite={name}"])  # pyright: ignore[reportArgumentType]
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise UserError(f"{source}: {' '.join(str(error).split())}") from None
        text = planned(file.read_text(), source)
    if (called := parse_yaml(text)["suite"]["preset"]) != name:
        raise UserError(f"{source}: its suite.preset is '{called}'; write 'preset: {name}' there, the file's own name")
    return text


def planned(text: str, source: str) -> str:
    """The text of parameters that were read from ``source``, checked, with its plan at the end."""
    settings = check({**parse_yaml(text), "plan": without_plan()}, source)
    return with_plan(text, plan_of(settings))
