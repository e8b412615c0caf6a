"""Where everything of a suite lies. The suite's name is in every path, so that suites never mix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOCK = Path("requirements") / "cpu.lock"
PARAMS = Path("params.yaml")
IMAGE_MARK = Path(".image")
"""In a folder that an image laid out: whose sources they are."""


@dataclass(frozen=True)
class RunName:
    """One training run. ``dataset`` is what is trained on; ``variant`` a key of params.yaml's `variants`, or ""."""

    suite: str
    method: str
    backbone: str
    dataset: str
    seed: int
    variant: str = ""

    @property
    def stem(self) -> str:
        return stem(self.method, self.backbone, self.dataset, self.seed, self.variant)

    @property
    def folder(self) -> Path:
        return Path("runs") / self.suite / self.stem

    @property
    def checkpoint(self) -> Path:
        """The last weights: what is evaluated, and what descendants start from."""
        return self.folder / "checkpoint.pt"

    @property
    def epochs(self) -> Path:
        """Metrics of each epoch; nothing in it depends on the clock."""
        return epochs(self.suite) / f"{self.stem}.json"


def store(suite: str, dataset: str) -> Path:
    return Path("data") / suite / dataset


def epochs(suite: str) -> Path:
    return Path("results") / suite / "epochs"


def scores(suite: str) -> Path:
    return Path("results") / suite / "scores"


def stem(method: str, backbone: str, dataset: str, seed: int, variant: str = "") -> str:
    """The name of a run's files: its words in the order of the command line."""
    return f"{method}-{backbone}-{dataset}-s{seed}" + (f"-{variant}" if variant else "")


def result(suite: str, method: str, backbone: str, dataset: str, seed: int, variant: str = "") -> Path:
    """The scores of a run on ``dataset``'s test split."""
    return scores(suite) / f"{stem(method, backbone, dataset, seed, variant)}.json"


def plugin(suite: str, method: str, backbone: str) -> Path:
    """What a method of another package is: DVC runs its stages again when this file changes."""
    return Path("runs") / suite / "plugins" / f"{method}-{backbone}.json"


def imported(suite: str, backbone: str) -> Path:
    """Which weights a backbone starts from that are not trained here: DVC imports them again when this file changes."""
    return Path("runs") / suite / "imported" / f"{backbone}.json"


def provenance(suite: str, stem: str) -> Path:
    """When, where and from what a run was computed; not compared between machines."""
    return Path("results") / suite / "provenance" / f"{stem}.json"


def again(suite: str) -> Path:
    """What came out of runs that were computed once more."""
    return Path("results") / suite / "again.json"


def stages(suite: str) -> Path:
    """What dvc.lock says of a suite's stages while another suite is in use."""
    return Path("results") / suite / "stages.lock"


def tables(suite: str) -> Path:
    return Path("results") / suite / "tables"


def means(suite: str) -> Path:
    """Every metric of every method, as the mean over seeds: what ``dvc metrics`` shows."""
    return Path("results") / suite / "means.json"


def figures(suite: str) -> Path:
    return Path("results") / suite / "figures"


def work(run_id: str) -> Path:
    """Checkpoints of a run that is not finished; named by all it depends on, so that no other run finds them."""
    return Path("work") / run_id


def kept(run_id: str) -> Path:
    """The state from which ``harness verify`` runs the last epochs of a finished run again."""
    return Path("work") / "kept" / f"{run_id}.pt"


def events(run_id: str) -> Path:
    return Path("work") / "events" / f"{run_id}.jsonl"
