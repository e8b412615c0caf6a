"""What a report says, whatever it is written as."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.report.beside import Beside
from harness.report.finding import families
from harness.tables.grid import Grid
from harness.tables.render import ABSENT, OUTSIDE, chance, signed


@dataclass(frozen=True)
class Drawing:
    """A figure: its caption, what it is for those who do not see it, and what gives its "svg" and its "png"."""

    name: str
    caption: str
    instead: str
    render: Callable[[str], bytes] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Report:
    """All that a report says, ready to be laid out.

    claims: rows as `harness claims --json` prints them; missing: figure -> why it is not there; pseudo_labels: "gaitset
    on target" -> rows under :data:`harness.report.diagnosis.HEADS`; diagnosis: the same -> (question, what the epochs
    say); order, views: rows under the HEADS of :mod:`harness.report.order` and ``views``; twins: names of runs with the
    same weights; again: what was computed once more, rows under the HEADS of ``again``, and again_said in one sentence;
    costs: rows under :data:`COSTS`; digests: (what, digest); decisions: (key, in use, alternatives);
    runs: group ("sf-gaitset-target") -> its runs' provenance by stem; links: cell key -> group of its runs; beside:
    another suite with the same people, on request.
    """

    suite: str
    title: str
    findings: list[str]
    headline: str
    cost: str
    grids: Sequence[Grid]
    drawings: Sequence[Drawing]
    missing: Mapping[str, str]
    claims: Sequence[Mapping[str, Any]]
    pseudo_labels: Mapping[str, Sequence[tuple[str, ...]]]
    diagnosis: Mapping[str, Sequence[tuple[str, str]]]
    order: Sequence[tuple[str, ...]]
    views: Sequence[tuple[str, ...]]
    twins: Sequence[tuple[str, ...]]
    again: Sequence[tuple[str, ...]]
    again_said: str
    costs: Sequence[tuple[str, str, str, str]]
    digests: Sequence[tuple[str, str]]
    slips: Sequence[tuple[str, str, str]]
    stale: Sequence[Mapping[str, str]]
    decisions: Sequence[tuple[str, str, str]]
    environment: Mapping[str, str]
    runs: Mapping[str, Mapping[str, Mapping[str, Any]]]
    links: Mapping[str, str] = field(default_factory=dict)
    mlflow: str = ""
    beside: Beside | None = None


COSTS = ("runs of", "how many", "minutes each", "minutes in all")
ABOUT_COSTS = (
    "Minutes by the clock, beside whatever else ran there, since the run was last begun: of one that was stopped and "
    "gone on with, what came before is not in them."
)
_ABOUT_CLAIMS = (
    "Paired bootstrap over test subjects and seeds; Holm's correction over all claims {whose}. All parts of a "
    "claim must hold: the numbers, the paper's among them, are those of its weakest. †: the paper's size lies outside "
    "the interval, which is before any correction, as the first p is. Effect: the difference in "
    "standard deviations between people. Power: the chance to find the paper's size, where it gives one; "
    "the last number is what would be found four times in five, both after the correction."
)


def about_claims(claims: Sequence[Mapping[str, Any]]) -> str:
    """What the columns of the claims mean, and which of them share a correction."""
    apart = families(claims)
    return " ".join(filter(None, (_ABOUT_CLAIMS.format(whose="of a family" if apart else "that were run"), apart)))


def grouped(claims: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The claims under headings: those of each named family, then the paper's and what it leaves open."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for claim in claims:
        if claim["family"]:
            groups.setdefault(f"Claims: {claim['family']}", []).append(claim)
    for title, asked in (("Claims of the paper", False), ("Questions that the paper leaves open", True)):
        own = [c for c in claims if not c["family"] and (c["table"] == "controls") == asked]
        if own or not groups:
            groups[title] = own
    return list(groups.items())


ABOUT_DIAGNOSIS = (
    "Does each step do what the paper says of it? Pseudo-labels against the truth, which no method sees. The tables "
    "are first epoch → last, as are s_c and purity in the lines below them; shares there are of the last epoch, what "
    "is dissolved and re-assigned and the cosine of all. Means over seeds."
)
ABOUT_ORDER = (
    "Values of rendered people cannot be compared with the paper's; which method beats which can. A pair is in the "
    "paper's order where the same of two methods has the higher mean; ties are not. No chance is weighed here."
)
ABOUT_TWINS = "Runs that ended with the same weights, bit for bit: what tells their methods apart did nothing there."
MAIN_HEADS = ("does SF gain?", "paper", "ours", "95 %", "p (Holm)", "verdict")
_MAIN = {
    "sf-cc-nm": "on CC, NM", "sf-cc-bg": "on CC, BG", "sf-cc-cl": "on CC, CL",
    "sf-equal-compute": "on CC trained for as many steps, CL",
    "gaitgl-sf-cc-nm": "on CC, NM, GaitGL", "gaitgl-sf-cc-bg": "on CC, BG, GaitGL",
    "gaitgl-sf-cc-cl": "on CC, CL, GaitGL",
}  # fmt: skip
"""SF on its baseline, as the paper claims it, and the question that its steps leave open."""
NUMBERS = ("paper", "ours", "95 %", "effect", "p", "p (Holm)", "power", "80 % finds")


def part_of(claim: Mapping[str, Any]) -> str:
    """Which part the numbers are of, where a claim has several; else nothing."""
    return f"numbers of its weakest part, {claim['part']}" if claim["part"] else ""


def numbers_of(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """A verdict's numbers under :data:`NUMBERS`, rounded for readers."""

    def shown(key: str, form: str) -> str:
        return ABSENT if claim[key] is None else format(claim[key], form)

    low_high = claim["interval"]
    interval = ABSENT if low_high is None else f"{signed(low_high[0])} to {signed(low_high[1])}"
    return (
        signed(claim["paper"]) + (OUTSIDE if claim["paper_outside"] else ""), signed(claim["difference"]), interval,
        signed(claim["effect"], 2), chance(claim["p"]), chance(claim["p_holm"]), shown("power", ".0%"),
        shown("detectable", ".1f"),
    )  # fmt: skip


def main_claims(claims: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows under :data:`MAIN_HEADS` of what was run of SF on its baseline."""
    by_key = {claim["claim"]: claim for claim in claims}
    rows = []
    for key, words in _MAIN.items():
        if (claim := by_key.get(key)) and claim["verdict"] != "not run":
            paper, ours, interval, *_, holm, _, _ = numbers_of(claim)
            rows.append((words, paper, ours, interval, holm, claim["verdict"]))
    return rows
