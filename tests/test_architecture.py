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
        "config", "counters", "distances", "errors", "files", "identity", "interop", "layout", "plan", "presets",
        "registry", "statistics", "submission", "types", "__version__",
    )
}  # fmt: skip
MAY_IMPORT = {
    "harness": CORE,
    "harness.published": set(),
    "harness.data": CORE | {"harness.data"},
    "harness.clustering": CORE | {"harness.clustering"},
    "harness.evaluation": CORE | {"harness.evaluation"},
    "harness.tables": CORE | {"harness.tables", "harness.published"},
    "harness.figures": CORE | {"harness.figures"},
    "harness.claims": CORE | {"harness.claims", "harness.published"},
    "harness.audit": CORE | {"harness.audit", "harness.published"},
    "harness.report": CORE | {"harness.report", "harness.tables"},
    "harness.tracking": CORE | {"harness.tracking", "harness.evaluation"},
    "harness.testing": CORE | {"harness.testing", "harness.training", "harness.clustering"},
    "harness.training": CORE | {"harness.training", "harness.data"},
    "models": CORE | {"models"},
    "methods": CORE | {"methods", "models.parts", "harness.data.augment"},
    "harness.checks": CORE
    | {"harness.checks", "harness.clustering.knn", "harness.data.store", "harness.tracking.mlflow"},
    "harness.bench": {
        "harness.bench",
        "harness.data",
        "harness.clustering",
        "harness.evaluation",
        "harness.training",
        "harness.presets",
        *CORE,
    },
    "harness.cli": {"harness", "methods", "models"},
}
WIRING = {f"harness/{name}.py" for name in ("config", "errors", "files", "identity", "layout", "plan", "registry")}
"""Modules without arithmetic: dvc.yaml need not name them, nor a package's __init__."""
UNUSED = {
    "tables": {
        "harness/cli/console.py",
        "harness/cli/edited.py",
        "harness/cli/lockfile.py",
        "harness/cli/options.py",
        "harness/evaluation/evaluate.py",
        "harness/evaluation/retrieval.py",
        "harness/distances.py",
    },
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
    source = "${suite.views}" if stage == "view-classifier" else "${suite.pretraining}"
    dataset = source if plugin.on_source else "${item.dataset}"
    expected = {*plugin.params, "compute", f"overrides.{dataset}"}
    if stage != "view-classifier":  # its backbone stands among its own parameters
        expected.add("backbones.${item.backbone}")
    listed = stages[stage]["params"]
    assert set(listed) == expected
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_watches_exactly_the_code_that_a_runs_id_covers(root, stages, stage):
    """A stage knows its backbone's name, not its file: it watches those of both."""
    method = STAGES[stage]
    kinds = ["view_classifier"] if method == "view_classifier" else ["gaitset", "gaitgl"]
    clusters = find("method", method).uses_clustering
    covered = {path.relative_to(root).as_posix() for kind in kinds for path in code_of(method, kind, clusters)}
    assert f"methods/{method}.py" in covered
    named = {d for d in stages[stage]["deps"] if d.split("/")[0] in ("harness", "methods", "models", "requirements")}
    assert named == {*covered, "requirements/cpu.lock"}


VARIANTS = {
    "cc-variants": "cc",
    "sf-variants": "sf",
    "evaluate-cc-variants": "evaluate",
    "evaluate-sf-variants": "evaluate",
}


@pytest.mark.parametrize(("stage", "like"), VARIANTS.items())
def test_a_variant_depends_on_what_its_method_depends_on(stages, stage, like):
    """Only the variant's own entry comes on top, and its files carry its name."""
    own, main = stages[stage], stages[like]
    extra = set() if like == "evaluate" else {"variants.${item.variant}"}
    assert set(own["params"]) == {*main["params"], *extra}
    code = [{d for d in s["deps"] if not d.startswith(("runs/", "data/"))} for s in (own, main)]
    assert code[0] == code[1]
    files = [*own.get("outs", []), *own.get("plots", []), *own.get("metrics", [])]
    assert files and all("-${item.variant}" in (f if isinstance(f, str) else next(iter(f))) for f in files)
    assert "--variant ${item.variant}" in own["cmd"]


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
            "prepare",
            ["harness.data.ingest", "harness.data.sets", "harness.data.sets.casia_b", "harness.data.sets.grew"],
        ),
        ("import", ["harness.training.checkpoint"]),
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
        assert stage["matrix"]["suite"] == ("${plan.tables}" if name == "tables" else ["${suite.name}"]), name
        entries = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
        outputs = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
        assert outputs
        for output in outputs:
            assert output.split("/")[1] == "${item.suite}", output


def test_dependencies_on_results_hold_the_suites_name(stages):
    for stage in stages.values():
        for path in stage["deps"]:
            if path.split("/")[0] in ("data", "runs", "results", "work"):
                assert path.split("/")[1] == "${item.suite}", path
