"""The paper's claims as data (harness/published/claims.yaml): what is compared with what, and where it says so."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from harness.config import Strict
from harness.errors import UserError, nearest
from harness.files import parse_yaml
from harness.published import TABLES, published

Condition = Literal["NM", "BG", "CL", "all"]
Views = Literal["all", "front-back", "other"] | tuple[int, ...]


class Part(Strict):
    """One comparison: the gain of one method over another, on average over conditions and views.

    gain: (method, baseline), each "sf" or, with a variant, "sf a=3"; a baseline "cc n=*" is every other value of n that
    the suite has. than_under, than_views: compare that gain with the gain on these instead; above, below: the bound in
    points on the claimed side; paper: the size that the paper gives, in points.
    """

    gain: tuple[str, str]
    under: tuple[Condition, ...] = Field(min_length=1)
    views: Views = "all"
    than_under: tuple[Condition, ...] = ()
    than_views: Views | None = None
    above: float | None = None
    below: float | None = None
    paper: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Part:
        if (self.above is None) == (self.below is None):
            raise ValueError("give either 'above' or 'below'")
        if self.gain[0] == self.gain[1]:
            raise ValueError(f"'{self.gain[0]}' is compared with itself, which every suite would find equal")
        if "*" in self.gain[0]:
            raise ValueError(f"'{self.gain[0]}': only what it is compared with can be a whole sweep")
        return self

    @property
    def bound(self) -> float:
        return self.above if self.above is not None else self.below or 0.0

    @property
    def spare(self) -> float | None:
        """How far the paper's size is from the bound, on the claimed side; None where it gives none."""
        return None if self.paper is None else (self.paper - self.bound) * (1 if self.above is not None else -1)

    @property
    def words(self) -> str:
        """What is compared: "ssf against cc on NM, BG, CL at front/back views"."""
        text = f"{self.gain[0]} against {self.gain[1]} on {', '.join(self.under)}{_at(self.views)}"
        if self.than_under or self.than_views is not None:
            views = self.views if self.than_views is None else self.than_views
            text += f", less the same on {', '.join(self.than_under or self.under)}{_at(views)}"
        return text

    @property
    def asked(self) -> str:
        """What is compared and the side of its bound: "sf against cc on CL, above 0"."""
        return f"{self.words}, {'below' if self.above is None else 'above'} {self.bound:g}"


def _at(views: Views) -> str:
    if isinstance(views, tuple):
        return f" at {', '.join(map(str, views))} degrees"
    return {"all": "", "front-back": " at front/back views", "other": " at other views"}[views]


class Claim(Strict):
    """says: in our words; where: the place in the paper; table: its table, or what else the claim belongs to.

    family: those of one name share Holm's correction, run or not; the paper's are all of one without a name.
    """

    key: str
    family: str = ""
    says: str
    where: str
    table: int | Literal["controls", "figure5"]
    metric: Literal["rank1", "rank5"] = "rank1"
    dataset: Literal["casia-bn", "outdoor-gait", "grew"]
    backbone: Literal["gaitset", "gaitgl"]
    parts: tuple[Part, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _table_exists(self) -> Claim:
        if isinstance(self.table, int) and self.table not in TABLES:
            raise ValueError(
                f"names Table {self.table}, which has no numbers; those that do: {', '.join(map(str, TABLES))}"
            )
        return self

    @model_validator(mode="after")
    def _conditions_exist(self) -> Claim:
        known = ("all",) if self.dataset == "grew" else ("NM", "BG", "CL")
        for part in self.parts:
            if odd := sorted({*part.under, *part.than_under} - set(known)):
                raise ValueError(f"{self.dataset} is scored for {', '.join(known)}, not for {', '.join(odd)}")
        return self

    @property
    def question(self) -> tuple[str, ...]:
        """All that is compared, and with which bounds, whatever the claim's name, words and family."""
        return self.metric, self.dataset, self.backbone, *(part.asked for part in self.parts)

    @property
    def paper(self) -> float | None:
        """The paper's size of the part with the least to spare, None where it gives no size."""
        sizes = [(part.spare, part.paper) for part in self.parts if part.spare is not None]
        return min(sizes)[1] if sizes else None


_WORDS = {"cc": "the baseline", "ssf": "SSF alone", "scf": "SCF alone", "sf": "SF"}
_PLACES = {"casia-bn": "", "outdoor-gait": " outdoors"}


class EveryRow(Strict):
    """A claim for each cell of Table 6: the row's method against the baseline's, in the printed direction.

    where: sentences that say it too, by data set.
    """

    where: dict[Literal["casia-bn", "outdoor-gait", "grew"], str] = Field(default_factory=dict)
    methods: tuple[Literal["ssf", "scf", "sf"], ...]
    base: Literal["cc"]
    datasets: tuple[Literal["casia-bn", "outdoor-gait", "grew"], ...]


class _File(Strict):
    claims: tuple[Claim, ...] = ()
    table6: tuple[EveryRow, ...] = ()


def read_claims(path: Path | None = None) -> list[Claim]:
    """The claims of a file, or the paper's own; any fault is a :class:`UserError` of one line that names the claim."""
    name = str(path or "harness/published/claims.yaml")
    try:
        text = path.read_text() if path else resources.files("harness.published").joinpath("claims.yaml").read_text()
        tree = parse_yaml(text)
    except FileNotFoundError:
        raise UserError(f"{name}: no such file") from None
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}); name a YAML file of claims") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{name}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise UserError(
            f"{name}: holds no claims; give it a list of them under 'claims', as conf/claims/replication.yaml has"
        )
    try:
        read = _File.model_validate(tree)
    except ValidationError as error:
        raise UserError(f"{name}: {_fault(error, tree)}") from None
    claims = [*read.claims, *(claim for rows in read.table6 for claim in _expand(rows))]
    keys = [claim.key for claim in claims]
    for key in keys:
        if keys.count(key) > 1:
            raise UserError(f"{name}: two claims are called '{key}'; rename one")
    return claims


def _fault(error: ValidationError, tree: Any) -> str:
    fault = error.errors()[0]
    place = [str(part) for part in fault["loc"]]
    if fault["loc"][:1] == ("claims",) and len(fault["loc"]) > 1:
        entry = tree["claims"][fault["loc"][1]]
        place[:2] = [f"claim '{entry.get('key', fault['loc'][1])}'" if isinstance(entry, dict) else f"claim {place[1]}"]
    if fault["type"] == "extra_forbidden" and len(place) == 1:
        return f"unknown section '{place[0]}'; {nearest(place[0], _File.model_fields)}"
    if fault["type"] == "extra_forbidden":
        own, other, whose = (Part, Claim, "the claim") if "parts" in place else (Claim, Part, "a part")
        hint = f"it belongs to {whose}" if place[-1] in other.model_fields else nearest(place[-1], own.model_fields)
        return f"{': '.join(place[:-1])}: unknown field '{place[-1]}'; {hint}"
    return f"{': '.join(place)}: {fault['msg'].removeprefix('Value error, ')}"


def _expand(rows: EveryRow) -> list[Claim]:
    printed = {(p.dataset, p.method, p.condition): float(p.value) for p in published(6)}
    claims = []
    for (dataset, method, condition), value in printed.items():
        if method not in rows.methods or dataset not in rows.datasets:
            continue
        gain = round(value - printed[dataset, rows.base, condition], 1)
        side = {"above": 0.0} if gain > 0 else {"below": 0.0}
        part = Part.model_validate({"gain": (method, rows.base), "under": (condition,), "paper": gain, **side})
        place = "in the wild" if condition == "all" else f"on {condition}{_PLACES[dataset]}"
        also = rows.where.get(dataset)  # pyright: ignore[reportArgumentType]
        claims.append(
            Claim(
                key=f"table6-{method}-{dataset}-{condition.lower()}",
                says=f"{_WORDS[method]} {'gains on' if gain > 0 else 'loses to'} {_WORDS[rows.base]} {place}",
                where=f"{also} and Table 6" if also else "Table 6",
                table=6,
                dataset=dataset,  # pyright: ignore[reportArgumentType]
                backbone="gaitset",
                parts=(part,),
            )
        )
    return claims
