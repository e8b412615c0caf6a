"""Claims about a whole sweep ("cc n=*"), laid out over the values that a suite has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.claims.claim import Claim, Part

Labels = Mapping[str, Sequence[str]]
"""Method -> labels such as "n=20"."""


def laid_out(claims: Sequence[Claim], swept: Labels, own: Labels) -> list[Claim]:
    """The claims with a part for each other value of a sweep in the place of the one with a star.

    swept: labels of the variants that the suite runs; own: those that the method as it is equals. Where the suite has
    no other value the star stays, and no run has that name.
    """
    return [
        claim.model_copy(update={"parts": tuple(each for part in claim.parts for each in _each(part, swept, own))})
        for claim in claims
    ]


def _each(part: Part, swept: Labels, own: Labels) -> tuple[Part, ...]:
    method, _, star = part.gain[1].partition(" ")
    if not star.endswith("=*"):
        return (part,)
    claimed = part.gain[0].partition(" ")[2]
    best = {claimed} if claimed else set(own.get(method, ()))
    values = dict.fromkeys((*swept.get(method, ()), *own.get(method, ())))
    others = [label for label in values if label.startswith(star.removesuffix("*")) and label not in best]
    return tuple(part.model_copy(update={"gain": (part.gain[0], f"{method} {label}")}) for label in others) or (part,)
