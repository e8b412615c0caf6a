"""The CSVs against the paper's tables as they stand in its text (printed.txt, line by line), cell for cell.

printed.txt is cut from the text by its tabs; nothing in it was typed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.published import TABLES, published

PRINTED = Path(__file__).with_name("printed.txt")
VIEWS = [str(18 * column) for column in range(11)]
"""By place: the text calls the ninth 134 degrees (slips.yaml)."""
METHODS = {
    "Upper": "upper", "Pretrain": "pretrain", "Base (CC)": "cc", "Ours (SF)": "sf", "Base": "cc", "Base + SSF": "ssf",
    "Base+SSF": "ssf", "Base + SCF": "scf", "Ours": "sf", "GaitSSB*": "gaitssb",
}  # fmt: skip
VARIANTS = {
    r"Ours ($\alpha = 4$)": "a=4", r"Ours ($\alpha = 3$)": "a=3", r"Ours ($\alpha = 2$)": "a=2",
    r"Ours (λ_{base})": "curriculum-rate=constant", r"Ours (λ)": "curriculum-rate=adaptive",
}  # fmt: skip
CONDITIONS = ["NM", "BG", "CL"]
THREE_SETS = [*(("casia-bn", c) for c in CONDITIONS), *(("outdoor-gait", c) for c in CONDITIONS), ("grew", "all")]

Place = tuple[str, str, str, str, str, str, str]
"""Data set, backbone, method, variant, condition, view, metric."""


def rows(table: int) -> list[tuple[list[str], list[str]]]:
    """(words, numbers) of each line with numbers; empty words take those of the line above."""
    text = PRINTED.read_text().split(f"TABLE {table}\n")[1].split("TABLE ")[0]
    out: list[tuple[list[str], list[str]]] = []
    above: list[str] = []
    for line in text.splitlines():
        cells = line.split("\t")
        numbers = [cell for cell in cells if re.fullmatch(r"\d+\.\d", cell)]
        if numbers:
            words = cells[: len(cells) - len(numbers)]
            above = [word or (above[i] if above else "") for i, word in enumerate(words)]
            out.append((above, numbers))
    return out


def places(table: int, words: list[str]) -> list[Place]:
    """What each number of a line is about."""
    *outer, name = words
    method, variant = METHODS.get(name, "sf"), VARIANTS.get(name, "")
    assert name in METHODS or name in VARIANTS, name
    backbone = outer[0].lower() if outer else "gaitset"
    if table in (3, 7):
        columns = [("casia-bn", outer[1], view, "rank1") for view in (VIEWS if table == 7 else [*VIEWS, "mean"])]
    elif table == 5:
        columns = [("grew", "all", "mean", metric) for metric in ("rank1", "rank5")]
    else:
        dataset = "outdoor-gait" if table == 4 else "casia-bn"
        pairs = {6: THREE_SETS, 10: [*THREE_SETS[:3], THREE_SETS[6]]}.get(table, [(dataset, c) for c in CONDITIONS])
        columns = [(d, c, "mean", "rank1") for d, c in pairs]
    return [(d, backbone, method, variant, condition, view, metric) for d, condition, view, metric in columns]


def printed(table: int) -> dict[Place, str]:
    found: dict[Place, str] = {}
    for words, numbers in rows(table):
        for place, number in zip(places(table, words), numbers, strict=True):
            assert place not in found
            found[place] = number
    return found


def carried(table: int) -> dict[Place, str]:
    return {
        (p.dataset, p.backbone, p.method, p.variant, p.condition, p.view, p.metric): p.value for p in published(table)
    }


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_is_as_printed(table: int) -> None:
    assert carried(table) == printed(table)


def test_all_425_numbers_of_the_text_are_compared() -> None:
    """So that the test above cannot pass by finding nothing; the text has no other number of this form."""
    assert sum(len(printed(table)) for table in TABLES) == 425
    assert len(re.findall(r"(?<![\d.])\d+\.\d(?![\d.])", PRINTED.read_text())) == 425
