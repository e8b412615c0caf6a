"""Benchmarks: that both sides do the same work, that turns are taken, and what the figures say."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from harness.bench import hardware, material, measure, schedule, train, turns
from harness.bench.hardware import Hardware, Work
from harness.bench.measure import Figure
from harness.bench.plain import epoch, files
from harness.bench.plain.networks import PlainGaitGL, PlainGaitSet
from harness.bench.turns import EnoughError, Tick, Times, take_turns
from harness.cli import app
from harness.clustering.infomap import Clustering
from harness.errors import UserError
from harness.testing.tiny import shrink, smoke_tree
from models.gaitgl import GaitGL
from models.gaitset import GaitSet


def test_the_plain_gaitset_is_gaitset():
    torch.manual_seed(0)
    plain, ours = PlainGaitSet((4, 6, 8), 5), GaitSet((4, 6, 8), 5, "none", "stacked")
    stages = (plain.first.layer, plain.second.layer, plain.third.layer)
    pairs = [*zip(stages, ours.frame_stages), *zip((plain.set_second, plain.set_third), ours.set_stages)]
    for one, two in pairs:
        for number in (0, 2):
            two[number].weight.data.copy_(one[number].weight)  # pyright: ignore
    ours.head.weight.data.copy_(plain.head)
    frames = torch.rand(3, 7, 64, 44)
    torch.testing.assert_close(ours(frames, torch.full((3,), 7)), plain(frames), rtol=1e-4, atol=1e-6)


def test_the_plain_gaitgl_is_gaitgl():
    torch.manual_seed(0)
    plain = PlainGaitGL((4, 6, 8), 5)
    ours = GaitGL((4, 6, 8), 5, doubled=False, halving=3, head="norm", head_init="stacked")
    ours.stem[0].weight.data.copy_(plain.stem[0].weight)  # pyright: ignore
    ours.aggregate.weight.data.copy_(plain.aggregate[0].weight)  # pyright: ignore
    for stage, block in zip(ours.stages, (plain.first, plain.second, plain.third)):
        stage[0].whole.weight.data.copy_(block.whole.weight)  # pyright: ignore
        stage[0].local.weight.data.copy_(block.part.weight)  # pyright: ignore
    ours.head.weight.data.copy_(plain.head)
    ours.norm.norm.weight.data.copy_(plain.norm.weight)  # pyright: ignore
    frames = torch.rand(3, 7, 64, 44)
    torch.testing.assert_close(ours(frames, torch.full((3,), 7)), plain(frames), rtol=1e-4, atol=1e-5)


def test_the_plain_clusters_are_ours():
    rows = material.clustered(60, 6, 32, noise=0.3)
    labels = epoch.cluster(rows, 8, 0.5, 1)
    ours = Clustering(True, False, 2, 1, "exact", 1).fit(torch.from_numpy(rows), 8, 0.5).labels
    pairs = set(zip(labels.tolist(), ours.tolist(), strict=True))
    assert len(pairs) == len(set(labels.tolist())) == len(set(ours.tolist())) == 6


def test_files_hold_what_was_written(tmp_path):
    walks = material.sequences(3, 9, spread=2)
    paths = files.write(tmp_path, walks)
    np.testing.assert_allclose(files.read(paths[1]), walks[1] / 255, rtol=1e-6)
    batch = files.batch(paths, 4, ordered=True, rng=np.random.default_rng(0))
    assert batch.shape == (3, 4, 64, 44) and batch.min() >= 0 and batch.max() == 1


def quick(size: dict[str, Any], tick: Tick) -> None:
    tick()
    while True:
        time.sleep(size["nap"])
        tick()


def slow(size: dict[str, Any], tick: Tick) -> None:
    tick()
    while True:
        time.sleep(3 * size["nap"])
        tick()


def dying(size: dict[str, Any], tick: Tick) -> None:
    tick()
    tick()
    os._exit(3)


def test_turns(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "path", [*sys.path, str(__import__("pathlib").Path(__file__).parent)])
    taken = take_turns({"ours": "test_bench:quick", "plain": "test_bench:slow"}, {"nap": 0.1}, 3, 1)
    assert [len(times.wall) for times in taken.values()] == [3, 3]
    assert 0.1 <= taken["ours"].median < 0.3 <= taken["plain"].median
    with pytest.raises(UserError, match="process of 'ours' ended"):
        take_turns({"ours": "test_bench:nothing"}, {}, 1, 0)
    capfd.readouterr()
    with pytest.raises(UserError, match="process of 'ours' ended"):
        take_turns({"ours": "test_bench:dying", "plain": "test_bench:quick"}, {"nap": 0.0}, 3, 0)
    assert "Traceback" not in capfd.readouterr().err
    with pytest.raises(EnoughError):
        raise turns.EnoughError


def test_figures():
    ours, plain = Times([1.0, 2.0, 1.5], [1.0, 1.0, 1.0]), Times([4.0, 4.0, 6.0], [3.0, 3.0, 3.0])
    work, more = Work(3e9, 8.0), {"batch_share": 0.01}
    figure = Figure("train", "optimiser step", "steps", {"frames": 3}, ours, plain, work, 0.75, 4e9, more)
    found = json.loads(json.dumps(figure.as_json()))
    assert found["seconds"] == 1.5 and found["ratio"] == statistics.median([4, 2, 4])
    assert found["ratio_spread"] == [2, 4] and found["cpu_ratio"] == 3 and found["of_the_bound"] == 0.5
    assert found["flops"] == 2e9 and found["flop_utilisation"] == 0.5
    assert "4.00 x" in figure.line() and "50% of the bound" in figure.line()
    assert figure.line().endswith(", FLOP utilisation 50% (2 GFLOP/s), batch share 1.00%")
    about = {**train.SIZE, "device": "cpu", "precision": "bf16"}
    assert replace(figure, size=about).remarks()[-1] == "asked 3.0: met"
    assert replace(figure, size={**about, "precision": "fp32"}, plain=ours).remarks()[-1] == "asked 1.3: missed"
    assert "asked" not in replace(figure, size={**about, "frames": 2}).line()  # nobody asked about these
    copied = Figure("prepare", "preparation", "data sets", {}, ours, plain, Work(0.0, 8.0), 0.75, 4e9, {})
    assert copied.remarks() == []


def test_the_bound_is_the_scarcer_resource(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hardware, "_SIDE", 256)
    machine = Hardware(fp32=100.0, bf16=200.0, copy=10.0)
    assert machine.seconds(Work(1000, 10)) == 10 and machine.seconds(Work(1000, 10, "bf16")) == 5
    assert machine.seconds(Work(1000, 1000)) == 100
    measured = hardware.measure(torch.device("cpu"), 1, repeats=1)
    assert measured.fp32 > 1e9 and measured.copy > 1e8


def test_a_slow_product_is_measured_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hardware, "_ENOUGH", 0.0)
    turns = []
    assert hardware._least(lambda: turns.append(sum(range(10**5))), torch.device("cpu"), 1, repeats=9) > 0
    assert len(turns) == 1
    monkeypatch.setattr(hardware, "_ENOUGH", 1e9)
    hardware._least(lambda: turns.append(0), torch.device("cpu"), 1, repeats=9)
    assert len(turns) == 11


@pytest.mark.parametrize("part", [part for part in measure.PARTS if part != "prepare"])
def test_work_is_counted(part: str):
    ((_, size),) = measure.plan([part], {}, {"threads": 1, "precision": "fp32", "device": "cpu"})
    assert __import__("importlib").import_module(measure.PARTS[part]).work(size).bytes > 0


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("train", "frames", "abc", "a whole number of 1 or more"),
        ("train", "frames", 0, "a whole number of 1 or more"),
        ("end-to-end", "s_up", "low", "a number is expected"),
        ("extract", "backbone", "gaitse", "did you mean 'gaitset'?"),
        ("extract", "spread", 20, "19 at most, as length is 20"),
        ("cluster", "count", 20, "20 at most, as count is 20"),
    ],
)
def test_sizes_that_are_none(part: str, key: str, value: Any, said: str):
    with pytest.raises(UserError, match=r"--size [a-z_0-9]+=") as caught:
        measure.plan([part], {key: value}, {"threads": 1, "precision": "fp32", "device": "cpu"})
    assert said in str(caught.value)


def test_sizes_that_a_part_does_not_have():
    with pytest.raises(UserError, match="did you mean 'frames'"):
        measure.plan(["train"], {"frame": 3}, {})
    with pytest.raises(UserError, match="--size frame: no part has such a size; did you mean 'frames'"):
        measure.plan(["train", "score"], {"frame": 3}, {})
    every = measure.plan(["train", "score"], {"frames": 3}, {})
    assert [(name, size.get("backbone")) for name, size in every] == [
        ("train", "gaitset"), ("train", "gaitgl"), ("score", None),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_whole_part(monkeypatch: pytest.MonkeyPatch, root):
    monkeypatch.chdir(root)
    monkeypatch.setattr(hardware, "_SIDE", 256)  # without units for bf16 a product of the real side takes seconds
    common = {"threads": 1, "precision": "fp32", "device": "cpu"}
    few = {
        "count": 8,
        "length": 5,
        "spread": 1,
        "steps": 1,
        "subjects": 2,
        "sequences": 2,
        "frames": 3,
        "neighbours": 4,
    }
    ((name, size),) = measure.plan(["end-to-end"], few, common)
    figure = measure.measure(name, size, repeats=1, warm_up=0)
    assert figure.ours.median > 0 and figure.plain.median > 0 and figure.bound > 0
    page = measure.page([figure], common, 1, 0)
    assert "| epoch of CC |" in page and "FLOP utilisation" in page
    other = "\n## Another machine, 1 cores\n\nkept\n"
    renewed = measure.page([figure], common, 2, 0, page + other)
    assert renewed == page.replace("1 turns", "2 turns") + other
    assert measure.page([figure], common, 1, 0, "# Performance\n\nold\n" + other) == page.replace(
        "\n## ", other + "\n## "
    )
    two = {**common, "threads": 2}
    ((name, size),) = measure.plan(["prepare"], {"sequences": 3, "length": 4}, two)
    prepared = measure.measure(name, size, repeats=1, warm_up=0)
    assert (
        prepared.ours.cpu[0] > 5 * prepared.plain.cpu[0]
    )  # that of its workers is counted, who start up for few frames
    report = json.loads(json.dumps(measure.report([figure], common)))
    assert report["hardware"]["fp32"] > 0 and report["commit"] and report["environment"]["cpu"]
    assert [found["name"] for found in report["figures"]] == ["end-to-end"]


def test_a_gpu_gets_sizes_that_fill_it_and_no_part_of_a_cpu():
    cuda, cpu = (dict(measure.plan(list(measure.PARTS), {}, {"device": d})) for d in ("cuda", "cpu"))
    assert cpu.keys() - cuda.keys() == {"prepare", "generate"}
    assert cuda["train"]["subjects"] == 8 and cuda["train"]["sequences"] == 16 and cuda["train"]["frames"] == 30
    assert all(cuda[name].keys() == cpu[name].keys() for name in cuda)
    ((_, size),) = measure.plan(["prepare"], {}, {"device": "cuda"})  # by its name it is measured all the same
    assert size["sequences"]


def test_made_up_people_are_the_training_set_of_casia_b():
    frames, pool = material.people(2, 9, 3)
    assert len(pool) == 220 and len(frames) == pool.length.sum() and set(pool.length.tolist()) <= set(range(6, 13))
    assert np.array_equal(pool.start[1:], np.cumsum(pool.length)[:-1]) and pool.labels is None
    assert torch.equal(material.people(2, 9, 3)[0], frames) and not torch.equal(material.people(2, 9, 3, 1)[0], frames)
    assert material.front_back(220).mean() == 2 / 11
    side, front = (float(frames[pool.start[n] : pool.start[n] + 6].float().std(dim=0).mean()) for n in (5, 0))
    assert side > front > 0  # legs are seen to swing from the side


def test_the_schedule(monkeypatch: pytest.MonkeyPatch):
    settings = shrink(smoke_tree())
    monkeypatch.setattr(material, "paper_settings", lambda size: settings)
    monkeypatch.setattr(hardware, "_SIDE", 256)
    size = {"backbone": "gaitset", "people": 1, "length": 6, "spread": 2, "threads": 1, "precision": "fp32"}
    told: list[str] = []
    rows = [list(schedule.rows({**size, "cc_epochs": n, "sf_epochs": 1, "device": "cpu"}, told.append)) for n in (1, 2)]
    for whole, (held, cc, sf, total) in zip((True, False), rows):
        assert "on cpu" in held.remark and "FLOP utilisation" in cc.remark and len(sf.seconds) == 1
        assert total.seconds[0] > 0 and ("all of it ran" in total.remark) == whole
    assert len(rows[1][1].seconds) == 2 and told[0].startswith("110 sequences")


def test_grews_size_in_small(monkeypatch: pytest.MonkeyPatch, root):
    monkeypatch.chdir(root)
    small = {"sequences": 300, "length": 3, "features": 32, "neighbours": 20, "clusters": 10, "turns": 2}
    common = {"threads": 1, "precision": "fp32", "device": "cpu"}
    told: list[str] = []
    found = measure.alone("large", small, common, told.append)
    title, lines = found.title, found.lines()
    assert json.loads(json.dumps(found.as_json()))["rows"][2]["what"] == "19 neighbours of 300 x 32"
    assert title.endswith(": GREW's size") and "`harness bench large`: sequences 300, length 3" in lines[0]
    assert any(line.startswith("| 19 neighbours of 300 x 32 | 2 |") for line in lines)
    assert next(line for line in lines if line.startswith("| search, links")).endswith("hardly touch |")
    page = measure.renewed("", title, *lines)
    assert measure.renewed(page, title, *lines) == page and page.count("\n## ") == 1
    with pytest.raises(UserError, match="did you mean 'length'"):
        measure.alone("large", {"lenght": 1}, common, told.append)


def test_what_a_part_without_reference_refuses():
    cpu = {"threads": 1, "precision": "fp32", "device": "cpu"}
    for name, changes, said in (
        ("large", {}, "its sizes are those of a GPU; give --device cuda"),
        ("large", {"clusters": 5}, "a whole number of 8 or more"),
        ("large", {"turns": 0}, "--size turns=0"),
        ("schedule", {"cc_epochs": 0.5}, "--size cc_epochs=0.5"),
        ("schedule", {"backbone": "gaitsett"}, "did you mean 'gaitset'"),
    ):
        with pytest.raises(UserError, match=said):
            measure.alone(name, changes, cpu, print)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--device", "tpu"], "'tpu' is not one of 'cpu', 'cuda'"),
        (["train", "--device", "cuda"], "torch sees no GPU here"),
        (["train", "--compile", "cuda-graphs"], "needs --device cuda"),
        (["all", "--write", "--compile", "default"], "leave --compile out"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_measured(words, said, monkeypatch, capsys):
    monkeypatch.setattr("harness.checks.machine.sees_gpu", lambda: False)
    monkeypatch.setattr(sys, "argv", ["harness", "bench", *words])
    with pytest.raises(SystemExit) as end:
        app.main()
    error = capsys.readouterr().err
    assert end.value.code == 2 and said in error and error.count("\n") == 1
