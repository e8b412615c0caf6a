"""Does the paper agree with itself? Its tables are checked against each other and against its sentences.

Nothing here knows a slip beforehand: published/slips.yaml lists what people found, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from harness.published import TABLES, Published, published, text

HALF = Decimal("0.0501")
"""Half of the last printed digit: a rounded mean may be off by this much, and no more."""
OWN = ("", "a=2", "curriculum-rate=adaptive")
"""Variants that are the paper's own setting, so that their numbers stand in other tables too."""


@dataclass(frozen=True)
class Finding:
    """One contradiction. key: short and stable; printed: what stands there; computed: what follows from the rest."""

    key: str
    where: str
    printed: str
    computed: str


def audit_paper(
    tables: Mapping[int, Sequence[Published]] | None = None, said: dict[str, Any] | None = None
) -> list[Finding]:
    """Every contradiction, in the order of the checks; the arguments are the paper's unless given."""
    tables = tables if tables is not None else {table: published(table) for table in TABLES}
    said = said if said is not None else text()
    checks = (
        _means(tables), _repeats(tables), _conditions(tables, said), _gains(tables, said), _at_views(tables, said),
        _schedules(said), _heads(said), _citations(tables, said), _senses(said),
    )  # fmt: skip
    return [finding for check in checks for finding in check]


def _means(tables: Mapping[int, Sequence[Published]]) -> Iterator[Finding]:
    for table, numbers in tables.items():
        rows: dict[tuple[str, ...], dict[str, Decimal]] = {}
        for p in numbers:
            key = (p.dataset, p.backbone, p.method, p.variant, p.condition, p.metric)
            rows.setdefault(key, {})[p.view] = Decimal(p.value)
        for (_, backbone, method, _, condition, _), views in rows.items():
            printed = views.pop("mean", None)
            if printed is None or not views:
                continue
            mean = sum(views.values(), Decimal()) / len(views)
            if abs(mean - printed) > HALF:
                where = f"Table {table}, {backbone}, {condition}, {method}, average"
                yield Finding(f"mean-{backbone}-{condition.lower()}-{method}", where, str(printed), f"{mean:.2f}")


def _repeats(tables: Mapping[int, Sequence[Published]]) -> Iterator[Finding]:
    seen: dict[tuple[str, ...], tuple[int, str]] = {}
    for table, numbers in tables.items():
        for p in numbers:
            if p.variant not in OWN:
                continue
            place = (p.dataset, p.backbone, p.method, p.condition, p.view, p.metric)
            first, value = seen.setdefault(place, (table, p.value))
            if value != p.value:
                where = f"Tables {first} and {table}, {', '.join(place)}"
                yield Finding(
                    f"repeat-{first}-{table}-{'-'.join(place)}", where, f"{value} and {p.value}", "one number"
                )


def _conditions(tables: Mapping[int, Sequence[Published]], said: dict[str, Any]) -> Iterator[Finding]:
    """Gains on a condition that no table of theirs has, and the condition that gains as much."""
    for entry in said["gains"]:
        known, metric = _known(tables, entry), entry.get("metric", "rank1")
        for condition, printed in entry["printed"].items():
            if condition not in known:
                places = {c: (entry["dataset"], entry["backbone"], c, metric) for c in known}
                meant = [c for c, place in places.items() if _gain_in(tables, entry, place) == {str(printed)}]
                computed = f"{' or '.join(meant) or 'none'} gains that, and no table has {condition}"
                yield Finding(
                    f"condition-{condition.lower()}", f"{entry['where']}, gains on {entry['dataset']}",
                    f"{condition} + {printed}", computed,
                )  # fmt: skip


def _known(tables: Mapping[int, Sequence[Published]], entry: Mapping[str, Any]) -> list[str]:
    """The conditions that a sentence's tables have for its data set."""
    rows = (p for table in entry["tables"] for p in tables[table] if p.dataset == entry["dataset"])
    return list(dict.fromkeys(p.condition for p in rows))


def _gain_in(tables: Mapping[int, Sequence[Published]], entry: Mapping[str, Any], place: tuple[str, ...]) -> set[str]:
    """The gains at a place in a sentence's tables: more than one where they disagree."""
    return {str(_gain(tables[table], entry["of"], entry["over"], place)) for table in entry["tables"]}


def _gains(tables: Mapping[int, Sequence[Published]], said: dict[str, Any]) -> Iterator[Finding]:
    for entry in said["gains"]:
        metric, wrong = entry.get("metric", "rank1"), {}
        for condition, printed in entry["printed"].items():
            place = (entry["dataset"], entry["backbone"], condition, metric)
            true = _gain_in(tables, entry, place)
            if condition in _known(tables, entry) and true != {str(Decimal(str(printed)))}:
                wrong[condition] = (printed, ", ".join(sorted(true)), _whose(tables, entry["over"], place, printed))
        if wrong:
            printed = ", ".join(f"{c} + {p}" for c, (p, _, _) in wrong.items())
            others = "".join(f"; {p} is what {o} gains on {c}" for c, (p, _, o) in wrong.items() if o)
            computed = ", ".join(f"{c} + {t}" for c, (_, t, _) in wrong.items())
            where = f"{entry['where']}, gains on {entry['dataset']}"
            named = f"Table{'s' * (len(entry['tables']) > 1)} {' and '.join(map(str, entry['tables']))}"
            yield Finding(f"{entry['dataset']}-gains", where, printed, f"{computed} ({named}){others}")


def _at_views(tables: Mapping[int, Sequence[Published]], said: dict[str, Any]) -> Iterator[Finding]:
    for entry in said["at_views"]:
        views, numbers = [str(view) for view in entry["views"]], tables[entry["table"]]
        for backbone in entry["backbones"]:
            lost = {}
            for condition in entry["conditions"]:
                place = (entry["dataset"], backbone, condition, "rank1")
                gains = [_gain(numbers, entry["of"], entry["over"], place, view) for view in views]
                known = [gain for gain in gains if gain is not None]
                assert len(known) == len(views), f"{entry['where']}: Table {entry['table']} lacks a number of {place}"
                if (mean := sum(known, Decimal()) / len(known)) <= 0:
                    lost[condition] = mean
            if lost:
                where = f"{entry['where']}, gains at {', '.join(views)} degrees, {backbone}"
                computed = ", ".join(f"{c} {mean:+.2f}" for c, mean in lost.items())
                printed = f"gains on {' and '.join(entry['conditions'])}"
                yield Finding(f"at-views-{backbone}", where, printed, f"{computed} (mean, Table {entry['table']})")


def _gain(
    numbers: Sequence[Published], of: str, over: str, place: tuple[str, ...], view: str = "mean"
) -> Decimal | None:
    def value(method: str) -> Decimal | None:
        dataset, backbone, condition, metric = place
        key = (dataset, backbone, method, condition, view, metric)
        for p in numbers:
            if (p.dataset, p.backbone, p.method, p.condition, p.view, p.metric) == key and p.variant in OWN:
                return Decimal(p.value)
        return None

    above, below = value(of), value(over)
    return None if above is None or below is None else above - below


def _whose(tables: Mapping[int, Sequence[Published]], over: str, place: tuple[str, ...], printed: float) -> str:
    """Another method whose gain is the printed one: a hint where a slip came from."""
    for numbers in tables.values():
        for method in dict.fromkeys(p.method for p in numbers):
            if method != over and _gain(numbers, method, over, place) == Decimal(str(printed)):
                return method
    return ""


def _schedules(said: dict[str, Any]) -> Iterator[Finding]:
    late: dict[tuple[int, int], list[str]] = {}
    for dataset, schedule in said["schedules"].items():
        steps = sum(epochs * iterations for epochs, iterations in schedule["stages"])
        for milestone in schedule["milestones"]:
            if milestone >= steps:
                late.setdefault((milestone, steps), []).append(dataset)
    for (milestone, steps), datasets in late.items():
        where = f"Table 2, milestones on {' and '.join(datasets)}"
        yield Finding("milestones", where, f"{milestone} steps", f"never reached: training ends after {steps} steps")


def _heads(said: dict[str, Any]) -> Iterator[Finding]:
    odd: dict[tuple[int, int], list[int]] = {}
    for table, degrees in said["heads"].items():
        step = (degrees[-1] - degrees[0]) // (len(degrees) - 1)
        for number, value in enumerate(degrees):
            if value != degrees[0] + number * step:
                odd.setdefault((value, degrees[0] + number * step), []).append(table)
        assert all(b > a for a, b in pairwise(degrees))
    for (value, right), tables in odd.items():
        where = f"Table{'s' * (len(tables) > 1)} {' and '.join(map(str, tables))}, head of a column"
        yield Finding(
            f"column-{right}", where, f"{value} degrees", f"{right} degrees, as the other views' distance has it"
        )


def _citations(tables: Mapping[int, Sequence[Published]], said: dict[str, Any]) -> Iterator[Finding]:
    for entry in said["citations"]:

        def holds(table: int, entry: dict[str, Any] = entry) -> bool:
            rows = [p for p in tables[table] if (p.dataset, p.metric) == (entry["dataset"], entry["metric"])]
            # A sentence about one method over all views and backbones is not about a table that lacks the averages.
            rows = [p for p in rows if p.view == "mean"] if entry.get("average") else rows
            return set(entry["methods"]) <= {p.method for p in rows}

        if not holds(entry["cites"]):
            right = [table for table in tables if holds(table) and table > 2]
            first = right[0] if right else None
            where = f"{entry['where']} cites Table {entry['cites']} for {' and '.join(entry['methods'])}"
            yield Finding(f"citation-table-{first}", where, f"Table {entry['cites']}", f"Table {first}, which has them")


def _senses(said: dict[str, Any]) -> Iterator[Finding]:
    by_name: dict[str, list[dict[str, str]]] = {}
    for entry in said["senses"]:
        by_name.setdefault(entry["of"], []).append(entry)
    for name, entries in by_name.items():
        if len({entry["says"] for entry in entries}) > 1:
            where = " and ".join(entry["where"] for entry in entries)
            printed = "; ".join(entry["says"] for entry in entries)
            yield Finding(entries[0]["decision"], f"{where}, the sense of {name}", printed, "one of the two")
