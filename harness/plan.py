"""Which stages a suite has on this machine.

DVC's matrices have no exclusions, only lists: what is not there must not be in them. The lists follow from the suite,
the archives and the checkpoints, and stand under ``plan`` at the end of params.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from harness.config import Plan, Settings
from harness.errors import UserError
from harness.files import atomic_path

_ALWAYS = ("upper",)
_ADAPTING = ("cc", "scf")
_VIEWING = ("ssf", "sf")
_ORDER = ("upper", "gaitssb", "cc", "ssf", "scf", "sf")


def is_there(settings: Settings, dataset: str) -> bool:
    """Whether a data set can be had: walkers always, an archive when params.yaml says where it is."""
    return dataset in settings.walkers or settings.archives[dataset].raw is not None


def plan_of(settings: Settings) -> Plan:
    """The stages that can run with what is there."""
    suite = settings.suite
    datasets = tuple(name for name in suite.datasets if is_there(settings, name))
    imported = tuple(name for name in suite.backbones if settings.checkpoints.get(name))
    others = tuple(name for name in suite.backbones if name not in imported)
    can_train = is_there(settings, suite.pretraining)
    ready = can_train or not others
    adapted = datasets if ready else ()
    fused = adapted if is_there(settings, suite.views) else ()
    trained = others if adapted and can_train else ()
    scratch, continued = suite.scratch if datasets else (), suite.continued if adapted else ()
    methods = {*scratch, *continued}
    methods |= {*(_ALWAYS if datasets else ()), *(_ADAPTING if adapted else ()), *(_VIEWING if fused else ())}
    used = _once((*((suite.pretraining,) if trained else ()), *((suite.views,) if fused else ()), *datasets))
    return Plan(
        domains=tuple(name for name in used if name in settings.walkers),
        archives=tuple(name for name in used if name in settings.archives),
        datasets=datasets,
        adapted=adapted,
        fused=fused,
        methods=tuple(name for name in _ORDER if name in methods),
        trained=trained,
        imported=imported if adapted else (),
        scratch=scratch,
        continued=continued,
        view_seeds=suite.seeds if fused else (),
        tables=(suite.name,) if datasets else (),
        layouts={name: settings.layout_of(name) for name in used},
    )


def absent(settings: Settings) -> dict[str, str]:
    """Data sets that the suite names and that are not there, with what is skipped for want of each."""
    suite, plan = settings.suite, plan_of(settings)
    reasons = {name: "its stages are skipped" for name in suite.datasets if not is_there(settings, name)}
    missing = [name for name in suite.backbones if not settings.checkpoints.get(name)]
    if missing and not is_there(settings, suite.pretraining):
        keys = " and ".join(f"checkpoints.{name}" for name in missing)
        reasons[suite.pretraining] = (
            f"what starts from pre-trained weights is skipped; {keys} can name weights to take instead, or "
            "suite.pretraining another data set, such as source (walkers)"
        )
    elif plan.adapted and not plan.fused:
        more = ", and with them all controls and methods of other packages" * bool(suite.controls or suite.extra)
        reasons[suite.views] = (
            f"SSF and SF are skipped, whose view classifier learns on it{more}; suite.views can name another data set, "
            "such as source (walkers)"
        )
    return reasons


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def with_plan(text: str, plan: Plan) -> str:
    """The text of params.yaml with its plan renewed; everything else stays as it was typed."""
    rest = re.sub(r"^plan:.*\n(?:[ \t-].*\n|\n)*", "", text.rstrip("\n") + "\n", flags=re.MULTILINE)
    return rest + yaml.safe_dump({"plan": plan.model_dump(mode="json")}, sort_keys=False, default_flow_style=False)


def without_plan() -> dict[str, object]:
    """A plan of nothing, for reading parameters that have none yet."""
    return {**{name: [] for name in Plan.model_fields}, "layouts": {}}


def refresh(path: Path, settings: Settings) -> bool:
    """Renews the plan in params.yaml; returns whether it was out of step."""
    plan = plan_of(settings)
    if plan == settings.plan:
        return False
    with atomic_path(path) as scratch:
        scratch.write_text(with_plan(path.read_text(), plan))
    return True


def check_plan(settings: Settings) -> None:
    """Refuses a plan that does not follow from the settings: DVC would leave stages out, or run what is not there."""
    if settings.plan != plan_of(settings):
        raise UserError(
            "params.yaml: the plan at its end does not follow from suite, archives and checkpoints; run `harness suite "
            "refresh` (`harness run` does it by itself)"
        )
