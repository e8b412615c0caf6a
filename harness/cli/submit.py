"""``harness submit``: results for benchmarks whose answers their organisers keep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.console import console
from harness.config import load
from harness.errors import UserError
from harness.files import refuse_folder

app = typer.Typer(
    help="Write results for benchmarks whose answers their organisers keep. Example: harness submit grew --method sf",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """One command for each benchmark."""


@app.command()
def grew(
    method: Annotated[str, typer.Option(help="which trained method")] = "sf",
    backbone: Annotated[str, typer.Option(help="a key of `backbones` in params.yaml")] = "gaitset",
    dataset: Annotated[str, typer.Option(help="the key of `archives` that is GREW")] = "grew",
    seed: Annotated[int, typer.Option(min=0, help="which of the method's runs")] = 0,
    output: Annotated[Path, typer.Option(help="the zip file to write")] = Path("submission.zip"),
) -> None:
    """Rank GREW's gallery for each of its probes and write the file that its server takes.

    Prints a local score too: on the subjects that archives.grew.validation keeps apart or, without them, on the
    labelled gallery (its first sequence of each subject against the second).

    Example: harness submit grew --method sf --backbone gaitset-grew --output submission.zip
    """
    import torch

    from harness.cli import wiring
    from harness.data.sets import protocol_of
    from harness.data.sets.grew import PROBE
    from harness.evaluation.evaluate import score
    from harness.submission import nearest_subjects, write_submission
    from harness.training.device import set_up
    from harness.training.extract import extract

    refuse_folder(output)
    settings = load()
    run = wiring.resolve(settings, method, backbone, dataset, seed)
    if settings.layout_of(dataset) != "grew":
        raise UserError(f"{dataset}: not GREW; name the key of archives whose reader is grew with --dataset")
    store = wiring.open_store(settings, dataset)
    there = set(store.splits().tolist())
    if PROBE not in there:
        raise UserError(f"{store.path}: has no probes to rank; prepare it from GREW's archive, test/probe included")
    store.verify()
    device = set_up(settings.compute)
    network, _ = wiring.trained_network(run, device)
    frames = torch.from_numpy(store.frames)

    def embed(split: str):
        return extract(network, frames, store.pool(split, labels=False), device), store.labels(store.rows(split))

    gallery, known = embed("test")
    probes, asked = embed(PROBE)
    distance = settings.assumed.test_distance
    subjects = known.subject.tolist()
    ranked = nearest_subjects(probes, gallery, subjects, distance)
    local = "val" if "val" in there else "test"
    embeddings, labels = embed("val") if local == "val" else (gallery, known)
    scores = score(embeddings, labels, protocol_of("grew"), distance)
    write_submission(output, asked.view.tolist(), ranked, subjects)
    console.print(f"{output}: {len(ranked)} probes against {len(gallery)} gallery sequences")
    for s in scores.values():
        means = ", ".join(f"rank-{k} {value:.1f}" for k, value in s.ranks.items())
        console.print(f"local score on {local}, one sequence against another of {len(s.subjects)} subjects: {means}")
