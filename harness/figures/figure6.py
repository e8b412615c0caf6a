"""Figure 6: t-SNE of pseudo-labelled sequences, CC beside SF, and the silhouettes behind the points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.figure import Figure

from harness.figures.look import MARKS, canvas
from harness.identity import cores

Points = npt.NDArray[np.float64]

FILLS = ("#88CCEE", "#CC6677", "#F5DEB3", "#B8B8B8", "#99DDAA", "#DDAADD")
"""Light enough that a black ring shows on each; markers keep conditions apart in grey."""
MAPPED = 1000
"""Points at most in a panel: t-SNE's time grows faster than their number."""
STEPS = 500
"""Of t-SNE, half of its usual 1,000: the other half takes as long and lowers its divergence little."""


@dataclass(frozen=True)
class Cloud:
    """features f32[N,F] unit; subject, condition ("NM" ...) str[N]; front bool[N]; labels i64[N] (-1 outlier);
    frames uint8[N,64,44]: a silhouette of each."""

    features: npt.NDArray[np.float32]
    subject: npt.NDArray[np.str_]
    condition: npt.NDArray[np.str_]
    front: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]
    frames: npt.NDArray[np.uint8]

    def of(self, subjects: Sequence[str]) -> Cloud:
        """The sequences of some subjects, thinned evenly to :data:`MAPPED`."""
        rows = np.flatnonzero(np.isin(self.subject, subjects))
        rows = rows[np.linspace(0, len(rows) - 1, min(MAPPED, len(rows))).round().astype(int)]
        return Cloud(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def tsne(features: npt.NDArray[np.float32]) -> Points:
    """Two coordinates f64[N,2] of unit features f32[N,F]; the same for the same ones. Fewer than 3 lie on a line."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(features) < 3:
        return np.stack([np.arange(len(features)), np.zeros(len(features))], axis=1).astype(np.float64)
    perplexity = min(30.0, (len(features) - 1) / 3)
    method = "exact" if len(features) < 50 else "barnes_hut"
    mapped = TSNE(perplexity=perplexity, init="pca", random_state=0, method=method, max_iter=STEPS)
    with threadpool_limits(1):  # sums in the order of one thread, on any number of cores
        return np.asarray(mapped.fit_transform(features), dtype=np.float64)


def middles(points: Points, labels: npt.NDArray[np.int64]) -> list[int]:
    """For each pseudo-label but -1 the row whose point, of f64[N,2], is nearest to all others of that label."""
    found = []
    for label in sorted(set(labels.tolist()) - {-1}):
        rows = np.flatnonzero(labels == label)
        distances = np.linalg.norm(points[rows, None] - points[None, rows], axis=2).sum(axis=1)
        found.append(int(rows[distances.argmin()]))
    return found


def draw(clouds: Mapping[str, Cloud], one: str, many: Sequence[str]) -> Figure:
    """clouds: method's name -> its sequences; panels of one subject and of many, then silhouettes of the one."""
    strip = 12
    figure, axes = canvas(3, 2, 11, 12, height_ratios=(4, 4, 1))
    conditions = sorted({c for cloud in clouds.values() for c in cloud.condition.tolist()}, reverse=True)
    shown = [cloud.of(subjects) for subjects in ([one], many) for cloud in clouds.values()]
    with ThreadPoolExecutor(cores()) as pool:
        maps = list(pool.map(tsne, (cloud.features for cloud in shown)))
    for column, name in enumerate(clouds):
        _panel(axes[column], shown[column], maps[column], f"{name}: subject {one}", conditions, each=True)
        below = 2 + column
        _panel(axes[below], shown[below], maps[below], f"{name}: {len(many)} subjects", conditions, each=False)
        _silhouettes(axes[4 + column], shown[column], strip)
    legend = {label: handle for axis in axes[:4] for handle, label in zip(*axis.get_legend_handles_labels())}
    figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=4)
    return figure


def _panel(axis, cloud: Cloud, points: Points, title: str, conditions: Sequence[str], each: bool) -> None:
    """``each``: the pseudo-label stands at every point; otherwise, where they are too many, at one for each label."""
    for number, condition in enumerate(conditions):
        for front in (False, True):
            rows = (cloud.condition == condition) & (cloud.front == front)
            if rows.any():
                ring = {"edgecolors": "black", "linewidths": 1.4} if front else {"edgecolors": "0.6", "linewidths": 0.3}
                label = f"{condition}, {'front/back' if front else 'other views'}"
                look = {
                    "s": 42 if each else 16,
                    "color": FILLS[number % 6],
                    "marker": MARKS[number % 7],
                }
                axis.scatter(*points[rows].T, label=label, **look, **ring)
    halo = [patheffects.withStroke(linewidth=2, foreground="white")]
    for i in range(len(points)) if each else middles(points, cloud.labels):
        word = "–" if cloud.labels[i] < 0 else str(cloud.labels[i])
        look = {"fontsize": 6 if each else 7, "ha": "center", "path_effects": halo}
        axis.annotate(word, points[i], (0, 5), textcoords="offset points", **look)
    clusters = len(set(cloud.labels.tolist()) - {-1})
    axis.set_title(f"{title}, {clusters} pseudo-labels, {int((cloud.labels < 0).sum())} outliers")
    axis.set_xticks([])
    axis.set_yticks([])


def _silhouettes(axis, cloud: Cloud, count: int) -> None:
    """A silhouette of each pseudo-label in turn, so that what was kept apart stands side by side."""
    order = sorted(range(len(cloud.labels)), key=lambda i: (cloud.labels[i] < 0, cloud.labels[i], i))
    shown = [order[i] for i in np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)]
    axis.imshow(np.concatenate([cloud.frames[i] for i in shown], axis=1), cmap="gray", interpolation="nearest")
    width = cloud.frames.shape[2]
    for place, i in enumerate(shown):
        label = "–" if cloud.labels[i] < 0 else str(cloud.labels[i])
        axis.text(width * (place + 0.5), -3, label, ha="center", fontsize=7)
        note = f"{cloud.condition[i]}{' f/b' if cloud.front[i] else ''}"
        axis.text(width * (place + 0.5), cloud.frames.shape[1] + 9, note, ha="center", fontsize=7)
    axis.set_axis_off()
