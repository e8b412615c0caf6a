"""``harness cluster``: the paper's clustering on anybody's features."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from harness.cli.arrays import Wanted, read_arrays, write_arrays
from harness.cli.console import console
from harness.errors import UserError
from harness.files import refuse_folder, refuse_input
from harness.identity import cores


def cluster(
    features: Annotated[Path, typer.Argument(help="an .npz file with `features` [N,D]")],
    output: Annotated[Path, typer.Option(help="where `labels` i64[N] go, an .npz file; -1 is an outlier")],
    neighbours: Annotated[int, typer.Option(min=1, help="n: neighbours of each row, itself counted")] = 40,
    min_similarity: Annotated[float, typer.Option(min=-1, max=1, help="s_up: least cosine of a link")] = 0.7,
    min_size: Annotated[int, typer.Option(min=1, help="smaller clusters are outliers")] = 2,
    seed: Annotated[int, typer.Option(min=1, help="InfoMap's seed")] = 1,
    backend: Annotated[str, typer.Option(help="auto, exact or faiss")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="print the figures as JSON")] = False,
) -> None:
    """Cluster features by InfoMap on the graph of their nearest neighbours, as the paper's methods do.

    Clusters are numbered by their first member.

    Example: harness cluster features.npz --neighbours 40 --min-similarity 0.7 --output labels.npz
    """
    refuse_folder(output)
    refuse_input(output, features)
    from harness.clustering.infomap import Clustering
    from harness.clustering.knn import choose_backend

    if backend not in ("auto", "exact", "faiss"):
        raise UserError(f"unknown backend '{backend}'; known: auto, exact, faiss")
    rows = read_arrays(features, {"features": Wanted("ND")})["features"].astype(np.float32, copy=False)
    with np.errstate(over="ignore", under="ignore"):
        length = np.linalg.norm(rows, axis=1, keepdims=True)
    wrong = np.flatnonzero((length == 0) | ~np.isfinite(length))
    if wrong.size:
        fault = "too large for fp32; scale it down" if length[wrong[0]] else "all zero and like nothing; leave it out"
        raise UserError(f"{features}: row {int(wrong[0])} of 'features' is {fault}")
    if neighbours > len(rows):
        raise UserError(f"--neighbours is {neighbours}, but {features} has only {len(rows)} rows; lower it")
    clustering = Clustering(True, False, min_size, seed, choose_backend(backend), cores())
    found = clustering.fit(rows / length, neighbours, min_similarity)
    write_arrays(output, {"labels": found.labels})
    figures = {
        "sequences": len(rows),
        "clusters": found.count,
        "outliers": int((found.labels < 0).sum()),
        "codelength": found.codelength,
        "links": found.kept_links,
        "links_of_neighbours": found.neighbour_links,
    }
    if as_json:
        typer.echo(json.dumps(figures))
        return
    console.print(
        f"{output}: {found.count} clusters, {figures['outliers']} outliers of {len(rows)}, "
        f"code length {found.codelength:.4f} bits; {found.kept_links} of {found.neighbour_links} links kept"
    )
