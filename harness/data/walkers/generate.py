"""Walkers: rendered sequences, into a store or as raw PNG frames.

Both ways run the same frames through :mod:`harness.data.prepare`, so that a store made directly equals one
prepared from the files. Each draw is keyed by (seed, domain, subject, walk, view): the same settings give
the same bytes whatever the number of processes.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from harness.config import Domain
from harness.counters import numpy_rng
from harness.data.prepare import normalise
from harness.data.store import Sequence, write_store
from harness.data.walkers.body import Body, build_bodies, draw_shape
from harness.data.walkers.camera import FIELD_OF_VIEW, Camera, project
from harness.data.walkers.clothes import Wardrobe, draw_wardrobe, dress
from harness.data.walkers.gait import Gait, draw_gait, local_rotations, pose, vary_gait
from harness.data.walkers.noise import segment
from harness.data.walkers.raster import rasterise, spread_points
from harness.data.walkers.structure import Walk, name_view, subject_names, vary_scene, walks_of
from harness.files import atomic_path
from harness.identity import cores

Progress = Callable[[int, int], None]
"""Called with (subjects done, subjects in all)."""


@dataclass(frozen=True)
class Person:
    """One subject: rest mesh, gait and wardrobe."""

    name: str
    split: str
    body: Body
    gait: Gait
    wardrobe: Wardrobe


@dataclass(frozen=True)
class RawSequence:
    """Raw masks uint8[T,rows,columns] in {0,255} of one walk under one camera."""

    condition: str
    view: str
    frames: np.ndarray


def draw_people(name: str, domain: Domain) -> list[Person]:
    """Every subject of a domain. Nobody occurs in two domains or splits: all draws are keyed by both names."""
    subjects = subject_names(domain)
    people = domain.population
    rngs = [numpy_rng(domain.seed, "person", name, subject) for subject, _ in subjects]
    bodies = build_bodies([draw_shape(rng, people) for rng in rngs])
    return [
        Person(subject, split, body, draw_gait(rng, people.spread), draw_wardrobe(rng, domain.clothes, domain.coat))
        for (subject, split), body, rng in zip(subjects, bodies, rngs, strict=True)
    ]


def _dressed_gait(gait: Gait, wardrobe: Wardrobe, wear: str) -> Gait:
    """What a bag or a coat does to the arms and the trunk."""
    values = dict(gait.values)
    if wear == "cl":
        for side in (".L", ".R"):
            values["arm_swing" + side] *= 0.75
            values["abduction" + side] += 0.05
    elif wear == "bg":
        side = ".L" if wardrobe.bag_side > 0 else ".R"
        if wardrobe.bag == "backpack":
            values["trunk_lean"] += 0.05
        elif wardrobe.bag == "shoulder_bag":
            values["arm_swing" + side] *= 0.5
            values["abduction" + side] += 0.22
        else:
            values["arm_swing" + side] *= 0.4
            values["elbow" + side] *= 0.3
    return Gait(values, gait.harmonics)


def render_walk(name: str, domain: Domain, person: Person, walk: Walk) -> Iterator[RawSequence]:
    """The raw sequences of one walk, a camera at a time: posed once, projected to each view."""
    scene = vary_scene(domain, person.name, walk)
    rng = numpy_rng(domain.seed, "walk", name, person.name, walk.condition)
    body = dress(person.body, person.wardrobe, walk.wear)
    gait = vary_gait(_dressed_gait(person.gait, person.wardrobe, walk.wear), rng, domain.variation)
    time = (np.arange(domain.frames) - (domain.frames - 1) / 2) / domain.frame_rate
    vertices = pose(body, local_rotations(body, gait, rng.random() + gait.values["cadence"] * time))
    stride = 0.78 * float(np.ptp(person.body.vertices[:, 2]))
    path = (stride * gait.values["cadence"] * time).astype(np.float32)
    size = (domain.image, domain.image)
    splats = spread_points(body, per_metre=domain.image / FIELD_OF_VIEW * 0.8)
    for view in walk.views:
        own = numpy_rng(domain.seed, "camera", name, person.name, walk.condition, view)
        camera = Camera(
            view_deg=view + scene.camera.view_jitter_deg * float(own.normal()),
            distance=max(2.0, scene.camera.distance + scene.camera.distance_jitter * float(own.normal())),
            height=scene.camera.height,
            stretch=scene.camera.stretch,
        )
        masks = rasterise(project(vertices, path, camera, size), splats, size)
        yield RawSequence(walk.condition, name_view(view), segment(masks, own, scene.segmentation))


def _store_subject(job: tuple[str, Domain, Person]) -> list[Sequence]:
    name, domain, person = job
    out = []
    for walk in walks_of(domain, person.name):
        for raw in render_walk(name, domain, person, walk):
            frames, _ = normalise(raw.frames)
            out.append(Sequence(person.name, raw.condition, raw.view, person.split, frames))
    return out


def _write_subject(job: tuple[str, Domain, Person, Path]) -> int:
    name, domain, person, folder = job
    for walk in walks_of(domain, person.name):
        for raw in render_walk(name, domain, person, walk):
            place = folder / person.name / raw.condition / raw.view
            place.mkdir(parents=True)
            for number, frame in enumerate(raw.frames, 1):
                file = place / f"{person.name}-{raw.condition}-{raw.view}-{number:03d}.png"
                if not cv2.imwrite(str(file), frame):
                    raise OSError(f"{file}: could not be written")
    return 1


def _one_thread() -> None:
    cv2.setNumThreads(1)


def map_subjects(work: Callable, jobs: list, processes: int, progress: Progress | None) -> Iterator:
    """Results of ``work`` in the order of ``jobs``, from a pool of processes."""
    context = multiprocessing.get_context("spawn")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    with context.Pool(min(processes, len(jobs)), initializer=_one_thread) as pool:
        for done, result in enumerate(pool.imap(work, jobs), 1):
            if progress:
                progress(done, len(jobs))
            yield result


def generate_store(
    name: str, domain: Domain, path: Path, processes: int | None = None, progress: Progress | None = None
) -> None:
    """Renders the domain ``name`` into a store at ``path``."""
    jobs = [(name, domain, person) for person in draw_people(name, domain)]
    subjects = map_subjects(_store_subject, jobs, processes or cores(), progress)
    sequences = (sequence for subject in subjects for sequence in subject)
    write_store(path, sequences, {"dataset": f"walkers-{name}", "made_from": domain.model_dump(mode="json")})


def generate_raw(
    name: str, domain: Domain, path: Path, processes: int | None = None, progress: Progress | None = None
) -> None:
    """Renders the domain ``name`` as files <subject>/<condition>/<view>/<subject>-<condition>-<view>-<frame>.png."""
    with atomic_path(path) as folder:
        folder.mkdir()
        jobs = [(name, domain, person, folder) for person in draw_people(name, domain)]
        for _ in map_subjects(_write_subject, jobs, processes or cores(), progress):
            pass
