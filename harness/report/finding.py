"""What was found, in sentences: the main claim, equal steps, the other backbone, all verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.order import Column, in_order
from harness.statistics import ALPHA
from harness.tables.render import chance, signed

MAIN = "sf-cc-cl"
"""SF over the baseline on changed clothes, which the paper takes as its main criterion (section 4.4.1)."""
EQUAL = "sf-equal-compute"
OTHER = "gaitgl-sf-cc-cl"
"""The main claim with the other backbone."""
FAIR = 0.8
"""The chance to find the paper's size from which on it says something that it was not found."""
FEW = 8
"""So many claims are named."""
VERDICTS = ("supported", "refuted", "undecided", "not run")

_ANSWERS = {
    "supported": "Yes, by the paper's main criterion: on changed clothes Selective Fusion gains on its baseline CC",
    "refuted": "No: on changed clothes Selective Fusion loses to its baseline CC",
    "undecided": "Undecided: on changed clothes these runs cannot tell Selective Fusion from its baseline CC",
}
_LEANS = (
    "Undecided: on changed clothes Selective Fusion is {side} its baseline CC, but not beyond chance once {among} "
    "are counted"
)
_COMPUTE_LEANS = "SF is {side} CC trained for as many steps, again not beyond chance once {among} are counted"
_COMPUTE = {
    "supported": "SF also gains on CC trained for as many steps",
    "refuted": "CC trained for as many steps does better",
    "undecided": "These runs cannot tell SF from CC trained for as many steps",
}
_OTHER = {
    "supported": "With GaitGL SF gains on CC",
    "refuted": "With GaitGL SF loses to CC",
    "undecided": "With GaitGL these runs cannot tell SF from CC",
}
_OTHER_LEANS = "With GaitGL SF is {side} CC, not beyond chance once {among} are counted"


def findings(
    claims: Sequence[Mapping[str, Any]], found: Sequence[Column] = (), fewer: str = "", brief: bool = False
) -> list[str]:
    """Sentences on claims as `harness claims --json` prints them, and on the order of the methods in ``found``.

    The first says what became of the main claim, where that is among them.

    fewer: methods that lack seeds, with how many they have; brief: the main claims and the verdicts' number.
    """
    by_key = {claim["claim"]: claim for claim in claims}
    said = [] if claims else ["There are no claims to judge."]
    if main := by_key.get(MAIN):
        if main["verdict"] == "not run":
            said.append(f"Not known yet: {main['reason']}.")
        else:
            answer = _interim(main, fewer) if fewer else _answer(main, _ANSWERS, _LEANS)
            why = f"; {main['reason']}" if main["reason"] and not brief else ""
            said.append(f"{answer} ({_points(main)}; the paper: {signed(main['paper'])}{why}).")
    if (equal := by_key.get(EQUAL)) and equal["verdict"] in _COMPUTE:
        said.append(f"{_answer(equal, _COMPUTE, _COMPUTE_LEANS)} ({_points(equal)}){_of_the_gain(main, equal)}.")
    elif main and equal and main["verdict"] != "not run":
        said.append("CC trained for as many steps has not run.")
    if (other := by_key.get(OTHER)) and other["verdict"] in _OTHER and other["difference"] is not None:
        said.append(f"{_answer(other, _OTHER, _OTHER_LEANS)} ({_points(other)}; the paper: {signed(other['paper'])}).")
    papers, own = ([c for c in claims if (c["table"] == "controls") == asked] for asked in (False, True))
    if papers:
        said.append(f"Of {len(papers)} claims of the paper {_counts(papers)}.")
    sized = [c for c in papers if c["paper_outside"] is not None]
    if fair := [c for c in sized if (c["power"] or 0.0) >= FAIR]:
        outside = sum(c["paper_outside"] for c in fair)
        which = f" ({', '.join(c['claim'] for c in fair)})" if len(fair) <= FEW else ""
        said.append(
            f"Of {len(sized)} with a size in the paper these runs would find that size four times in five in "
            f"{len(fair)}{which}; of these it lies outside our 95 % interval in {outside}."
        )
    ordered = in_order(found)
    if brief:
        return [*said, ordered] if ordered else said
    tested = sum(c["p_holm"] is not None for c in claims)
    if apart := families(claims):
        said.append(apart)
    elif 0 < tested < len(claims):
        said.append(f"Holm's correction is over the {tested} claims that could be tested here, of {len(claims)}.")
    if sized:
        outside = sum(c["paper_outside"] for c in sized)
        said.append(
            "A verdict says on which side of its bound a difference lies, not how large it is: the paper's size lies "
            f"outside our 95 % interval, which is before correction, in {outside} of {len(sized)}."
        )
    if own:
        said.append(f"Of {len(own)} questions that the paper leaves open {_counts(own)}.")
    if ordered:
        said.append(ordered)
    return said


def families(claims: Sequence[Mapping[str, Any]]) -> str:
    """Which claims share Holm's correction, where any family has a name; else nothing, as all share it."""
    members: dict[str, list[str]] = {}
    for claim in claims:
        members.setdefault(claim["family"], []).append(claim["claim"])
    if not any(members):
        return ""
    named = "; ".join(f"{name or 'of no name, those run'}: {', '.join(keys)}" for name, keys in members.items())
    return f"Holm's correction is over each family of claims by itself, run or not ({named})."


def _answer(claim: Mapping[str, Any], answers: Mapping[str, str], leans: str) -> str:
    """``leans``: where only the number of claims leaves the verdict open."""
    if claim["verdict"] == "undecided" and claim["p"] is not None and claim["p"] < ALPHA:
        among = f"the {claim['family']} claims" if claim["family"] else "all claims"
        return leans.format(side="above" if claim["difference"] > 0 else "below", among=among)
    return answers[claim["verdict"]]


def _interim(main: Mapping[str, Any], fewer: str) -> str:
    """Where an unfinished suite stands, without its verdict: one that was looked for early is none."""
    unfinished = f"No answer yet, as the suite is unfinished, with fewer seeds of some methods ({fewer})"
    if main["difference"] is None:
        return unfinished
    side = "above" if main["difference"] > 0 else "not above"
    return f"{unfinished}; in what has run Selective Fusion is {side} its baseline CC on changed clothes"


def _of_the_gain(main: Mapping[str, Any] | None, equal: Mapping[str, Any]) -> str:
    """How far CC trained longer is above CC, where that lies between CC and SF and all are of as many seeds."""
    if not main or None in (main["difference"], equal["difference"]) or main["seeds"] != equal["seeds"]:
        return ""
    gain, left = (round(claim["difference"], 1) for claim in (main, equal))
    if not 0 < gain - left <= gain:
        return ""
    return f"; trained so long CC itself is {gain - left:.1f} points higher, which was not tested"


def _points(claim: Mapping[str, Any]) -> str:
    if claim["difference"] is None:
        return "no test"
    low, high = claim["interval"]
    # Of a claim that would not even stand alone the interval says as much.
    tested = claim["p_holm"] is not None and (claim["claim"] == MAIN or claim["p"] < ALPHA)
    luck = f", p = {chance(claim['p'])}, after Holm {chance(claim['p_holm'])}".replace("= <", "<") if tested else ""
    return f"{signed(claim['difference'])} points, 95 % {signed(low)} to {signed(high)}{luck}"


def _counts(claims: Sequence[Mapping[str, Any]]) -> str:
    numbers = {name: sum(c["verdict"] == name for c in claims) for name in VERDICTS}
    return ", ".join(f"{number} {'are' if number != 1 else 'is'} {name}" for name, number in numbers.items())
