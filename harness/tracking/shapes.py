"""What provenance and epochs of a run must look like, and what files of runs have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from harness.config import Natural, Strict

Word = Annotated[str, Field(min_length=1)]


class Shape(Strict):
    """A part of a file, as it was written: no number as text, no truth value as a number."""

    model_config = ConfigDict(strict=True)


class Open(Shape):
    """A part of a file that may say more than is asked for here."""

    model_config = ConfigDict(extra="allow")


class Named(Open):
    name: Word


class Inputs(Open):
    """What of a run's inputs is read by name; a run has a store, or a file of weights instead."""

    method: Word
    backbone: Named
    dataset: Word
    seed: Natural
    store: Word | None = None
    imported: Word | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    code: Word = "none"
    lock: Word = "none"
    parent: Word | None = None
    view_classifier: Word | None = None

    @model_validator(mode="after")
    def _from_something(self) -> Inputs:
        hold((self.store is None) != (self.imported is None), "store is missing")
        return self


class Machine(Open):
    cpu: str
    gpu: str | None
    packages: dict[str, str] = Field(default_factory=dict)


class Provenance(Open):
    """results/<suite>/provenance/*.json."""

    run_id: Word
    inputs: Inputs
    commit: Word
    command: str = ""
    seconds: Annotated[float, Field(ge=0)]
    environment: Machine


class Digests(Open):
    """Of the labels that an epoch trained with, and of the weights after it."""

    labels: Word
    weights: Word


class Epochs(Shape):
    """results/<suite>/epochs/*.json: metrics of every epoch, in order; digests where they were recorded."""

    run_id: Word
    epochs: list[dict[str, float]]
    digests: list[Digests] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Epochs:
        for place, metrics in enumerate(self.epochs):
            hold({"epoch", "loss"} <= metrics.keys(), f"epochs.{place}: epoch or loss is missing")
            hold(metrics["epoch"] == place, f"epochs.{place}: epoch {metrics['epoch']:g} stands there")
        hold(self.digests is None or len(self.digests) == len(self.epochs), "digests are not of as many epochs")
        return self


def hold(true: Any, otherwise: str) -> None:
    """Raises ``ValueError``, which a model turns into a fault, unless something is true."""
    if not true:
        raise ValueError(otherwise)
