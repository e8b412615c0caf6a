"""Which walks a domain has: subjects, conditions, views, in the structure of a real data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.config import Domain
from harness.counters import numpy_rng

_CASIA_VIEWS = tuple(range(0, 181, 18))
_OUMVLP_VIEWS = (*range(0, 91, 15), *range(180, 271, 15))
_WILD_SEQUENCES = 5


@dataclass(frozen=True)
class Walk:
    """One walk of one subject, seen by several cameras at once.

    wear: "nm", "bg" or "cl"; scene: 0 for the domain's own camera and segmentation, others vary them.
    """

    condition: str
    wear: str
    scene: int
    views: tuple[int, ...]


def subject_names(domain: Domain) -> list[tuple[str, str]]:
    """(subject, split) in the order of the data set; numbers never repeat across splits."""
    splits = [("train", domain.subjects.train), ("val", domain.subjects.val), ("test", domain.subjects.test)]
    names = [split for split, count in splits for _ in range(count)]
    digits = 5 if domain.layout in ("oumvlp", "grew") else 3
    return [(f"{number + 1:0{digits}d}", split) for number, split in enumerate(names)]


def walks_of(domain: Domain, subject: str) -> list[Walk]:
    """The walks of one subject."""
    if domain.layout == "oumvlp":
        return [Walk(number, "nm", 0, _OUMVLP_VIEWS) for number in ("00", "01")]
    if domain.layout == "casia-b":
        counts = (("nm", 6), ("bg", 2), ("cl", 2))
        return [Walk(f"{w}-{i + 1:02d}", w, 0, _CASIA_VIEWS) for w, count in counts for i in range(count)]
    if domain.layout == "outdoor-gait":
        return [
            Walk(f"scene{scene}-{wear}-{i + 1:02d}", wear, scene, (90,))
            for scene in (1, 2, 3)
            for wear in ("nm", "bg", "cl")
            for i in range(4)
        ]
    rng = numpy_rng(domain.seed, "wild", subject)
    return [
        Walk(f"{i + 1:02d}", str(rng.choice(("nm", "bg", "cl"), p=(0.5, 0.3, 0.2))), i + 1, (int(rng.integers(360)),))
        for i in range(_WILD_SEQUENCES)
    ]


def name_view(view: int) -> str:
    """A view as its data set writes it (three digits)."""
    return f"{view:03d}"


def vary_scene(domain: Domain, subject: str, walk: Walk) -> Domain:
    """The domain as it is in the walk's scene: another camera and another segmentation.

    Outdoor scenes are the same for everybody; in the wild each walk has its own.
    """
    if walk.scene == 0:
        return domain
    wild = domain.layout == "grew"
    rng = numpy_rng(domain.seed, "scene", walk.scene, subject if wild else "")
    spread = 1.6 if wild else 1.0
    camera = domain.camera.model_copy(
        update={
            "distance": domain.camera.distance * float(np.exp(0.25 * spread * rng.normal())) + 0.5,
            "height": max(0.6, domain.camera.height + 0.5 * spread * float(rng.normal())),
        }
    )
    segmentation = domain.segmentation.model_copy(
        update={
            "thickness": domain.segmentation.thickness + 0.5 * spread * float(rng.normal()),
            "boundary": domain.segmentation.boundary * float(np.exp(0.3 * spread * rng.normal())),
        }
    )
    return domain.model_copy(update={"camera": camera, "segmentation": segmentation})
