"""Pre-trained weights from a file, where the pre-training set is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.cli import wiring
from harness.cli.console import console
from harness.errors import UserError
from harness.files import sha256, write_json
from harness.identity import command_line, commit, environment, run_id
from harness.layout import provenance
from harness.training import checkpoint


def import_weights(run: wiring.Run, file: Path) -> None:
    """Takes a checkpoint's weights as the last weights of ``run``.

    The run's id follows from the file's content, the backbone's parameters and the run's place, so that whatever
    descends from it is another run when the file is another. A file whose weights do not fit the backbone is a
    :class:`UserError`.
    """
    if not file.is_file():
        raise UserError(f"{file}: no such checkpoint; correct checkpoints.{run.name.backbone} in params.yaml")
    backbone = wiring.new_backbone(run)
    wiring.load_weights(backbone, file)
    network = run.method.build(backbone, 0)
    inputs = {
        "method": run.name.method,
        "backbone": {"name": run.name.backbone, **run.backbone.model_dump(mode="json")},
        "imported": sha256(file),
        "dataset": run.name.dataset,
        "seed": run.name.seed,
    }
    identity = run_id(inputs)
    checkpoint.save(run.name.checkpoint, wiring.checkpoint_of(run, network, identity))
    write_json(run.name.epochs, {"run_id": identity, "epochs": [], "digests": []})
    write_json(
        provenance(run.name.suite, run.name.stem),
        {
            "run_id": identity,
            "inputs": inputs,
            "commit": commit(),
            "command": command_line(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": 0.0,
            "environment": environment(),
        },
    )
    console.print(f"[bold]{run.name.stem}[/] run {identity}: weights imported from {file}")
