"""The walk: joint angles over time, and the pose of the body's segments.

A walk is the textbook curves of hip, knee and ankle over a stride (heel strike to heel strike), as
Fourier series that differ from person to person and, by a third as much, from walk to walk.
Angles are radians, flexion positive; times are seconds; lengths metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.data.walkers.body import PARENT, SEGMENT, SEGMENTS, Body, Floats

HARMONICS = 6

# Level walking of healthy adults at their own speed: per cent of the stride -> degrees.
_CURVES = {
    "hip": [(0, 30), (10, 25), (20, 16), (30, 6), (40, -4), (50, -10), (56, -9), (62, -1), (70, 14), (80, 27),
            (88, 32)],
    "knee": [(0, 5), (6, 13), (13, 18), (22, 15), (32, 8), (40, 5), (46, 7), (54, 20), (62, 43), (71, 61), (80, 50),
             (88, 25), (95, 7)],
    "ankle": [(0, 0), (7, -5), (16, 1), (30, 6), (42, 10), (50, 6), (56, -7), (62, -18), (68, -13), (78, -2), (88, 1)],
}  # fmt: skip


def _series(points: list[tuple[int, int]]) -> np.ndarray:
    """Complex Fourier coefficients c[0..HARMONICS] of the periodic curve through ``points``."""
    from scipy.interpolate import CubicSpline

    phase = np.array([p for p, _ in points] + [100]) / 100
    angle = np.radians([a for _, a in points] + [points[0][1]])
    curve = CubicSpline(phase, angle, bc_type="periodic")(np.arange(128) / 128)
    return np.fft.rfft(curve)[: HARMONICS + 1] / 128


_SERIES = {name: _series(points) for name, points in _CURVES.items()}

# Parameter -> (mean, standard deviation between people). Sides that may differ have names in .L and .R.
_SPREAD: dict[str, tuple[float, float]] = {
    "cadence": (0.95, 0.07),  # strides a second
    "hip_scale": (1.0, 0.11), "knee_scale": (1.0, 0.10), "ankle_scale": (1.0, 0.12),
    "hip_offset": (0.0, 0.05), "knee_offset": (0.03, 0.04), "ankle_offset": (0.0, 0.04),
    "pelvis_rotation": (0.09, 0.035), "pelvis_obliquity": (0.06, 0.025), "pelvis_tilt": (0.05, 0.05),
    "trunk_lean": (0.04, 0.05), "trunk_rotation": (0.12, 0.05), "trunk_sway": (0.02, 0.012),
    "head_pitch": (0.08, 0.10),
    "arm_swing.L": (0.40, 0.14), "arm_swing.R": (0.40, 0.14),
    "arm_offset.L": (0.0, 0.08), "arm_offset.R": (0.0, 0.08),
    "elbow.L": (0.35, 0.14), "elbow.R": (0.35, 0.14), "elbow_swing": (0.25, 0.10),
    "abduction.L": (0.16, 0.05), "abduction.R": (0.16, 0.05),
    "toe_out.L": (0.12, 0.08), "toe_out.R": (0.12, 0.08),
    "step_width": (0.035, 0.022), "asymmetry": (0.0, 0.025), "arm_lag": (0.0, 0.25),
}  # fmt: skip


@dataclass(frozen=True)
class Gait:
    """How one person walks: scalar parameters, and relative changes of each curve's harmonics."""

    values: dict[str, float]
    harmonics: dict[str, np.ndarray]


def draw_gait(rng: np.random.Generator, spread: float) -> Gait:
    """A person's gait; ``spread`` scales every difference between people."""
    values = {name: mean + spread * deviation * rng.normal() for name, (mean, deviation) in _SPREAD.items()}
    harmonics = {
        name: 1 + spread * 0.12 * (rng.normal(size=HARMONICS + 1) + 1j * rng.normal(size=HARMONICS + 1))
        for name in _SERIES
    }
    return Gait(values, harmonics)


def vary_gait(gait: Gait, rng: np.random.Generator, amount: float) -> Gait:
    """The same person on another walk; ``amount`` is the share of the spread between people."""
    values = {name: value + amount * _SPREAD[name][1] * rng.normal() for name, value in gait.values.items()}
    harmonics = {
        name: factor * (1 + amount * 0.12 * (rng.normal(size=factor.size) + 1j * rng.normal(size=factor.size)))
        for name, factor in gait.harmonics.items()
    }
    return replace(gait, values=values, harmonics=harmonics)


def _curve(name: str, gait: Gait, phase: np.ndarray) -> np.ndarray:
    """Angle [T] of joint curve ``name`` at stride phases [T] in cycles."""
    coefficients = _SERIES[name] * gait.harmonics[name]
    order = np.arange(HARMONICS + 1)
    mean = float(np.real(coefficients)[0])
    turning = np.exp(2j * np.pi * phase[:, None] * order[None, 1:])
    waves = 2 * np.real(coefficients[None, 1:] * turning).sum(axis=1)
    return gait.values[f"{name}_scale"] * (mean + waves) + gait.values[f"{name}_offset"]


def _rotations(axis: int, angles: np.ndarray) -> np.ndarray:
    """Rotation matrices [T,3,3] about a coordinate axis."""
    cos, sin = np.cos(angles), np.sin(angles)
    matrix = np.zeros((angles.size, 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, axis, axis] = 1
    matrix[:, i, i], matrix[:, i, j], matrix[:, j, i], matrix[:, j, j] = cos, -sin, sin, cos
    return matrix


def _aligning(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The smallest rotation [3,3] that turns direction ``source`` into ``target``."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    cross = np.cross(a, b)
    skew = np.array([[0, -cross[2], cross[1]], [cross[2], 0, -cross[0]], [-cross[1], cross[0], 0]])
    return np.eye(3) + skew + skew @ skew / (1 + a @ b)


def _straightening(body: Body) -> dict[str, np.ndarray]:
    """Rotations that bring the rest pose to arms and legs hanging straight down."""
    down = np.array([0.0, 0.0, -1.0])
    out = {}
    for side in (".L", ".R"):
        for upper, lower in (("upper_arm", "forearm"), ("thigh", "shank")):
            joint, middle = body.joints[SEGMENT[upper + side]], body.joints[SEGMENT[lower + side]]
            first = _aligning(middle - joint, down)
            out[upper + side] = first
            out[lower + side] = _aligning(first @ (body.ends[SEGMENT[lower + side]] - middle), down)
    return out


def local_rotations(body: Body, gait: Gait, phase: np.ndarray) -> dict[str, np.ndarray]:
    """Each segment's rotation [T,3,3] relative to its parent, at the left foot's stride phases [T]."""
    v = gait.values
    beat = 2 * np.pi * phase
    straight = _straightening(body)
    ones = np.ones_like(phase)
    turn = v["pelvis_rotation"] * np.cos(beat)
    rotation = {
        "pelvis": _rotations(2, -turn)
        @ _rotations(1, v["pelvis_obliquity"] * np.sin(beat))
        @ _rotations(0, v["pelvis_tilt"] * ones),
        "lumbar": _rotations(0, (v["trunk_lean"] - v["pelvis_tilt"]) * ones)
        @ _rotations(1, -v["pelvis_obliquity"] * np.sin(beat) + v["trunk_sway"] * np.sin(beat)),
        "thorax": _rotations(2, turn + v["trunk_rotation"] * np.cos(beat)),
        "head": _rotations(2, -v["trunk_rotation"] * np.cos(beat))
        @ _rotations(0, (v["head_pitch"] - v["trunk_lean"]) * ones),
    }
    for side, shift, mirror in ((".L", 0.0, 1.0), (".R", 0.5, -1.0)):
        own = phase + shift + mirror * v["asymmetry"]
        hip, knee, ankle = (_curve(name, gait, own) for name in ("hip", "knee", "ankle"))
        narrow = v["step_width"] - 0.06
        rotation["thigh" + side] = (
            _rotations(1, -mirror * narrow * ones) @ _rotations(0, -hip - v["pelvis_tilt"]) @ straight["thigh" + side]
        )
        # The knee bends about the shank's own axis, after the thigh has been straightened.
        rotation["shank" + side] = (
            straight["thigh" + side].T @ _rotations(0, knee) @ straight["shank" + side] @ straight["thigh" + side]
        )
        undo = (straight["shank" + side] @ straight["thigh" + side]).T
        rotation["foot" + side] = undo @ _rotations(2, mirror * v["toe_out" + side] * ones) @ _rotations(0, -ankle)
        # Arms swing against the leg of their side.
        swing = v["arm_swing" + side] * -np.cos(2 * np.pi * (own + v["arm_lag"] / (2 * np.pi))) + v["arm_offset" + side]
        bend = np.maximum(v["elbow" + side] + v["elbow_swing"] * np.maximum(swing, -0.2), 0.02)
        rotation["upper_arm" + side] = (
            _rotations(1, -mirror * v["abduction" + side] * ones) @ _rotations(0, -swing) @ straight["upper_arm" + side]
        )
        rotation["forearm" + side] = (
            straight["upper_arm" + side].T
            @ _rotations(0, -bend)
            @ straight["forearm" + side]
            @ straight["upper_arm" + side]
        )
    return rotation


def pose(body: Body, rotation: dict[str, np.ndarray]) -> Floats:
    """Linear-blend skinning: vertices f32[T,V,3], the lowest of each frame on the ground (z = 0)."""
    frames = rotation["pelvis"].shape[0]
    world = np.zeros((frames, len(SEGMENTS), 3, 3))
    joint = np.zeros((frames, len(SEGMENTS), 3))
    for name in SEGMENTS:  # parents stand before children
        s = SEGMENT[name]
        if name == "pelvis":
            world[:, s] = rotation[name]
            continue
        p = SEGMENT[PARENT[name]]
        world[:, s] = world[:, p] @ rotation[name]
        joint[:, s] = joint[:, p] + world[:, p] @ (body.joints[s] - body.joints[p]).astype(np.float64)
    offset = joint - np.einsum("tsij,sj->tsi", world, body.joints)
    # sum_s w_vs (R_s v + o_s) = (sum_s w_vs R_s) v + sum_s w_vs o_s, as one matrix product.
    transform = np.concatenate([world, offset[..., None]], axis=3).astype(np.float32)
    blended = np.matmul(body.weights, transform.reshape(frames, len(SEGMENTS), 12)).reshape(frames, -1, 3, 4)
    posed = np.einsum("tvij,vj->tvi", blended[..., :3], body.vertices) + blended[..., 3]
    posed[..., 2] -= posed[..., 2].min(axis=1, keepdims=True)
    return posed
