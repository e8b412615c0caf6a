"""``harness checkpoint``: weights from and for other people's code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.console import console
from harness.errors import UserError, nearest
from harness.files import atomic_path, refuse_input, sha256

app = typer.Typer(
    help="Bring weights in from OpenGait, and take them out. Example: harness checkpoint export IN.pt OUT.pt",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="print the figures as JSON")]


def _one_of(option: str, given: str | None, known: tuple[str, ...]) -> None:
    if given is not None and given not in known:
        raise UserError(f"{option}: unknown '{given}'; {nearest(given, known)}")


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="the other code's checkpoint")],
    target: Annotated[Path, typer.Argument(help="the checkpoint to write")],
    backbone: Annotated[str, typer.Option(help="gaitset or gaitgl")],
    origin: Annotated[str, typer.Option("--from", help="whose it is: opengait")] = "opengait",
    head: Annotated[str | None, typer.Option(help="norm or necks, where a GaitGL's weights do not tell")] = None,
    as_json: Json = False,
) -> None:
    """Turn an OpenGait checkpoint into one of ours; channels, form and head are read off its shapes.

    Example: harness checkpoint import GaitSet-60000.pt gaitset.pt --from opengait --backbone gaitset
    """
    refuse_input(target, source)
    _one_of("--from", origin, ("opengait",))
    _one_of("--backbone", backbone, ("gaitset", "gaitgl"))
    _one_of("--head", head, ("norm", "necks"))
    from harness.cli.networks import network_of
    from harness.interop import import_opengait
    from harness.training import checkpoint

    found = import_opengait(source, backbone, head)
    content: dict[str, Any] = {
        "network": found.network,
        "prefix": "",
        "backbone": found.backbone,
        "method": None,
        "run_id": f"imported-{sha256(source)[:16]}",
        "extra": found.extra,
    }
    network = network_of(content, source)
    checkpoint.save(target, content)
    size = sum(weight.numel() for weight in network.parameters())
    if as_json:
        typer.echo(json.dumps({"backbone": found.backbone, "parameters": size, "kept_aside": sorted(found.extra)}))
        return
    form = ", ".join(f"{key} {value}" for key, value in found.backbone.items() if key not in ("kind", "head_init"))
    aside = f"; kept aside: {', '.join(sorted(found.extra))}" if found.extra else ""
    console.print(f"{target}: {backbone} ({form}), {size} parameters{aside}")


@app.command()
def export(
    source: Annotated[Path, typer.Argument(help="a checkpoint of ours, imported or trained")],
    target: Annotated[Path, typer.Argument(help="the OpenGait checkpoint to write")],
    to: Annotated[str, typer.Option(help="for whom: opengait")] = "opengait",
    as_json: Json = False,
) -> None:
    """Turn a checkpoint of ours into one that OpenGait loads.

    Example: harness checkpoint export runs/smoke/upper-gaitset-target-s0/checkpoint.pt gaitset-opengait.pt
    """
    refuse_input(target, source)
    _one_of("--to", to, ("opengait",))
    import torch

    from harness.cli.networks import backbone_weights
    from harness.interop import classifier_weights, export_opengait
    from harness.training import checkpoint

    content = checkpoint.load(source)
    try:
        extra = {**content.get("extra", {}), **classifier_weights(content["backbone"], content["network"])}
        model = export_opengait(content["backbone"], backbone_weights(content), extra)
    except KeyError as error:
        raise UserError(f"{source}: {error} is missing, so it cannot be exported; make it again") from None
    with atomic_path(target) as scratch:
        torch.save(model, scratch)
    if as_json:
        typer.echo(json.dumps({"backbone": content["backbone"], "weights": sorted(model["model"])}))
        return
    console.print(f"{target}: {len(model['model'])} weights of {content['backbone']['kind']}, as OpenGait names them")
