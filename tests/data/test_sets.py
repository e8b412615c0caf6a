"""Names, splits and expected counts of the real data sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.data.dataset import Key, read_partition
from harness.data.sets import data_set, data_sets, protocol_of
from harness.errors import UserError

CASES = {
    "casia-b": [
        ("001/nm-01/000", ("001", "nm-01", "000")),
        ("GaitDatasetB-silh/GaitDatasetB-silh/124/cl-02/180", ("124", "cl-02", "180")),
        ("000/nm-01/000", "unknown subject"),
        ("125/nm-01/000", "unknown subject"),
        ("١٢٣/nm-01/000", "unknown subject"),
        ("001/nm-07/000", "unknown condition"),
        ("001/cl-03/000", "unknown condition"),
        ("001/nm-01/020", "unknown view"),
        ("001/nm-01", "not in the layout"),
    ],
    "oumvlp": [
        ("raw/Silhouette_015-01/00012", ("00012", "01", "015")),
        ("00012/01/270", ("00012", "01", "270")),
        ("Silhouette_100-01/00012", "unknown view"),
        ("Silhouette_015-02/00012", "unknown condition"),
        ("Silhouette_015-01/10308", "unknown subject"),
        ("Silhouette_015-01/12", "unknown subject"),
    ],
    "outdoor-gait": [
        ("001/scene1_bg_L_090_1", ("001", "scene1-bg-01", "090")),
        ("x/138_scene3_cl_L_090_4", ("138", "scene3-cl-04", "090")),
        ("001/001_scene2_nm_L_090_2", ("001", "scene2-nm-02", "090")),
        ("001/scene1-nm-03/090", ("001", "scene1-nm-03", "090")),
        ("001/L_scene1_nm_3/090", ("001", "scene1-nm-03", "090")),
        ("002/001_scene2_nm_L_090_2", "unknown subject"),
        ("139/scene1_bg_L_090_1", "unknown subject"),
        ("001/scene1_bg_H_090_1", "unknown view"),
        ("001/scene1_bg_L_015_1", "unknown view"),
        ("001/scene4_bg_L_090_1", "unknown condition"),
        ("001/scene1_xx_L_090_1", "unknown condition"),
        ("001/nm-01/090", "not in the layout"),
    ],
    "grew": [
        ("GREW/train/00001/4XPn5Z28", ("00001train", "", "4XPn5Z28")),
        ("train/train/00001/00001/4XPn5Z28", ("00001train", "", "4XPn5Z28")),
        ("val/00001/4XPn5Z28", ("00001val", "", "4XPn5Z28")),
        ("test/gallery/00001/79XJefi8", ("00001", "", "79XJefi8")),
        ("test/probe/01DdvEHX", ("probe", "03", "01DdvEHX")),
        ("00001train/00/4XPn5Z28", ("00001train", "", "4XPn5Z28")),
        ("00001/02/79XJefi8", ("00001", "", "79XJefi8")),
        ("probe/03/01DdvEHX", ("probe", "03", "01DdvEHX")),
        ("distractor/00001/abc", "distractor"),
        ("train/1/abc", "unknown subject"),
        ("train/00001/a b", "not in the layout"),
        ("00001/07/abc", "not in the layout"),
    ],
}


@pytest.mark.parametrize(("name", "place", "wanted"), [(n, *case) for n, cases in CASES.items() for case in cases])
def test_folders_are_read_to_the_letter(name: str, place: str, wanted: tuple[str, str, str] | str):
    found = data_set(name).parse(tuple(place.split("/")))
    assert found == wanted and isinstance(found, Key) == (not isinstance(wanted, str))


def test_casia_b_splits_and_counts():
    one = data_set("casia-b")
    complete = list(one.complete() if one.complete else ())
    assert len(complete) == len(set(complete)) == 13_640
    for partition, train in (("lt", 74), ("mt", 62), ("st", 24)):
        split = one.split(partition)
        by_split = [key for key in complete if split(key.subject) == "train"]
        assert len({key.subject for key in by_split}) == train and len(by_split) == 110 * train
        expected = one.expected[partition]
        assert expected["train"].sequences == len(by_split)
        assert expected["test"].sequences == 13_640 - len(by_split) and expected["test"].subjects == 124 - train
        assert split("125") is None
    assert one.usual == "lt" and all(one.parse(key) == key for key in complete)
    assert {key.subject for key in complete if one.known_missing(key)} == {"005"}


def test_oumvlp_trains_on_odd_numbers():
    split = data_set("oumvlp").split("official")
    names = [f"{number:05d}" for number in range(1, 10_308)]
    train = [name for name in names if split(name) == "train"]
    assert len(train) == 5153 and all(int(name) % 2 for name in train)
    assert sum(split(name) == "test" for name in names) == 5154 and split("10307") == "test"


def test_outdoor_gait_splits_in_the_middle():
    one = data_set("outdoor-gait")
    complete = list(one.complete() if one.complete else ())
    assert len(complete) == 138 * 36
    split = one.split("official")
    assert [split(f"{n:03d}") for n in (1, 69, 70, 138)] == ["train", "train", "test", "test"]
    assert one.expected["official"]["train"].sequences == sum(split(key.subject) == "train" for key in complete)


def test_every_data_set_says_how_to_get_it_and_has_a_protocol():
    assert list(data_sets()) == ["casia-b", "casia-bn", "oumvlp", "outdoor-gait", "grew"]
    for name, one in data_sets().items():
        assert one.name == name and one.licence and one.ask
        assert protocol_of(one.layout).probes
    with pytest.raises(UserError, match="'casiab'; did you mean 'casia-b'"):
        data_set("casiab")


def test_partition_files(tmp_path: Path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"TRAIN_SET": ["001"], "TEST_SET": ["002"]}))
    split = data_set("casia-b").split(str(path))
    assert [split(s) for s in ("001", "002", "003")] == ["train", "test", None]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"TRAIN_SET": ["001"]}, "needs the lists TRAIN_SET and TEST_SET"),
        ([], "needs the lists"),
        ({"TRAIN_SET": [1], "TEST_SET": []}, "needs the lists"),
        ({"TRAIN_SET": ["001"], "TEST_SET": ["001"]}, "subject 001 is in TRAIN_SET and in TEST_SET"),
        ({"TRAIN_SET": [], "TEST_SET": []}, "both empty"),
    ],
)
def test_bad_partition_files(tmp_path: Path, content, line: str):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=line):
        read_partition(path)


def test_unknown_partition():
    with pytest.raises(UserError, match=r"unknown partition 'large'.*lt"):
        data_set("casia-b").split("large")
