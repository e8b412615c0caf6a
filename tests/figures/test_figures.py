"""Figures from hand-made data: drawn, the same twice, and readable without colour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import colors

from harness.figures import cost, epochs, figure3, figure5, figure6, figure7, forest, look, polar
from harness.figures.look import rendered
from harness.types import ResultRecord

RNG = np.random.default_rng(0)


def silhouettes(count):
    return (np.random.default_rng(1).random((count, 64, 44)) < 0.4).astype(np.uint8) * 255


def records():
    out = []
    for condition, shift in (("NM", 20), ("BG", 10), ("CL", 0)):
        for seed in (0, 1):
            for variant, value in (("", 50), ("s_up=0.7", 50), ("s_up=0.5", 44), ("tau=0.05", 50), ("m=0.2", 47)):
                key = ("target", "gaitset", "cc", seed, condition)
                out.append(ResultRecord(*key, None, "rank1", value + shift + seed, 9, "ab" * 8, variant))
            for view in range(0, 181, 18):
                out.append(ResultRecord("target", "gaitset", "sf", seed, condition, view, "rank1", 60.0, 9, "ab" * 8))
    return out


def cloud(count=60):
    rng = np.random.default_rng(2)
    features = rng.normal(size=(count, 16)).astype(np.float32)
    subject = np.array([f"{i % 3:03d}" for i in range(count)])
    condition = np.array([("NM", "BG", "CL")[i % 3] for i in range(count)])
    labels = rng.integers(-1, 4, count)
    return figure6.Cloud(features, subject, condition, np.arange(count) % 4 == 0, labels, silhouettes(count))


def pair(together=True):
    heat = np.linspace(0, 1, 64 * 44, dtype=np.float32).reshape(64, 44)
    side = figure7.Look(silhouettes(1)[0], heat, "NM 090°")
    return figure7.Pair("gaitset", together, 0.5, side, figure7.Look(silhouettes(1)[0], heat * 0, "CL 000°"))


def panels():
    points = [forest.Point(3.0, (1.0, 5.0), True), "not run", forest.Point(-1.0, (-4.0, 2.0), False)]
    return [forest.Panel("SF against CC", "points", 0.0, 9.7, points), forest.Panel("SSF", "points", 2.5, None, points)]


HISTORY = [{"epoch": e, "loss": 1.0, "clusters": 5.0 + e, "nmi": 0.5, "ssf_bound": 0.7 - e} for e in range(3)]
DRAW = {
    "figure3": lambda: figure3.draw({"NM": {"original": silhouettes(1)[0], "dilate upper": silhouettes(1)[0]}}),
    "figure5": lambda: figure5.draw(records(), "target", "gaitset"),
    "figure6": lambda: figure6.draw({"CC": cloud(), "SF": cloud()}, "000", ["000", "001"]),
    "figure7": lambda: figure7.draw([pair(), pair(False)]),
    "polar": lambda: polar.draw(records(), "target", "gaitset"),
    "epochs": lambda: epochs.draw({"cc": [HISTORY, HISTORY], "sf": [HISTORY]}, "x"),
    "cost": lambda: cost.draw({"cc": [60.0, 90.0], "view_classifier": [30.0]}, "a CPU"),
    "forest": lambda: forest.draw(["one", "two", "three"], panels()),
    "figure5 of nothing": lambda: figure5.draw([], "target", "gaitset"),
    "figure7 of nothing": lambda: figure7.draw([]),
    "polar of nothing": lambda: polar.draw([], "target", "gaitset"),
    "epochs of nothing": lambda: epochs.draw({}, "x"),
    "cost of nothing": lambda: cost.draw({}, "x"),
}


@pytest.mark.parametrize("name", DRAW)
def test_drawn_twice_alike(name):
    """Whichever kind is asked for first."""
    one, again = DRAW[name](), DRAW[name]()
    first = {kind: rendered(one, kind) for kind in ("png", "svg")}
    assert first == {kind: rendered(again, kind) for kind in ("svg", "png")}
    for content in first.values():
        assert len(content) > 2000 and b"<dc:date>" not in content and b"Matplotlib v" not in content


def words(figure) -> str:
    texts = [t.get_text() for axis in figure.axes for t in (*axis.texts, axis.title, axis.xaxis.label)]
    legends = [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]
    return " | ".join([*texts, *(t.get_text() for legend in legends for t in legend.get_texts())])


def points(axis) -> list[tuple[list[float], list[float]]]:
    """x and y of each line."""
    return [(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()) for line in axis.lines]


def test_figure_5_has_a_line_for_each_condition_and_says_what_is_missing():
    figure = DRAW["figure5"]()
    assert "the suite's own value alone" in words(figure) and "NM" in words(figure)
    first = figure.axes[0]
    assert next(x for x, _ in points(first) if len(x) == 2) == [0.5, 0.7]
    heights = [y for _, y in points(first)]
    assert [64.5, 70.5] in heights and [44.5, 50.5] in heights


def test_epochs_of_sf_follow_those_of_cc():
    figure = DRAW["epochs"]()
    drawn = {line.get_label(): x for line, (x, _) in zip(figure.axes[0].lines, points(figure.axes[0]))}
    assert drawn["CC"] == [1, 2, 3] and drawn["SF"] == [4, 5, 6]


def test_a_forest_has_a_line_for_each_suite_and_fills_what_is_decided():
    figure = DRAW["forest"]()
    left, right = figure.axes
    drawn = points(left)
    assert ([1.0, 5.0], [0, 0]) in drawn and ([-4.0, 2.0], [2, 2]) in drawn
    filled = {x[0]: line.get_markerfacecolor() != "white" for line, (x, _) in zip(left.lines, drawn) if len(x) == 1}
    assert filled == {3.0: True, -1.0: False}
    shown = words(figure)
    assert shown.count("not run") == 2 and "SF against CC" in shown and "undecided" in shown
    assert ([9.7, 9.7], [0, 1]) in drawn and ([0.0, 0.0], [0, 1]) in drawn
    assert ([2.5, 2.5], [0, 1]) in points(right) and not any(x == [9.7, 9.7] for x, _ in points(right))
    assert [text.get_text() for text in left.get_yticklabels()] == ["one", "two", "three"]


def test_figure_6_shows_labels_rings_and_counts():
    figure = DRAW["figure6"]()
    shown = words(figure)
    assert "CC: subject 000" in shown and "SF: 2 subjects" in shown and "front/back" in shown
    texts = {t.get_text() for t in figure.axes[0].texts}
    assert {"0", "1", "2", "3"} <= texts
    assert sorted(t.get_text() for t in figure.axes[2].texts) == ["0", "1", "2", "3"]  # once each where there are many


def test_a_label_stands_in_the_middle_of_its_points():
    points = np.array([[0.0, 0], [1, 0], [3, 0], [9, 9], [8, 8], [7, 7]])
    assert figure6.middles(points, np.array([2, 2, 2, 0, -1, 5])) == [3, 1, 5]


def test_tsne_is_the_same_twice_and_takes_few_points():
    features = cloud().features
    assert np.array_equal(figure6.tsne(features), figure6.tsne(features))
    assert figure6.tsne(features[:2]).shape == (2, 2) and figure6.tsne(features[:5]).shape == (5, 2)


def test_a_cloud_is_thinned():
    assert len(cloud(3 * figure6.MAPPED).of(["000", "001"]).labels) == figure6.MAPPED


def test_figure_7_says_whether_a_pair_is_together_and_when_nothing_adds():
    figure = DRAW["figure7"]()
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert any("together" in label for label in labels) and any("apart" in label for label in labels)
    assert "Grad-CAM: nothing adds" in words(figure)


def test_lines_differ_in_grey():
    """Neighbouring methods differ in dash and marker whatever their colour, and no two share all three."""
    styles = [look.style(i) for i in range(7)]
    assert len({(str(s["linestyle"]), s["marker"]) for s in styles}) == 7
    grey = [float(np.dot(colors.to_rgb(s["color"]), [0.2126, 0.7152, 0.0722])) for s in styles]
    assert len({round(g, 2) for g in grey}) == 7


def test_rings_of_figure_6_show_on_every_fill():
    for fill in figure6.FILLS:
        assert np.dot(colors.to_rgb(fill), [0.2126, 0.7152, 0.0722]) > 0.45


def test_figure_5_of_one_value_says_so():
    figure = DRAW["figure5"]()
    assert [axis.get_title() for axis in figure.axes] == [
        "", "", "the suite's own value alone", "the suite's own value alone",
    ]  # fmt: skip


def test_a_polar_plot_fills_its_half_circle():
    low = [r for r in records() if r.view_deg is not None]
    assert polar.draw([replace(r, value=31.0) for r in low], "target", "gaitset").axes[0].get_ylim()[1] == 40
    assert polar.draw([replace(r, value=99.0) for r in low], "target", "gaitset").axes[0].get_ylim()[1] == 100
    assert polar.draw([replace(r, value=0.0) for r in low], "target", "gaitset").axes[0].get_ylim()[1] == 20
