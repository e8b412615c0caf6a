"""Rooms import only what they may, and dvc.yaml names all that decides a number."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from harness.cli.wiring import code_of
from harness.identity import code_files
from harness.registry import find

CORE = {
    f"harness.{name}"
    for name in (
        "config", "counters", "distances", "errors", "files", "identity", "layout", "registry", "types", "__version__",
    )
}  # fmt: skip
MAY_IMPORT = {
    "harness": CORE,
    "harness.published": set(),
    "harness.data": CORE | {"harness.data"},
    "harness.clustering": CORE | {"harness.clustering"},
    "harness.evaluation": CORE | {"harness.evaluation"},
    "harness.tables": CORE | {"harness.tables", "harness.published"},
    "harness.tracking": CORE | {"harness.tracking", "harness.evaluation"},
    "harness.training": CORE | {"harness.training", "harness.data"},
    "models": CORE | {"models"},
    "methods": CORE | {"methods", "models.parts", "harness.data.augment"},
    "harness.cli": {"harness", "methods", "models"},
}
WIRING = {f"harness/{name}.py" for name in ("config", "errors", "files", "identity", "layout", "registry")}
"""Modules without arithmetic: dvc.yaml need not name them, nor a package's __init__."""
UNUSED = {
    "tables": {"harness/types.py", "harness/cli/console.py", "harness/evaluation/evaluate.py", "harness/distances.py"},
}
"""What a stage's modules import without deciding a number of that stage."""
CLUSTERING = {"cc", "ssf", "scf", "sf"}
STAGES = {
    name.replace("_", "-"): name
    for name in ("pretrain", "view_classifier", "upper", "gaitssb", "cc", "ssf", "scf", "sf")
}


def own_imports(path: Path) -> set[str]:
    """Dotted names that a file imports from this project, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("harness", "models", "methods")}


def room_of(path: str) -> str:
    """The room of a file: the longest name in MAY_IMPORT that its dotted path starts with."""
    dotted = path.removesuffix(".py").replace("/", ".")
    return max((room for room in MAY_IMPORT if dotted.startswith(f"{room}.")), key=len)


def within(name: str, allowed: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in allowed)


def test_every_file_imports_only_what_its_room_may(root):
    files = [path for top in ("harness", "models", "methods") for path in sorted((root / top).rglob("*.py"))]
    assert len(files) > 50
    broken = [
        f"{path.relative_to(root)} imports {name}"
        for path in files
        for name in sorted(own_imports(path))
        if not within(name, MAY_IMPORT[room_of(path.relative_to(root).as_posix())])
    ]
    assert broken == []


def test_the_rules_notice_a_wrong_import(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("def f():\n    from harness.data import store\n")
    assert own_imports(path) == {"harness.data.store"}
    assert not within("harness.data.store", MAY_IMPORT["harness.evaluation"])
    assert room_of("methods/parts/ssf.py") == "methods" and room_of("harness/data/sets/grew.py") == "harness.data"


@pytest.fixture(scope="module")
def stages(root):
    return yaml.safe_load((root / "dvc.yaml").read_text())["stages"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_the_parameters_of_its_method(stages, stage):
    plugin = find("method", STAGES[stage])
    dataset = "${suite.pretraining}" if plugin.on_source else "${item.dataset}"
    expected = {*plugin.params, "compute", f"overrides.{dataset}"}
    if stage != "view-classifier":  # its backbone stands among its own parameters
        expected.add("backbones.${item.backbone}")
    listed = stages[stage]["params"]
    assert set(listed) == expected
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_watches_exactly_the_code_that_a_runs_id_covers(root, stages, stage):
    method = STAGES[stage]
    kind = "view_classifier" if method == "view_classifier" else "gaitset"
    covered = {
        path.relative_to(root).as_posix() for path in code_of(method, kind, find("method", method).uses_clustering)
    }
    assert f"methods/{method}.py" in covered
    named = {d for d in stages[stage]["deps"] if d.split("/")[0] in ("harness", "methods", "models", "requirements")}
    assert named == {*covered, "requirements/cpu.lock"}


def test_what_the_stages_of_code_name_exists(root, stages):
    named = {
        d for stage in stages.values() for d in stage["deps"] if d.split("/")[0] in ("harness", "methods", "models")
    }
    assert {d for d in named if not (root / d).exists()} == set()


@pytest.mark.parametrize(
    ("stage", "modules"),
    [
        ("data", ["harness.data.walkers.generate"]),
        (
            "evaluate",
            ["harness.evaluation.evaluate", "harness.training.extract", "harness.data.store", "models.gaitset"],
        ),
        ("tables", ["harness.cli.tables"]),
    ],
)
def test_the_other_stages_depend_on_their_code(root, stages, stage, modules):
    files = {path.relative_to(root).as_posix() for path in code_files(modules) if path.name != "__init__.py"}
    files -= {*WIRING, *UNUSED.get(stage, ())}
    assert files
    named = stages[stage]["deps"]
    assert {path for path in files if not any(path == d or path.startswith(f"{d}/") for d in named)} == set()


def test_every_output_holds_the_suites_name(stages):
    for name, stage in stages.items():
        assert stage["matrix"]["suite"] == ["${suite.name}"], name
        entries = [*stage.get("outs", []), *stage.get("metrics", [])]
        outputs = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
        assert outputs
        for output in outputs:
            assert output.split("/")[1] == "${item.suite}", output


def test_dependencies_on_results_hold_the_suites_name(stages):
    for stage in stages.values():
        for path in stage["deps"]:
            if path.split("/")[0] in ("data", "runs", "results", "work"):
                assert path.split("/")[1] == "${item.suite}", path
