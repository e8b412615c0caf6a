"""One of the processes of test_distributed.py: FOLDER METHOD EPOCHS DIE-AT-STEP (process 1's; 0: never)."""

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

import torch

from harness.registry import find
from harness.training.distributed import ranks_of_environment

spec = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("conftest.py"))
assert spec and spec.loader
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)

torch.set_num_threads(1)
torch.set_deterministic_debug_mode("error")  # without the compiler that use_deterministic_algorithms imports
folder, name, epochs, die_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ranks, _ = ranks_of_environment()
ranks.connect(torch.device("cpu"))


class Mortal(tiny.Ear):
    def step(self, epoch: int, step: int, loss: float, sequences: int) -> None:
        super().step(epoch, step, loss, sequences)
        if ranks.rank == 1 and len(self.steps) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)


method = find("method", name)(tiny.tiny_settings(json.loads((folder / "tree.json").read_text())))
method.training = method.training.model_copy(update={"epochs": epochs})
ear = Mortal()
weights, place = tiny.fit(method, folder / "states", ear, every=0, ranks=ranks)
memory = getattr(method, "memory", None)
torch.save(
    {
        "weights": {key: value.clone() for key, value in weights.items()},
        "memory": memory.centroids if memory else None,
        "history": place.history,
        "labels": [digest["labels"] for digest in place.digests],
        "first": ear.steps[0],
    },
    folder / f"rank-{ranks.rank}.pt",
)
ranks.disconnect()
