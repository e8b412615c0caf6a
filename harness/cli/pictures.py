"""What figures 3, 6 and 7 are drawn from: silhouettes of the store, and what trained networks make of them."""

from __future__ import annotations

from threading import Event, Lock

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.cli import wiring
from harness.config import Settings
from harness.data.augment import ClothAugment
from harness.data.store import SequenceStore
from harness.errors import UserError
from harness.evaluation.diagnostics import FRONT_BACK_VIEWS
from harness.figures.figure6 import Cloud
from harness.figures.figure7 import Look, Pair
from harness.training.device import Device, set_up
from harness.training.distributed import Ranks
from harness.training.listener import Listener
from harness.training.trainer import TrainingTools
from harness.types import Augment, SequenceLabels

MIDDLE = (16.0, 40.0, 62.0)
"""Boundary rows of Figure 3's examples: the middles of those that are drawn in training."""


def cloth_examples(settings: Settings, dataset: str) -> dict[str, dict[str, npt.NDArray[np.uint8]]]:
    """Condition -> type -> a silhouette uint8[64,44]: the first training subject in NM and CL, seen from the side."""
    store = wiring.open_store(settings, dataset)
    rows = store.rows("train")
    labels = store.labels(rows)
    first = sorted(set(labels.subject.tolist()))[0]
    out = {}
    for condition in ("NM", "CL"):
        own = [int(i) for i in np.flatnonzero(labels.subject == first) if _short(labels.condition[i]) == condition]
        if not own:
            continue
        side = min(own, key=lambda i: (abs(_degrees(labels, i) - 90), i))
        walk = store.sequence(rows[side])
        frame = np.ascontiguousarray(walk[len(walk) // 2])
        pixels = torch.from_numpy(np.repeat(frame[None, None], 6, axis=0)).float() / 255
        draws = np.array([[kind, *MIDDLE] for kind in range(6)])
        changed = (ClothAugment(1.0)(pixels, draws)[:, 0] * 255).round().to(torch.uint8).numpy()
        out[condition] = {"original": frame, **dict(zip(ClothAugment.TYPES, changed, strict=True))}
    if not out:
        raise UserError(f"{store.path}: no normal walk and no coat in its training split, so nothing to draw")
    return out


def _short(condition: str) -> str:
    """ "nm-01" and "scene1-nm-01" -> "NM"; what has no such word stays as it is."""
    words = [word.upper() for word in condition.split("-")]
    return next((word for word in words if word in ("NM", "BG", "CL")), condition)


def _degrees(labels: SequenceLabels, row: int) -> int:
    text = str(labels.view[row]).lstrip("0") or "0"
    return int(text) if text.isdecimal() else 90


class _Once:
    """Tools with which every sequence goes through the network once: what fusion makes of changed clothes decides links
    and memories, which no figure shows, and no label."""

    def __init__(self, tools: TrainingTools) -> None:
        self.seed, self.cluster, self.front_back = tools.seed, tools.cluster, tools.front_back
        self.embeddings = tools.extract()  # f32[N,P,D]

    def extract(self, augment: Augment | None = None) -> Tensor:
        return self.embeddings


class _UntilStopped(Listener):
    """Ends an extraction that nobody waits for any more."""

    def __init__(self, stop: Event) -> None:
        self.stop = stop

    def extracted(self, sequences: int, total: int) -> None:
        if self.stop.is_set():
            raise KeyboardInterrupt


_VIEWS: dict[str, npt.NDArray[np.bool_]] = {}
"""Run of a view classifier -> which sequences of the suite's first data set it calls front or back, bool[N]."""
_ASKING = Lock()


class Trained:
    """A trained method on a data set's training split: features, pseudo-labels, and truths to colour them with."""

    def __init__(self, settings: Settings, method: str, backbone: str, dataset: str, seed: int, stop: Event) -> None:
        """``stop``, once set, ends it at its next batch with a KeyboardInterrupt."""
        self.run = wiring.resolve(settings, method, backbone, dataset, seed)
        self.device: Device = set_up(settings.compute)
        self.store: SequenceStore = wiring.open_store(settings, dataset)
        self.network, _ = wiring.trained_network(self.run, self.device)
        self.pool = self.store.pool("train", labels=False)
        self.frames = torch.from_numpy(self.store.frames)
        self.labels = self.store.labels(self.store.rows("train"))
        cluster = wiring.clustering_of(self.run.settings, self.device)
        heard = _UntilStopped(stop)
        tools = _Once(
            TrainingTools(
                seed, self.network, self.frames, self.pool, self.device, cluster, self._front_back, listener=heard
            )
        )
        # The epoch after the last: what the trained network would be told to learn next.
        self.plan = self.run.method.plan_epoch(self.run.method.training.epochs, self.pool, tools)
        self.embeddings = tools.embeddings

    def _front_back(self) -> npt.NDArray[np.bool_]:
        """What the view classifier says, which is the same for every method and backbone."""
        other = wiring.view_classifier_of(self.run)
        key = wiring.run_id_of(other) if other else ""
        with _ASKING:
            if key not in _VIEWS:
                _VIEWS[key] = wiring.front_back_of(self.run, self.frames, self.pool, self.device, Ranks())()
        return _VIEWS[key]

    @property
    def space(self):
        """Embeddings f32[N,P,D] -> unit features f32[N,F], as the method compares them."""
        return self.run.method.space  # pyright: ignore[reportAttributeAccessIssue]

    def features(self) -> Tensor:
        return self.space(self.embeddings)

    def frame(self, row: int) -> npt.NDArray[np.uint8]:
        """The silhouette in the middle of a sequence of the pool."""
        return np.asarray(self.store.frames[self.pool.start[row] + self.pool.length[row] // 2])

    def cloud(self) -> Cloud:
        """All sequences as Figure 6 wants them."""
        count = len(self.pool)
        front = np.array([_degrees(self.labels, i) in FRONT_BACK_VIEWS for i in range(count)])
        return Cloud(
            features=self.features().cpu().numpy(),
            subject=self.labels.subject,
            condition=np.array([_short(c) for c in self.labels.condition.tolist()]),
            front=front,
            labels=self.plan.labels,
            frames=np.stack([self.frame(i) for i in range(count)]),
        )

    def pairs(self, each: int) -> list[Pair]:
        """Up to ``each`` pairs that got one pseudo-label and as many that did not, of different people.

        A pair is one person in normal walk and in a coat (or else in any two conditions): the most alike of those
        together, the least alike of those apart.
        """
        features = self.features()
        likeness = (features @ features.t()).cpu().numpy()
        found: dict[bool, dict[str, tuple[float, int, int]]] = {True: {}, False: {}}
        conditions = np.array([_short(c) for c in self.labels.condition.tolist()])
        for subject in sorted(set(self.labels.subject.tolist())):
            own = np.flatnonzero(self.labels.subject == subject)
            left, right = (own[conditions[own] == c] for c in ("NM", "CL"))
            if not (len(left) and len(right)):
                left = right = own
            for a in left:
                for b in right[conditions[right] != conditions[a]]:
                    if min(self.plan.labels[a], self.plan.labels[b]) < 0:
                        continue
                    together = bool(self.plan.labels[a] == self.plan.labels[b])
                    score = float(likeness[a, b])
                    best = found[together].get(subject)
                    if best is None or (score > best[0] if together else score < best[0]):
                        found[together][subject] = (score, int(a), int(b))
        chosen = [
            (together, *pair)
            for together in (True, False)
            for pair in sorted(found[together].values(), key=lambda p: -p[0] if together else p[0])[:each]
        ]
        return [self._pair(together, score, a, b, features) for together, score, a, b in chosen]

    def _pair(self, together: bool, score: float, a: int, b: int, features: Tensor) -> Pair:
        sides = [self._look(one, features[other]) for one, other in ((a, b), (b, a))]
        return Pair(self.run.name.backbone, together, score, *sides)

    def _look(self, row: int, other: Tensor) -> Look:
        """The frame that adds most to the likeness with ``other``: heat is scaled over all of them."""
        from harness.evaluation.gradcam import grad_cam

        start, length = int(self.pool.start[row]), int(self.pool.length[row])
        pixels = self.frames[start : start + length][None].to(self.device.torch).float() / 255
        heat = grad_cam(self.network, pixels, self.space, other)
        caption = f"{_short(str(self.labels.condition[row]))} {self.labels.view[row]}°"
        most = int(heat.reshape(length, -1).max(axis=1).argmax())
        return Look(np.asarray(self.store.frames[start + most]), heat[most], caption)
