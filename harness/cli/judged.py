"""Every claim with its verdict, from a suite's records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cli.evidence import evidence_of, main_labels
from harness.config import Settings
from harness.errors import UserError, nearest
from harness.registry import names


def judged(settings: Settings, path: Path | None = None, source: str = "params.yaml") -> list[Any]:
    """Every claim of a file with its verdict (:class:`harness.claims.judge.Judged`).

    By default the suite's own file, or the paper's claims where it has none. source: where the settings are from.
    """
    from harness.claims.claim import read_claims
    from harness.claims.judge import judge
    from harness.claims.sweep import laid_out

    evidence = evidence_of(settings)
    if path is None and settings.suite.claims is not None:
        path = Path(settings.suite.claims)
        if not path.is_file():
            raise UserError(f"{path}: no such file, though {source}'s suite.claims names it; bring it, or set null")
    swept = {method: [settings.variants[v].label for v in keys] for method, keys in settings.suite.variants.items()}
    claims = read_claims(path)
    known, listed = names("method"), path or "harness/published/claims.yaml"
    for claim in claims:
        for method in (run.partition(" ")[0] for part in claim.parts for run in part.gain):
            if method not in known:
                raise UserError(f"{listed}: claim '{claim.key}': unknown method '{method}'; {nearest(method, known)}")
    claims = laid_out(claims, swept, {method: main_labels(settings, method) for method in swept})
    return judge(claims, evidence.outcomes, dict(evidence.stands_for), evidence.outcomes_at)


def row(one: Any) -> dict[str, Any]:
    """A verdict as plain numbers and words, nothing rounded.

    part: the weakest of several, which the numbers are of; None where there is one or nothing was tested.
    paper_outside: whether the paper's size lies outside the interval.
    """
    test = one.test
    return {
        "claim": one.claim.key,
        "family": one.claim.family,
        "says": one.claim.says,
        "where": one.claim.where,
        "table": one.claim.table,
        "metric": one.claim.metric,
        "dataset": one.claim.dataset,
        "backbone": one.claim.backbone,
        "asks": [part.asked for part in one.claim.parts],
        "methods": list(dict.fromkeys(method for part in one.claim.parts for method in part.gain)),
        "verdict": one.decision,
        "reason": one.reason,
        "part": one.part.words if one.part and len(one.claim.parts) > 1 else None,
        "paper": one.paper,
        "paper_outside": one.outside,
        "difference": test and test.difference,
        "interval": test and list(test.interval),
        "effect": test and test.effect,
        "seeds": test and test.seeds,
        "people": test and test.people,
        "p": one.p,
        "p_holm": one.adjusted,
        "power": one.power,
        "detectable": one.detectable,
    }
