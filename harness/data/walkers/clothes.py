"""Clothes, hair and bags: what is put on a rest mesh before it walks.

Everyday wear and hair belong to the person and are worn in NM and BG alike; BG adds a bag, CL a coat.
Lengths are metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.data.walkers.body import SEGMENT, SEGMENTS, Body, Floats, Ints, vertex_normals

BAGS = ("backpack", "shoulder_bag", "handbag")


@dataclass(frozen=True)
class Wardrobe:
    """What one person owns: thickness of everyday wear by region, hair, one bag and one coat."""

    torso: float
    sleeve: float
    trousers: float
    hair_top: float
    hair_back: float
    bag: str
    bag_size: Floats
    bag_side: int
    coat_torso: float
    coat_sleeve: float
    coat_length: float
    coat_flare: float
    hood: float


def draw_wardrobe(rng: np.random.Generator, spread: float, coat: float) -> Wardrobe:
    """One person's wardrobe; ``spread`` scales how people differ, ``coat`` every measure of their coats.

    ``coat_length`` is the share of the way from hip to ankle; ``bag_side`` +1 is left.
    """

    def between(low: float, high: float) -> float:
        middle, half = (low + high) / 2, (high - low) / 2
        return float(middle + spread * half * rng.uniform(-1, 1))

    bag = BAGS[rng.integers(len(BAGS))]
    full = {"backpack": (0.15, 0.09, 0.22), "shoulder_bag": (0.07, 0.16, 0.13), "handbag": (0.05, 0.15, 0.13)}[bag]
    return Wardrobe(
        torso=between(0.004, 0.028),
        sleeve=between(0.003, 0.020),
        trousers=between(0.002, 0.030),
        hair_top=between(0.0, 0.045),
        hair_back=max(0.0, between(-0.06, 0.07)),
        bag=bag,
        bag_size=np.array(full, dtype=np.float32) * np.float32(between(0.75, 1.25)),
        bag_side=1 if rng.random() < 0.5 else -1,
        coat_torso=coat * between(0.025, 0.055),
        coat_sleeve=coat * between(0.014, 0.034),
        coat_length=min(0.95, coat * between(0.05, 0.62)),
        coat_flare=coat * between(0.00, 0.09),
        hood=coat * max(0.0, between(-0.04, 0.06)),
    )


def dress(body: Body, wardrobe: Wardrobe, condition: str) -> Body:
    """``body`` in everyday wear, with its bag when ``condition`` is "bg" and its coat when it is "cl"."""
    normals = vertex_normals(body.vertices, body.triangles)
    share = {name: body.weights[:, [SEGMENT[s] for s in SEGMENTS if s.startswith(name)]].sum(axis=1)
             for name in ("pelvis", "lumbar", "thorax", "head", "upper_arm", "forearm", "thigh", "shank")}  # fmt: skip
    hand = _beyond_wrist(body)
    torso = share["pelvis"] + share["lumbar"] + share["thorax"]
    forearm = share["forearm"] * (1 - hand)
    thickness = (
        torso * wardrobe.torso
        + (share["upper_arm"] + forearm) * wardrobe.sleeve
        + share["thigh"] * wardrobe.trousers * 0.7
        + share["shank"] * wardrobe.trousers
        + _hair(body, share["head"], wardrobe)
    )
    if condition == "cl":
        neck = share["head"] * _below(body.vertices[:, 2], body.joints[SEGMENT["head"], 2] + 0.12, 0.04)
        thickness = thickness + (
            torso * wardrobe.coat_torso
            + (share["upper_arm"] + forearm) * wardrobe.coat_sleeve
            + share["thigh"] * wardrobe.coat_torso * 0.4
            + neck * wardrobe.hood
        )
    dressed = replace(body, vertices=(body.vertices + normals * thickness[:, None]).astype(np.float32))
    if condition == "cl":
        return _add(dressed, *_skirt(dressed, wardrobe))
    if condition == "bg":
        return _add(dressed, *_bag(dressed, wardrobe))
    return dressed


def _below(z: Floats, level: float, softness: float) -> Floats:
    return (1 / (1 + np.exp(np.clip((z - level) / softness, -30, 30)))).astype(np.float32)


def _beyond_wrist(body: Body) -> Floats:
    """1 on the hands, 0 above the wrists."""
    out = np.zeros(len(body.vertices), dtype=np.float32)
    for side in (".L", ".R"):
        s = SEGMENT["forearm" + side]
        axis = body.ends[s] - body.joints[s]
        along = (body.vertices - body.joints[s]) @ axis / (axis @ axis)
        out = np.maximum(out, (body.weights[:, s] > 0.5) * (along > 0.97))
    return out


def _hair(body: Body, head: Floats, wardrobe: Wardrobe) -> Floats:
    z, y = body.vertices[:, 2], body.vertices[:, 1]
    centre = body.joints[SEGMENT["head"]] + np.array([0, -0.03, 0.16], dtype=np.float32)
    top = 1 - _below(z, float(centre[2]) + 0.03, 0.02)
    back = 1 - _below(y, float(centre[1]) + 0.02, 0.015)
    return (head * (wardrobe.hair_top * top + wardrobe.hair_back * back)).astype(np.float32)


def _skirt(body: Body, wardrobe: Wardrobe) -> tuple[np.ndarray, Ints, np.ndarray]:
    """The part of a coat that hangs below the waist: a flared tube that follows pelvis and thighs."""
    around, rings = 20, 6
    hip = (body.joints[SEGMENT["thigh.L"]] + body.joints[SEGMENT["thigh.R"]]) / 2
    ankle = body.joints[SEGMENT["foot.L"], 2]
    top = float(hip[2]) + 0.14
    hem = float(hip[2]) - wardrobe.coat_length * float(hip[2] - ankle)
    arms = body.weights[:, [SEGMENT["forearm.L"], SEGMENT["forearm.R"]]].sum(axis=1)
    near = (np.abs(body.vertices[:, 2] - hip[2]) < 0.08) & (arms < 0.05)
    half = np.ptp(body.vertices[near], axis=0)[:2] / 2
    middle = (body.vertices[near].max(axis=0) + body.vertices[near].min(axis=0))[:2] / 2
    angle = 2 * np.pi * np.arange(around) / around
    vertices, weights = [], []
    for ring in range(rings):
        down = ring / (rings - 1)
        radius = half * (0.96 + 0.04 * down) + wardrobe.coat_flare * down
        z = top + (hem - top) * down
        x, y = middle[0] + radius[0] * np.sin(angle), middle[1] + radius[1] * np.cos(angle)
        vertices.append(np.stack([x, y, np.full(around, z)], axis=1))
        weight = np.zeros((around, len(SEGMENTS)))
        legs = 0.55 * np.clip((hip[2] - z) / 0.25, 0, 1)
        left = 0.5 + 0.5 * np.sin(angle)
        weight[:, SEGMENT["pelvis"]] = 1 - legs
        weight[:, SEGMENT["thigh.L"]], weight[:, SEGMENT["thigh.R"]] = legs * left, legs * (1 - left)
        weights.append(weight)
    return np.concatenate(vertices), _tube(around, rings), np.concatenate(weights)


def _bag(body: Body, wardrobe: Wardrobe) -> tuple[np.ndarray, Ints, np.ndarray]:
    """A super-ellipsoid on the back, beside the hip, or below a hand."""
    side = ".L" if wardrobe.bag_side > 0 else ".R"
    size, basis = wardrobe.bag_size, np.eye(3)
    if wardrobe.bag == "backpack":
        segment, centre = "thorax", body.joints[SEGMENT["thorax"]].copy()
        near = np.abs(body.vertices[:, 2] - centre[2]) < 0.1
        centre[1] = body.vertices[near & (np.abs(body.vertices[:, 0]) < 0.12), 1].max() + size[1] * 0.8
        centre[2] += 0.06
    elif wardrobe.bag == "shoulder_bag":
        segment, centre = "pelvis", body.joints[SEGMENT["pelvis"]].copy()
        centre[0] += wardrobe.bag_side * (0.17 + size[0])
        centre[2] += 0.02
    else:
        segment = "forearm" + side
        joint, wrist = body.joints[SEGMENT[segment]], body.ends[SEGMENT[segment]]
        arm = (wrist - joint) / np.linalg.norm(wrist - joint)
        centre, basis = wrist + arm * (0.10 + size[2]), _frame(arm)
    around, rings = 12, 9
    u, v = 2 * np.pi * np.arange(around) / around, np.pi * (np.arange(rings) / (rings - 1) - 0.5)

    def squared(x: np.ndarray) -> np.ndarray:
        return np.sign(x) * np.abs(x) ** 0.55

    unit = np.stack(
        [
            np.outer(squared(np.cos(v)), squared(np.cos(u))),
            np.outer(squared(np.cos(v)), squared(np.sin(u))),
            np.repeat(squared(np.sin(v))[:, None], around, axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    weights = np.zeros((len(unit), len(SEGMENTS)))
    weights[:, SEGMENT[segment]] = 1
    return centre + (unit * size) @ basis.T, _tube(around, rings), weights


def _frame(axis: np.ndarray) -> np.ndarray:
    """An orthonormal basis [3,3] (columns) whose third column is ``axis``."""
    first = np.cross([0.0, 1.0, 0.0], axis)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first), axis], axis=1)


def _tube(around: int, rings: int) -> Ints:
    """Triangles that join ``rings`` rings of ``around`` vertices each."""
    ring, turn = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = ring * around + turn, ring * around + (turn + 1) % around
    c, d = a + around, b + around
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def _add(body: Body, vertices: np.ndarray, triangles: Ints, weights: np.ndarray) -> Body:
    return replace(
        body,
        vertices=np.concatenate([body.vertices, vertices.astype(np.float32)]),
        triangles=np.concatenate([body.triangles, triangles + len(body.vertices)]),
        weights=np.concatenate([body.weights, weights.astype(np.float32)]),
    )
