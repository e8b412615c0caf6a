"""Whom a suite's data sets stand for, and that tables say what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recorded import edit, record, settle

from harness.cli.evidence import cost, evidence_of, headline, histories, means_of, stands_for
from harness.cli.tables import build_grids
from harness.config import load
from harness.errors import UserError
from harness.files import read_json
from harness.tables.grid import CONTROLS


def test_walkers_stand_in_and_tables_say_so(empty, suite_tree):
    suite_tree["suite"]["datasets"] = ["target", "outdoor", "wild"]
    suite_tree["plan"]["datasets"] = ["target", "outdoor", "wild"]
    settle(suite_tree)
    assert stands_for(load()) == {"casia-bn": "target", "outdoor-gait": "outdoor", "grew": "wild"}
    notes = {grid.stem: grid.note for grid in build_grids(load(), ["4", "5"])}
    assert notes == {
        "table4": "Ours for Outdoor-Gait: outdoor (walkers).",
        "table5": "Ours for GREW: wild (walkers).",
    }


def test_real_data_come_first_where_they_are_there_and_tables_say_so(empty, suite_tree):
    suite_tree["suite"]["datasets"] = ["target", "outdoor", "outdoor-gait"]
    for there, taken, said in (
        (["target", "outdoor", "outdoor-gait"], "outdoor-gait", "real data"),
        (["target", "outdoor"], "outdoor", "walkers"),
    ):
        suite_tree["plan"]["datasets"] = there
        settle(suite_tree)
        assert stands_for(load())["outdoor-gait"] == taken
        (grid,) = build_grids(load(), ["4"])
        assert grid.note == f"Ours for Outdoor-Gait: {taken} ({said})."
        assert evidence_of(load()).about["target"] == "walkers"


def test_grews_table_says_which_half_of_the_test_set_it_is_of(empty, suite_tree):
    suite_tree["suite"]["datasets"] = suite_tree["plan"]["datasets"] = ["grew"]
    settle(suite_tree)
    (grid,) = build_grids(load(), ["5"])
    half = "the labelled half of its test set, a sequence of each subject against another"
    assert grid.note == f"Ours for GREW: grew (real data; {half})."


def test_histories_are_those_of_each_seed(recorded):
    found = histories(load(), ("cc", "cc_long", "sf"), "gaitset", "target")
    assert list(found) == ["cc", "sf"] and [len(runs) for runs in found.values()] == [3, 3]
    assert [m["epoch"] for m in found["cc"][0]] == [0, 1]
    Path("results/smoke/epochs/cc-gaitset-target-s0.json").write_text('{"epochs": 3}')
    with pytest.raises(UserError, match="not a file of epochs of this harness: run_id is missing"):
        histories(load(), ("cc",), "gaitset", "target")


def test_machines_of_one_name_are_told_apart_by_their_units(recorded):
    assert "; test (AVX2), one thread a run;" in cost(load())
    path = Path("results/smoke/provenance/cc-gaitset-target-s0.json")
    path.write_text(path.read_text().replace('"AVX2"', '"AVX512", "avx512_bf16"'))
    assert "; test (AVX2), test (AVX512, avx512_bf16), one thread a run;" in cost(load())
    path.write_text(path.read_text().replace('"gpu": null', '"gpu": "a card"'))
    assert "; a card, test (AVX2), one thread a run;" in cost(load())


def test_methods_with_fewer_seeds_are_named(recorded):
    assert "Means over 3 seed(s); ±" in headline(load())
    for seed, method in ((1, "cc"), (2, "cc"), (0, "sf")):
        Path(f"results/smoke/scores/{method}-gaitset-target-s{seed}.json").unlink()
    few = "but fewer for Base (CC) 1, Ours (SF) 2 (claims compare the seeds that both methods have)"
    assert f"Means over 3 seed(s), {few}; ±" in headline(load())


def test_of_controls_too_and_not_of_what_is_no_part_of_the_suite(recorded, suite_tree):
    for control in ("cc_long", "cc_true"):
        path = Path(f"results/smoke/scores/{control}-gaitset-target-s0.json")
        path.write_text(
            Path("results/smoke/scores/cc-gaitset-target-s0.json").read_text().replace('"cc"', f'"{control}"')
        )
    assert "but fewer" not in headline(load())
    suite_tree["suite"]["controls"] = ["cc_long"]
    settle(suite_tree)
    assert f"but fewer for {CONTROLS['cc_long']} 1 (" in headline(load())


def test_a_metric_that_some_seeds_lack(recorded):
    path = Path("results/smoke/scores/cc-gaitset-target-s0.json")
    edit(path, lambda score: (score["conditions"].pop("CL"), score["metrics"].pop("rank1_CL")))
    others = [read_json(path.with_name(f"cc-gaitset-target-s{seed}.json"))["metrics"]["rank1_CL"] for seed in (1, 2)]
    assert means_of(load())["gaitset"]["target"]["cc"]["rank1_CL"] == pytest.approx(sum(others) / 2, abs=1e-4)


def test_means_are_over_the_suites_seeds_and_of_its_own_runs(recorded, suite_tree):
    """What `dvc metrics` shows: a run of a seed or variant that the suite does not name is not in it."""
    files = [json.loads(Path(f"results/smoke/scores/sf-gaitset-target-s{seed}.json").read_text()) for seed in (0, 1)]
    suite_tree["suite"] |= {"seeds": [0, 1], "variants": {"cc": [], "sf": ["a-4"]}}
    settle(suite_tree)
    for variant in ("a-3", "a-4"):
        record("sf", 0, variant)
    own = means_of(load())["gaitset"]["target"]
    assert [run for run in own if run.startswith("sf")] == ["sf", "sf-a-4"]
    assert own["sf"]["seeds"] == 2 and own["sf-a-4"]["seeds"] == 1
    expected = sum(file["metrics"]["rank1_CL"] for file in files) / 2
    assert own["sf"]["rank1_CL"] == pytest.approx(expected, abs=1e-4)
