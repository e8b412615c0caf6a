"""Pseudo-labels against the truth, first epoch to last, and what they say of each step."""

from __future__ import annotations

from harness.report.diagnosis import HEADS, answers, table

RUNS = {
    "cc": [[{"clusters": 10, "purity": 0.5}, {"clusters": 20, "purity": 0.75}]],
    "sf": [
        [{"clusters": 30, "support_same": 0.1, "clothes_joined": 0.4}, {"clusters": 40, "support_same": 0.2}],
        [{"clusters": 32, "support_same": 0.3}, {"clusters": 44, "support_same": 0.4}],
    ],
    "upper": [[{"loss": 1.0}]],
}


def test_first_and_last_epoch_are_means_over_seeds():
    rows = {row[0]: dict(zip(HEADS, row, strict=True)) for row in table(RUNS)}
    assert set(rows) == {"cc", "sf"}  # what does not cluster has no row
    assert rows["sf"]["clusters"] == "31 → 42" and rows["cc"]["purity"] == "50 → 75 %"
    assert rows["sf"]["support-set partners that are the same person"] == "20 → 30 %"
    assert rows["cc"]["outliers"] == "—"


def epochs(*rows: dict[str, float]) -> list[list[dict[str, float]]]:
    """Two seeds that differ by nothing."""
    return [list(rows), list(rows)]


MIXED = {"clothes_joined": 0.12, "clusters": 160.0, "purity": 0.96}
ALL = {
    "cc": epochs({**MIXED, "purity": 0.9}, MIXED),
    "ssf": epochs(
        {**MIXED, "ssf_dissolved_sequences": 100, "ssf_reassigned": 0, "ssf_bound": 0.7},
        {**MIXED, "ssf_dissolved_sequences": 600, "ssf_reassigned": 100, "reassigned_right": 0.85, "ssf_bound": 0.6},
        {**MIXED, "ssf_dissolved_sequences": 500, "ssf_reassigned": 200, "reassigned_right": 0.25, "ssf_bound": 0.5,
         "purity": 0.92},
    ),
    "sf": epochs({"ssf_bound": 0.7}, {"ssf_bound": 0.48}),
    "sf-rate-constant": epochs({"ssf_bound": 0.7}, {"ssf_bound": 0.45}),
    "scf": epochs({**MIXED, "support_same": 0.1, "support_clothes": 0.0, "scf_own_similarity": 0.97},
                  {**MIXED, "support_same": 0.5, "support_clothes": 0.08, "scf_own_similarity": 0.99}),
    "cc_true": epochs({"clusters": 40.0}),
    "cc_true_clothes": epochs({"clusters": 80.0}),
}  # fmt: skip


def test_each_question_is_answered_with_its_numbers():
    said = dict(answers(ALL))
    assert said["Are clusters people?"] == (
        "cc 160 clusters of purity 96 %; ssf 160 clusters of purity 92 %; scf 160 clusters of purity 96 %; "
        "there are 40 people and 80 people x clothes"
    )
    (dissolved,) = (text for question, text in said.items() if question.startswith("SSF"))
    assert dissolved == (
        "ssf: of 400 that an epoch dissolves 100 are re-assigned, 45 % of these to a cluster of their own person; "
        "purity 96 → 92 %"
    )
    (partners,) = (text for question, text in said.items() if question.startswith("SCF"))
    assert partners == (
        "scf: 50 % are, 8 % in other clothes; 12 % of clusters join clothes of one person; cc: 12 % join them; "
        "the simulated change of clothes leaves a centroid at a cosine of 0.98 to itself"
    )
    assert said["Does the curriculum's rate matter?"] == (
        "ssf: s_c from 0.700 to 0.500; sf: s_c from 0.700 to 0.480; sf-rate-constant: s_c from 0.700 to 0.450; "
        "adaptive and constant are at most 0.030 apart"
    )


def test_what_no_run_can_answer_is_not_asked():
    assert answers({}) == [] and answers({"upper": epochs({"loss": 1.0})}) == []
    assert [question for question, _ in answers({"cc": ALL["cc"]})] == ["Are clusters people?"]
    assert answers({"sf": epochs({"ssf_bound": 0.7})}) == [
        ("Does the curriculum's rate matter?", "sf: s_c from 0.700 to 0.700")
    ]
