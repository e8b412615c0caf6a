"""Walkers: the structure of data sets, the parts that need no body model, and whole tiny domains."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from harness.config import Domain, Segmentation
from harness.counters import numpy_rng
from harness.data.ingest import Request, prepare
from harness.data.prepare import normalise
from harness.data.store import SequenceStore
from harness.data.walkers.body import PARENT, SEGMENT, SEGMENTS, Body
from harness.data.walkers.gait import draw_gait, local_rotations, pose
from harness.data.walkers.generate import draw_people, generate_raw, generate_store
from harness.data.walkers.noise import segment
from harness.data.walkers.raster import rasterise, spread_points
from harness.data.walkers.raw import walkers_set
from harness.data.walkers.structure import subject_names, walks_of


@pytest.fixture
def tiny(settings_tree: dict[str, Any]):
    """A function that makes a domain of two subjects with a given layout."""

    def make(layout: str, **changes: Any) -> Domain:
        tree = settings_tree["walkers"]["target"]
        subjects = {"train": 1, "val": 0, "test": 1}
        return Domain.model_validate(
            {**tree, "layout": layout, "image": 96, "frames": 4, "subjects": subjects, **changes}
        )

    return make


@pytest.mark.parametrize(
    ("layout", "walks", "views"), [("casia-b", 10, 11), ("oumvlp", 2, 14), ("outdoor-gait", 36, 1), ("grew", 5, 1)]
)
def test_walks_of_each_layout(tiny, layout: str, walks: int, views: int):
    domain = tiny(layout)
    for subject in ("001", "002"):
        found = walks_of(domain, subject)
        assert len(found) == len({walk.condition for walk in found}) == walks
        assert all(len(set(walk.views)) == views for walk in found)
        assert found == walks_of(domain, subject)


def test_casia_b_conditions_and_views(tiny):
    found = walks_of(tiny("casia-b"), "001")
    counts = {wear: sum(walk.wear == wear for walk in found) for wear in ("nm", "bg", "cl")}
    assert counts == {"nm": 6, "bg": 2, "cl": 2}
    assert found[0].views == tuple(range(0, 181, 18)) and found[0].condition == "nm-01"
    assert {0, 180} <= set(walks_of(tiny("oumvlp"), "00001")[0].views)


def test_nobody_is_in_two_splits(tiny):
    for layout in ("casia-b", "oumvlp", "outdoor-gait", "grew"):
        names = subject_names(tiny(layout, subjects={"train": 12, "val": 3, "test": 7}))
        assert [split for _, split in names] == ["train"] * 12 + ["val"] * 3 + ["test"] * 7
        assert len({name for name, _ in names}) == 22


def stick_figure() -> tuple[Body, np.ndarray, np.ndarray]:
    """A body of rigid rods, the segment of each vertex, and the two vertices (child, parent) at each joint."""
    places = {
        "pelvis": (0, 0, 1), "lumbar": (0, 0, 1.1), "thorax": (0, 0.02, 1.3), "head": (0, 0, 1.55),
        "upper_arm": (0.2, 0, 1.45), "forearm": (0.4, 0.05, 1.3), "thigh": (0.1, 0, 0.95), "shank": (0.12, 0.03, 0.5),
        "foot": (0.12, 0.05, 0.08),
    }  # fmt: skip
    ends = {"forearm": (0.58, 0.0, 1.12), "shank": places["foot"]}

    def place(name: str, table: dict[str, tuple[float, float, float]]) -> np.ndarray:
        stem, _, side = name.partition(".")
        return np.array(table.get(stem, places[stem])) * ([-1, 1, 1] if side == "R" else 1)

    joints = np.stack([place(name, places) for name in SEGMENTS])
    tips = np.stack([place(name, {**places, **ends}) for name in SEGMENTS])
    rng = np.random.default_rng(0)
    own = [joints[s] + rng.normal(0, 0.05, (4, 3)) for s in range(len(SEGMENTS))]
    vertices, segments, pairs = [*np.concatenate(own)], [s for s in range(len(SEGMENTS)) for _ in range(4)], []
    for child, parent in PARENT.items():
        pairs.append((len(vertices), len(vertices) + 1))
        vertices += [joints[SEGMENT[child]]] * 2
        segments += [SEGMENT[child], SEGMENT[parent]]
    weights = np.eye(len(SEGMENTS), dtype=np.float32)[segments]
    triangles = np.zeros((1, 3), dtype=np.int64)
    rest, turning, ending = (np.asarray(values, dtype=np.float32) for values in (vertices, joints, tips))
    body = Body(rest, triangles, weights, turning, ending)
    return body, np.array(segments), np.array(pairs)


@pytest.mark.parametrize("seed", range(3))
def test_pose_moves_rigid_segments_that_stay_joined(seed: int):
    body, segments, pairs = stick_figure()
    gait = draw_gait(numpy_rng(seed, "test"), spread=1.0)
    posed = pose(body, local_rotations(body, gait, np.linspace(0, 1, 9)))
    assert posed.shape == (9, len(body.vertices), 3)
    for s in range(len(SEGMENTS)):
        before, after = body.vertices[segments == s], posed[:, segments == s]
        wanted = np.linalg.norm(before[:, None] - before[None], axis=-1)
        got = np.linalg.norm(after[:, :, None] - after[:, None], axis=-1)
        np.testing.assert_allclose(got, np.broadcast_to(wanted, got.shape), atol=1e-4)
    np.testing.assert_allclose(posed[:, pairs[:, 0]], posed[:, pairs[:, 1]], atol=1e-4)
    np.testing.assert_allclose(posed[..., 2].min(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(posed[0], posed[-1], atol=1e-4)  # a whole stride later


def test_upright_and_in_step():
    body, segments, _ = stick_figure()
    posed = pose(body, local_rotations(body, draw_gait(numpy_rng(0, "test"), spread=0.0), np.linspace(0, 1, 20)))
    height = {name: posed[:, segments == SEGMENT[name], 2].mean(axis=1) for name in SEGMENTS}
    assert (height["head"] > height["pelvis"] + 0.3).all() and (height["pelvis"] > height["foot.L"] + 0.5).all()
    ahead = {side: -posed[:, segments == SEGMENT["foot" + side], 1].mean(axis=1) for side in (".L", ".R")}
    assert np.corrcoef(ahead[".L"], ahead[".R"])[0, 1] < -0.8  # feet alternate
    assert ahead[".L"][0] > ahead[".R"][0] + 0.2  # phase 0 is the left heel's strike


CLEAN = {"thickness": 0.0, "thickness_spread": 0.0, "boundary": 0.0, "hit": 0.0, "holes": 0.0, "bites": 0.0, "blobs": 0}


def box() -> np.ndarray:
    masks = np.zeros((3, 96, 96), dtype=np.uint8)
    masks[:, 20:80, 30:60] = 255
    return masks


def test_segmentation_gives_masks():
    how = Segmentation.model_validate(
        {**CLEAN, "thickness": 0.4, "boundary": 1.0, "hit": 1, "holes": 2, "bites": 2, "blobs": 2}
    )
    out = segment(box(), np.random.default_rng(0), how)
    assert out.shape == (3, 96, 96) and out.dtype == np.uint8 and set(np.unique(out)) == {0, 255}
    assert (out != box()).any(axis=(1, 2)).all() and (out[0] != out[1]).any()
    np.testing.assert_array_equal(out, segment(box(), np.random.default_rng(0), how))
    empty = segment(np.zeros((2, 96, 96), np.uint8), np.random.default_rng(0), how)
    assert not empty.any()


@pytest.mark.parametrize("thickness", [-1.0, 0.0, 1.0])
def test_thickness_is_in_pixels(thickness: float):
    out = segment(box(), np.random.default_rng(0), Segmentation.model_validate({**CLEAN, "thickness": thickness}))
    assert (out[:, 50] > 0).sum(axis=1).tolist() == [30 + 2 * thickness] * 3


def test_raster_fills_a_quad():
    corners = np.array([[0, 0, 0], [0.2, 0, 0], [0.2, 0, 0.16], [0, 0, 0.16]], np.float32)
    weights = np.full((4, len(SEGMENTS)), 1 / len(SEGMENTS), np.float32)
    joints = np.zeros((len(SEGMENTS), 3), np.float32)
    body = Body(corners, np.array([[0, 1, 2], [0, 2, 3]]), weights, joints, joints)
    image = np.stack([corners[:, 2] * 100 + 10.5, corners[:, 0] * 100 + 5.5])[None]
    image = np.concatenate([image, image + 30]).astype(np.float32)
    masks = rasterise(image, spread_points(body, per_metre=80), (64, 80))
    wanted = np.zeros((2, 64, 80), dtype=np.uint8)
    wanted[0, 10:27, 5:26] = wanted[1, 40:57, 35:56] = 255
    np.testing.assert_array_equal(masks, wanted)


@pytest.mark.slow
def test_number_of_processes_changes_nothing(tiny, tmp_path: Path):
    domain = tiny("oumvlp")
    for processes in (1, 2):
        generate_store("a", domain, tmp_path / str(processes), processes)
    one, two = (SequenceStore(tmp_path / name) for name in ("1", "2"))
    assert one.digest == two.digest
    assert len(one) == 2 * 2 * 14 and set(one.length) == {4}
    assert set(one.labels(one.rows("train")).subject).isdisjoint(one.labels(one.rows("test")).subject)


@pytest.mark.slow
def test_raw_frames_prepared_equal_the_store(tiny, tmp_path: Path):
    domain = tiny("grew")
    generate_store("a", domain, tmp_path / "store", 1)
    generate_raw("a", domain, tmp_path / "raw", 1)
    store = SequenceStore(tmp_path / "store")
    labels = store.labels(np.arange(len(store)))
    assert len(store) == 10
    for row, key in enumerate(zip(labels.subject, labels.condition, labels.view)):
        files = sorted((tmp_path / "raw").joinpath(*key).iterdir())
        assert [file.name for file in files] == [f"{'-'.join(key)}-{n:03d}.png" for n in range(1, 5)]
        images = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files]
        frames, kept = normalise(np.array(images, dtype=np.uint8))
        assert kept.all()
        np.testing.assert_array_equal(frames, store.sequence(row))
    prepare(Request(walkers_set("a", domain), tmp_path / "raw", tmp_path / "prepared"), 1)
    assert SequenceStore(tmp_path / "prepared").digest == store.digest


@pytest.mark.slow
def test_people_differ_between_domains_seeds_and_subjects(tiny):
    domain = tiny("casia-b")
    groups = [draw_people("a", domain), draw_people("b", domain), draw_people("a", tiny("casia-b", seed=99))]
    people = [person for group in groups for person in group]
    heights = {float(np.ptp(person.body.vertices[:, 2])) for person in people}
    assert len(heights) == len({person.gait.values["cadence"] for person in people}) == 6
    again = draw_people("a", domain)
    for one, two in zip(groups[0], again):
        np.testing.assert_array_equal(one.body.vertices, two.body.vertices)
        assert one.gait.values == two.gait.values and one.name == two.name
