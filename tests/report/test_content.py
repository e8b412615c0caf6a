"""What stands on the report's pages, and in which order."""

from __future__ import annotations

from harness.report.content import grouped


def claim(key: str, family: str = "", table: int | str = 3) -> dict[str, object]:
    return {"claim": key, "family": family, "table": table}


def shown(*claims: dict[str, object]) -> list[tuple[str, list[object]]]:
    return [(title, [one["claim"] for one in own]) for title, own in grouped(claims)]


def test_the_papers_claims_stand_apart_from_what_it_leaves_open() -> None:
    paper, open_ = "Claims of the paper", "Questions that the paper leaves open"
    assert shown(claim("a"), claim("b", table="controls"), claim("c")) == [(paper, ["a", "c"]), (open_, ["b"])]
    assert shown(claim("b", table="controls")) == [(paper, []), (open_, ["b"])]
    assert shown() == [(paper, [])]


def test_a_family_with_a_name_stands_by_itself() -> None:
    own = [claim("a", "first"), claim("b", "last"), claim("c", "first", "controls"), claim("d", table="controls")]
    open_ = "Questions that the paper leaves open"
    assert shown(*own) == [("Claims: first", ["a", "c"]), ("Claims: last", ["b"]), (open_, ["d"])]
