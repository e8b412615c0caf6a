"""The bench of preparation measures two readings of the same files, which agree byte for byte."""

from __future__ import annotations

from harness.bench.prepare import make_raw, measure, reference


def test_measures_both_and_compares_them():
    figures = measure(sequences=3, frames=8, jobs=1, repeats=2, warm_up=0)
    assert figures["frames"] == 24 and figures["image"] == [240, 320] and figures["jobs"] == 1
    assert figures["reference_frames_per_s"] > 0 and figures["frames_per_s"] > 0
    least, most = figures["spread"]
    assert 0 < least <= figures["ratio"] <= most
    assert figures["cpu_us_per_frame"] > 0 and figures["reference_cpu_us_per_frame"] > 0


def test_the_files_are_seeded(tmp_path):
    make_raw(tmp_path / "a", 2, 3)
    make_raw(tmp_path / "b", 2, 3)
    one, two = reference(tmp_path / "a"), reference(tmp_path / "b")
    assert one.keys() == two.keys() and len(one) == 2
    assert all((one[key] == two[key]).all() and one[key].shape == (3, 64, 64) for key in one)
    assert (one[next(iter(one))] != list(one.values())[1]).any()
