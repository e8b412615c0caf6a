"""``harness score``: the official protocols on anybody's embeddings."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from harness.cli import complete
from harness.cli.arrays import Wanted, read_arrays
from harness.cli.console import console
from harness.errors import UserError, nearest
from harness.files import refuse_input, write_json

if TYPE_CHECKING:
    from harness.evaluation.evaluate import ConditionScore

PROTOCOLS = ("casia-b", "oumvlp", "outdoor-gait", "grew")
_ARRAYS = {
    "embeddings": Wanted("NPD"),
    "subjects": Wanted("N", "words"),
    "conditions": Wanted("N", "words"),
    "views": Wanted("N", "words"),
}


def score(
    embeddings: Annotated[
        Path, typer.Argument(help="an .npz file: `embeddings` [N,P,D]; subjects, conditions, views [N]")
    ],
    protocol: Annotated[str, typer.Option(help=", ".join(PROTOCOLS), autocompletion=complete.protocols)] = "casia-b",
    distance: Annotated[str, typer.Option(help="part-euclidean, flat-euclidean or cosine")] = "part-euclidean",
    unmatched: Annotated[
        str | None, typer.Option(help="a probe whose subject the gallery lacks: count it as wrong, or skip it")
    ] = None,
    output: Annotated[Path | None, typer.Option("--json", help="also write the figures here; - prints them")] = None,
) -> None:
    """Score embeddings by a data set's official protocol: rank-1 by probe view, identical view excluded.

    Views and conditions are named as in the data set: 090, nm-05 (CASIA-B), 00 and 01 (OU-MVLP).

    Example: harness score embeddings.npz --protocol casia-b --json scores.json
    """
    for word, given, known in (
        ("protocol", protocol, PROTOCOLS),
        ("distance", distance, ("part-euclidean", "flat-euclidean", "cosine")),
        ("--unmatched", unmatched or "count", ("count", "skip")),
    ):
        if given not in known:
            raise UserError(f"unknown {word} '{given}'; {nearest(given, known)}")
    if output is not None:
        refuse_input(output, embeddings)
    import torch

    from harness.data.sets import protocol_of
    from harness.evaluation.evaluate import score as score_by
    from harness.types import SequenceLabels

    arrays = read_arrays(embeddings, _ARRAYS)
    official: Any = protocol_of(protocol)
    if unmatched is not None:
        official = replace(official, unmatched=unmatched)
    conditions = arrays["conditions"]
    if protocol == "outdoor-gait":
        conditions = _as_prepared(conditions)
    labels = SequenceLabels(arrays["subjects"], conditions, arrays["views"])
    try:
        scores = score_by(torch.from_numpy(arrays["embeddings"]), labels, official, distance)
    except UserError as error:
        raise UserError(f"{embeddings}: {error}") from None
    figures = as_json(scores)
    if output is not None and str(output) == "-":
        typer.echo(json.dumps(figures))
        return
    if output is not None:
        write_json(output, figures)
    _show(scores, distance)


def _as_prepared(conditions: np.ndarray) -> np.ndarray:
    """Outdoor-Gait's conditions as `harness data prepare` names them: scene1-nm-01 where copies say L_scene1_nm_1."""
    from harness.data.sets.outdoor_gait import OUTDOOR_GAIT, VIEWS

    names, place = np.unique(conditions, return_inverse=True)
    keys = [OUTDOOR_GAIT.parse(("001", str(name), VIEWS[0])) for name in names]
    return np.array([n if isinstance(k, str) else k.condition for n, k in zip(names, keys, strict=True)])[place]


def as_json(scores: dict[str, ConditionScore]) -> dict[str, Any]:
    """Figures in per cent, not rounded: metric -> condition -> mean; for rank1 by view and the whole matrix too."""

    def plain(values: np.ndarray) -> list[Any]:
        return [plain(v) if isinstance(v, np.ndarray) else None if np.isnan(v) else float(v) for v in values]

    def named(views: list[int | None]) -> list[str]:
        return [str(view) for view in views if view is not None]

    figures: dict[str, Any] = {"rank1": {}}
    for condition, s in scores.items():
        views = named(s.views)
        figures["rank1"][condition] = {
            "mean": s.mean,
            "per_view": dict(zip(views, plain(s.per_view), strict=True)) if views else {},
            "matrix": plain(s.rank1),
            "probe_views": views,
            "gallery_views": named(s.gallery_views),
            "probes": int(s.probes.sum()),
            "unmatched": s.unmatched,
        }
        further = {f"rank{k}": value for k, value in s.ranks.items() if k != 1} | s.precision
        for metric, value in further.items():
            figures.setdefault(metric, {})[condition] = {"mean": value}
    return figures


def _show(scores: dict[str, ConditionScore], distance: str) -> None:
    """A column for each condition: however many views there are, the table fits a terminal."""
    from rich.table import Table

    views = list(dict.fromkeys(view for s in scores.values() for view in s.views if view is not None))
    table = Table("probe view" if views else "", title=f"per cent; distance {distance}")
    for condition in scores:
        table.add_column(condition, justify="right")
    by_view = [dict(zip(s.views, s.per_view.tolist(), strict=True)) for s in scores.values()]
    for view in views:
        table.add_row(str(view), *(_cell(own.get(view)) for own in by_view))
    table.add_section()
    means = [{f"rank-{k}": value for k, value in s.ranks.items()} | s.precision for s in scores.values()]
    for name in dict.fromkeys(name for own in means for name in own):
        table.add_row(name, *(_cell(own.get(name)) for own in means))
    table.add_row("probes", *(str(s.probes.sum()) for s in scores.values()))
    console.print(table)
    for condition, s in scores.items():
        if s.unmatched:
            console.print(
                f"{condition}: {s.unmatched} probes miss their subject in a gallery that they are compared with"
            )


def _cell(value: float | None) -> str:
    """Empty where there is nothing to compare."""
    return "" if value is None or math.isnan(value) else f"{value:.1f}"
