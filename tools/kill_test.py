"""Kills training runs at random moments, starts each again, and compares what comes out with an undisturbed run.

    python tools/kill_test.py --kills 25

A folder of its own gets a tiny walkers suite; every method is trained once in peace. Then its process is killed with
SIGKILL at random moments (while it starts, plans, steps or writes) and started again, until it has been killed often
enough; a run that got through is compared and begun anew. Weights must be equal bit for bit, metrics byte for byte.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import yaml

from harness.training import checkpoint

Outcome = tuple[dict[str, torch.Tensor], bytes]

ROOT = Path(__file__).resolve().parents[1]
NEEDS = {"cc": ("pretrain",), "sf": ("pretrain", "view_classifier", "cc"), "gaitssb": ()}
"""What must be trained before a method can be."""


def tiny(tree: dict) -> dict:
    """The smoke suite with six people, four frames a walk and a network of a few channels."""
    tree["suite"] |= {"name": "kill", "seeds": [0]}
    for name, subjects in (
        ("source", {"train": 8, "val": 0, "test": 0}),
        ("target", {"train": 6, "val": 0, "test": 0}),
    ):
        tree["walkers"][name] |= {"subjects": subjects, "frames": 4, "frame_rate": 4.0, "image": 64}
    tree["backbones"]["gaitset"] |= {"channels": [4, 8, 8], "embedding": 8}
    tree["methods"]["view_classifier"]["backbone"] |= {"channels": [4, 4, 8], "embedding": 8}
    for method in tree["methods"].values():
        if "training" in method:
            few = {"epochs": 5, "iterations": 16, "frames": 3, "sequences": 4}
            method["training"] |= {**few, "subjects": min(4, method["training"]["subjects"])}
    tree["methods"]["ssf"]["c_low"] = 1.0
    return tree


class Bench:
    """A folder with a tiny suite, and ways to train in it."""

    def __init__(self, folder: Path, every: float) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        shutil.copytree(ROOT / "conf", folder / "conf")
        shutil.copytree(ROOT / "requirements", folder / "requirements")
        self.environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "HARNESS_CHECKPOINT_SECONDS": str(every), "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.call("suite", "use", "smoke")
        params = folder / "params.yaml"
        params.write_text(yaml.safe_dump(tiny(yaml.safe_load(params.read_text())), sort_keys=False))
        for domain in ("source", "target"):
            self.call("data", "generate", domain)

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "harness.cli.app", *words]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def call(self, *words: str) -> float:
        began = time.monotonic()
        process = self.start(*words)
        printed, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"harness {' '.join(words)} failed:\n{printed}")
        return time.monotonic() - began

    def runs(self, method: str) -> Path:
        (folder,) = (self.folder / "runs" / "kill").glob(f"{method}-*")
        return folder

    def outcome(self, method: str) -> Outcome:
        """Weights and epochs of a finished run, which is removed so that it can be run again."""
        folder = self.runs(method)
        epochs = self.folder / "results" / "kill" / "epochs" / f"{folder.name}.json"
        found = checkpoint.load(folder / "checkpoint.pt")["network"], epochs.read_bytes()
        shutil.rmtree(folder)
        return found


def same(one: tuple[dict[str, torch.Tensor], bytes], two: tuple[dict[str, torch.Tensor], bytes]) -> bool:
    return (
        one[1] == two[1] and one[0].keys() == two[0].keys() and all(torch.equal(one[0][k], two[0][k]) for k in one[0])
    )


def kill_and_compare(bench: Bench, method: str, kills: int, draw: random.Random) -> tuple[int, int]:
    """Kills while a run was under way, and runs that got through; a run that differs ends the program."""
    whole = bench.call("train", method)
    wanted = bench.outcome(method)
    done = finished = 0
    while True:
        process = bench.start("train", method)
        if done < kills:
            time.sleep(draw.uniform(0.0, 1.0) * whole)
        if done < kills and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            done += 1
            continue
        printed, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"{method} after {done} kills: exit code {process.returncode}\n{printed}")
        if not same(bench.outcome(method), wanted):
            raise SystemExit(f"{method} after {done} kills: NOT the same as the undisturbed run")
        finished += 1
        if done >= kills:
            return done, finished


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=25, help="for each method")
    parser.add_argument("--methods", nargs="+", default=list(NEEDS), choices=list(NEEDS))
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--every", type=float, default=0.2, help="seconds between states in the middle of an epoch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        bench = Bench(Path(folder) / "suite", options.every)
        trained: set[str] = set()
        for method in options.methods:
            for needed in NEEDS[method]:
                if needed not in trained:
                    bench.call("train", needed)
                    trained.add(needed)
            draw = random.Random(f"{options.seed}-{method}")
            done, finished = kill_and_compare(bench, method, options.kills, draw)
            print(
                f"{method}: {done} kills, {finished} finished run(s), every one equal to the undisturbed, bit for bit"
            )
            bench.call("train", method)
            trained.add(method)


if __name__ == "__main__":
    main()
