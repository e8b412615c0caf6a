"""The body: rest meshes of people, from the parametric body of the package ``anny``.

Axes are anny's: x points to the person's left, -y forward, z up; metres. The 104 bones of the rig are
merged into the 14 segments of gait analysis, which is what silhouettes can show.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.config import Population

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SEGMENTS = (
    "pelvis", "lumbar", "thorax", "head",
    "upper_arm.L", "forearm.L", "upper_arm.R", "forearm.R",
    "thigh.L", "shank.L", "foot.L", "thigh.R", "shank.R", "foot.R",
)  # fmt: skip
SEGMENT = {name: number for number, name in enumerate(SEGMENTS)}

PARENT = {
    "lumbar": "pelvis", "thorax": "lumbar", "head": "thorax",
    "upper_arm.L": "thorax", "forearm.L": "upper_arm.L",
    "upper_arm.R": "thorax", "forearm.R": "upper_arm.R",
    "thigh.L": "pelvis", "shank.L": "thigh.L", "foot.L": "shank.L",
    "thigh.R": "pelvis", "shank.R": "thigh.R", "foot.R": "shank.R",
}  # fmt: skip

# The bone whose head is the joint about which a segment turns, and the bones that move with it
# (matched by the start of their names, first match wins).
_JOINT_BONE = {
    "pelvis": "root", "lumbar": "spine04", "thorax": "spine02", "head": "neck01",
    "upper_arm": "upperarm01", "forearm": "lowerarm01",
    "thigh": "upperleg01", "shank": "lowerleg01", "foot": "foot",
}  # fmt: skip
_BONES = (
    ("root", "pelvis"), ("pelvis", "pelvis"), ("spine05", "pelvis"),
    ("spine04", "lumbar"), ("spine03", "lumbar"), ("spine", "thorax"),
    ("clavicle", "thorax"), ("shoulder", "thorax"), ("neck", "head"), ("head", "head"), ("eye", "head"),
    ("upperarm", "upper_arm"), ("lowerarm", "forearm"), ("wrist", "forearm"),
    ("finger", "forearm"), ("metacarpal", "forearm"),
    ("upperleg", "thigh"), ("lowerleg", "shank"), ("foot", "foot"), ("toe", "foot"),
)  # fmt: skip
# Ends of the two-bone limbs, needed to straighten the rest pose (arms hang at 40 degrees there).
_END_BONE = {"forearm": "wrist", "shank": "foot"}

# What differs between adults beside anny's phenotypes: name -> standard deviation of the blend weight.
LOCAL_CHANGES = {
    "measure-shoulder-dist-incr": 0.45, "measure-hips-circ-incr": 0.45, "measure-waist-circ-incr": 0.5,
    "measure-thigh-circ-incr": 0.45, "measure-calf-circ-incr": 0.5,
    "measure-upperleg-height-incr": 0.45, "measure-lowerleg-height-incr": 0.45,
    "measure-upperarm-length-incr": 0.4, "measure-lowerarm-length-incr": 0.4,
    "torso-scale-depth-incr": 0.4, "torso-scale-horiz-incr": 0.4, "torso-scale-vert-incr": 0.4,
    "torso-vshape-incr": 0.45, "hip-scale-horiz-incr": 0.4, "hip-scale-depth-incr": 0.4,
    "measure-neck-circ-incr": 0.5, "measure-neck-height-incr": 0.5, "neck-trans-forward": 0.4,
    "head-scale-horiz-incr": 0.4, "head-scale-depth-incr": 0.4, "head-scale-vert-incr": 0.4, "head-fat-incr": 0.4,
    "stomach-pregnant-incr": 0.25, "stomach-tone-incr": 0.5, "buttocks-volume-incr": 0.5,
    "breast-volume-vert-up": 0.4, "l-foot-scale-incr": 0.4, "r-foot-scale-incr": 0.4,
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """One person's rest mesh.

    vertices f32[V,3] metres; triangles i64[F,3]; weights f32[V,S] summing to 1 over the S segments;
    joints f32[S,3]: where each segment turns; ends f32[S,3]: wrist or ankle of forearms and shanks.
    """

    vertices: Floats
    triangles: Ints
    weights: Floats
    joints: Floats
    ends: Floats


@functools.cache
def _anny():
    """The parametric model. anny parses its assets once a machine (about 40 s) and keeps the result in
    its cache; the lock keeps two processes from writing that cache at once."""
    import warp
    from filelock import FileLock

    warp.config.log_level = logging.ERROR
    import anny
    from anny.paths import get_anny_cache_path

    cache = Path(get_anny_cache_path())
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "harness.lock"):
        return anny.Anny(topology="notoes_collapse10pc", local_changes=sorted(LOCAL_CHANGES))


def draw_shape(rng: np.random.Generator, people: Population) -> tuple[dict[str, float], dict[str, float]]:
    """One adult's phenotypes (anny's units, [0, 1]) and local changes (blend weights in [-1, 1])."""
    spread = people.spread
    gender = float(rng.uniform(0.05, 0.95))
    phenotypes = {
        "gender": gender,
        "age": float(np.clip(rng.normal(people.age, 0.07), 0.64, 1.0)),
        "muscle": float(np.clip(rng.normal(0.5, 0.2 * spread), 0.05, 0.95)),
        "weight": float(np.clip(rng.normal(people.weight, 0.2 * spread), 0.05, 0.95)),
        "height": float(np.clip(rng.normal(0.46, 0.06 * spread), 0.3, 0.62)),
        "proportions": float(np.clip(rng.normal(0.5, 0.22 * spread), 0.05, 0.95)),
    }
    local = {}
    for name, deviation in LOCAL_CHANGES.items():
        if name.startswith("r-"):
            local[name] = local["l-" + name[2:]]
        else:
            local[name] = float(np.clip(rng.normal(0.0, deviation * spread), -1.0, 1.0))
    if gender > 0.5:
        local["breast-volume-vert-up"] = 0.0
    return phenotypes, local


def build_bodies(shapes: list[tuple[dict[str, float], dict[str, float]]]) -> list[Body]:
    """Rest meshes for shapes from :func:`draw_shape`, sixty-four at a time (one forward pass of anny each)."""
    import torch

    # Sums must not be split differently on machines with more cores.
    torch.set_num_threads(1)
    model = _anny()
    labels = list(model.bone_labels)
    weights = _segment_weights(model, labels)
    triangles = model.faces.numpy().astype(np.int64)
    joint_bones = [labels.index(_bone(name, _JOINT_BONE)) for name in SEGMENTS]
    end_bones = [labels.index(_bone(name, {**_JOINT_BONE, **_END_BONE})) for name in SEGMENTS]
    bodies: list[Body] = []
    for start in range(0, len(shapes), 64):
        chunk = shapes[start : start + 64]
        with torch.no_grad():
            out = model(
                phenotype_kwargs={k: torch.tensor([s[0][k] for s in chunk]) for k in chunk[0][0]},
                local_changes_kwargs={k: torch.tensor([s[1][k] for s in chunk]) for k in chunk[0][1]},
            )
        vertices = out["rest_vertices"].numpy().astype(np.float32)
        heads = out["rest_bone_heads"].numpy().astype(np.float32)
        bodies += [
            Body(v, triangles, weights, h[joint_bones], h[end_bones]) for v, h in zip(vertices, heads, strict=True)
        ]
    return bodies


def _bone(segment: str, table: dict[str, str]) -> str:
    name, dot, side = segment.partition(".")
    bone = table[name]
    return bone + dot + side


def _segment_weights(model, labels: list[str]) -> Floats:
    segment_of_bone = []
    for label in labels:
        stem, dot, side = label.partition(".")
        segment = next(seg for start, seg in _BONES if stem.startswith(start))
        segment_of_bone.append(SEGMENT.get(segment + dot + side, SEGMENT.get(segment, 0)))
    bones = model.vertex_bone_indices.numpy()
    values = model.vertex_bone_weights.numpy().astype(np.float32)
    weights = np.zeros((bones.shape[0], len(SEGMENTS)), dtype=np.float32)
    np.add.at(weights, (np.arange(bones.shape[0])[:, None], np.asarray(segment_of_bone)[bones]), values)
    return weights / weights.sum(axis=1, keepdims=True)


def vertex_normals(vertices: Floats, triangles: Ints) -> Floats:
    """Unit outward normals f32[V,3], area-weighted over the triangles that share a vertex."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(normals, triangles[:, i], faces)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
