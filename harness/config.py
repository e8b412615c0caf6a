"""``params.yaml`` as typed, checked settings.

An unknown key, a missing key and a value out of range are each one line that names the key and, for
a misspelt one, the nearest that exists. Nothing has a default here: what a run used stands in the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from harness.errors import UserError, nearest

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Cosine = Annotated[float, Field(ge=-1, le=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# --- data ---------------------------------------------------------------------------------------------------


class Subjects(Strict):
    """How many people each split has."""

    train: Natural
    val: Natural
    test: Natural


class Population(Strict):
    """How far a domain's people spread (scales every standard deviation), and anny's mean weight and age."""

    spread: Positive
    weight: Share
    age: Annotated[float, Field(ge=0.64, le=1)]


class Rig(Strict):
    """A domain's cameras: metres, degrees; ``stretch`` is the horizontal scale of a pixel."""

    distance: Annotated[float, Field(ge=2)]
    height: Positive
    distance_jitter: NonNegative
    view_jitter_deg: NonNegative
    stretch: Positive


class Segmentation(Strict):
    """How a domain's silhouettes are cut out.

    thickness: pixels by which masks are too fat (negative: too thin), ``thickness_spread`` between
    sequences; boundary: height in pixels of the random field that moves the outline; ``hit``: share of
    frames with defects, and the expected number of holes, bites and blobs in such a frame.
    """

    thickness: float
    thickness_spread: NonNegative
    boundary: NonNegative
    hit: Share
    holes: NonNegative
    bites: NonNegative
    blobs: NonNegative


Layout = Literal["oumvlp", "casia-b", "outdoor-gait", "grew"]


class Domain(Strict):
    """One walkers data set: its structure, people, cameras and segmentation. ``image``: rows of a raw frame."""

    layout: Layout
    seed: Natural
    subjects: Subjects
    frames: Count
    frame_rate: Positive
    image: Annotated[int, Field(ge=48)]
    variation: NonNegative
    clothes: Positive
    population: Population
    camera: Rig
    segmentation: Segmentation


# --- models and training ------------------------------------------------------------------------------------


class Backbone(Strict):
    """Table 2's "Model Channel": convolution channels of each stage and D, the size of a part's embedding.

    ``kind`` is the plug-in, a file of models/; decisions ``backbone-norm`` and ``head-init``.
    """

    kind: str
    channels: Annotated[tuple[Count, ...], Field(min_length=3, max_length=4)]
    embedding: Count
    norm: Literal["none", "batch"]
    head_init: Literal["stacked", "per-part"]


class Optimiser(Strict):
    """``milestones`` count optimiser steps; ``warmup`` steps rise linearly to ``lr``."""

    kind: Literal["sgd", "adam"]
    lr: Positive
    weight_decay: NonNegative
    momentum: Share
    milestones: tuple[Natural, ...]
    gamma: Positive
    warmup: Natural


class Training(Strict):
    """epochs x iterations optimiser steps over batches of ``subjects`` x ``sequences`` x ``frames``."""

    epochs: Count
    iterations: Count
    subjects: Count
    sequences: Count
    frames: Count
    freeze_norm: bool
    optimiser: Optimiser


class Supervised(Strict):
    """Batch-all triplet loss with ``margin``."""

    training: Training
    margin: Positive

    @model_validator(mode="after")
    def _has_pairs(self) -> Supervised:
        if self.training.sequences < 2:
            raise ValueError("training.sequences must be at least 2: a triplet needs two sequences of a subject")
        return self


class ClusterContrast(Strict):
    """Section 3.2: n neighbours, similarity threshold s_up, temperature tau, momentum m_max -> m_min (Eq. 6).

    ``mean_keep``: how much of the space's mean each step keeps (decision ``similarity-space``); ``few_clusters``: with
    fewer clusters than a batch needs, "shrink" takes them all and "stop" ends the training.
    """

    training: Training
    n: Count
    s_up: Cosine
    tau: Positive
    m_max: Share
    m_min: Share
    mean_keep: Share
    infomap_seed: Count
    few_clusters: Literal["shrink", "stop"]

    @model_validator(mode="after")
    def _ordered(self) -> ClusterContrast:
        if self.m_min > self.m_max:
            raise ValueError(f"m_min ({self.m_min}) is larger than m_max ({self.m_max})")
        return self


class Fusion(Strict):
    """The second stage of section 3.4, shared by SSF, SCF and SF: its schedule and wider s_up."""

    training: Training
    s_up: Cosine


class SampleFusion(Strict):
    """Section 3.3.3: FVC share c_low, first similarity bound s_o (Eq. 4), lambda_base (Eq. 5)."""

    c_low: Share
    s_o: Cosine
    lambda_base: NonNegative


class ClusterFusion(Strict):
    """Section 3.3.2: a, the size of a support set; ``cloth_probability``: section 3.3.1."""

    a: Count
    cloth_probability: Share


class TwoView(Strict):
    """GaitSSB: logit ``scale`` and the probabilities of its augmentations."""

    training: Training
    scale: Positive
    flip: Share
    affine: Share
    perspective: Share
    dilate: Share
    blur: Share


class ViewClassifier(Strict):
    """Section 3.3.3: GaitSet + BNNeck on front/back labels; coats are simulated in training with a probability."""

    training: Training
    backbone: Backbone
    cloth_probability: Share

    @model_validator(mode="after")
    def _two_classes(self) -> ViewClassifier:
        if self.training.subjects != 2:
            raise ValueError("training.subjects must be 2: a batch holds front/back and other views, half each")
        return self


class Methods(Strict):
    pretrain: Supervised
    upper: Supervised
    view_classifier: ViewClassifier
    cc: ClusterContrast
    fusion: Fusion
    ssf: SampleFusion
    scf: ClusterFusion
    gaitssb: TwoView


def _hyphens(name: str) -> str:
    return name.replace("_", "-")


class Assumed(Strict):
    """Where the paper is silent: one key for each decision of docs/paper-decisions.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_hyphens)

    link_threshold: Literal["similarity", "distance"]
    neighbour_self: Literal["counted", "extra"]
    support_size: Literal["a", "a+1"]
    memory_init: Literal["plain", "augmented"]
    multi_update: Literal["renormalise", "raw"]
    momentum: Literal["cosine", "constant"]
    curriculum_rate: Literal["adaptive", "constant"]
    similarity_space: Literal["raw", "centred", "standardised"]
    embedding: Literal["whole", "parts"]
    test_distance: Literal["part-euclidean", "flat-euclidean", "cosine"]
    milestones: Literal["cumulative", "per-stage"]
    three_stages: Literal["cc", "pretrain"]
    gaitssb: Literal["random", "pretrained"]
    min_cluster: Count


class Compute(Strict):
    """Where and how arithmetic runs. ``threads`` is pinned: results do not depend on how many jobs run.

    ``extract_frames``: frames that go through the network at once in evaluation.
    """

    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["fp32", "bf16"]
    channels_last: bool
    threads: Count
    extract_frames: Count
    knn: Literal["auto", "faiss", "torch"]


class Suite(Strict):
    """Which runs a suite has: the seven methods on each backbone x data set x seed.

    ``pretraining`` names the source data set; ``domains`` are the data sets that are generated. GaitSSB* stands in
    ``scratch`` or, where decision ``gaitssb`` is "pretrained", in ``continued``: DVC must know what it waits for.
    """

    name: str
    about: str
    pretraining: str
    domains: tuple[str, ...]
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]
    scratch: tuple[Literal["gaitssb"], ...]
    continued: tuple[Literal["gaitssb"], ...]
    seeds: Annotated[tuple[Natural, ...], Field(min_length=1)]

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not value.replace("-", "").isalnum():
            raise ValueError("use letters, digits and hyphens only: it names folders")
        return value


class Settings(Strict):
    """The whole of ``params.yaml``.

    ``overrides``: for each data set, what of ``methods`` differs on it (Table 2's other columns).
    """

    suite: Suite
    walkers: dict[str, Domain]
    backbones: dict[str, Backbone]
    methods: Methods
    assumed: Assumed
    compute: Compute
    overrides: dict[str, dict[str, Any]]

    @model_validator(mode="after")
    def _names_exist(self) -> Settings:
        for kind, used, known in (
            ("data set", (*self.suite.datasets, *self.suite.domains, self.suite.pretraining), self.walkers),
            ("backbone", self.suite.backbones, self.backbones),
        ):
            for name in used:
                if name not in known:
                    raise ValueError(f"suite names the {kind} '{name}', which has no settings; {nearest(name, known)}")
        random = self.assumed.gaitssb == "random"
        if random == ("gaitssb" in self.suite.continued):
            wanted = "scratch" if random else "continued"
            raise ValueError(f"assumed.gaitssb is '{self.assumed.gaitssb}', so gaitssb belongs in suite.{wanted}")
        for name in (self.suite.pretraining, *self.suite.datasets):
            if name not in self.overrides:
                raise ValueError(f"overrides.{name} is missing; an empty {{}} will do")
        return self


def load(path: Path = Path("params.yaml")) -> Settings:
    """Reads and checks a parameter file; any fault is a :class:`UserError` of one line."""
    try:
        tree = yaml.safe_load(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run from the repository's root or `harness suite use smoke`") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    return check(tree, str(path))


def check(tree: Any, name: str) -> Settings:
    """Validates a parameter tree that was read from ``name``."""
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise UserError(f"{name}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    faults = error.errors()
    # A misspelt key is both unknown and missing: the unknown one is what the user typed.
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        siblings = _keys_at(Settings, fault["loc"][:-1])
        return f"unknown parameter '{key}'; {nearest(str(fault['loc'][-1]), siblings)}"
    if fault["type"] == "missing":
        return f"parameter '{key}' is missing"
    message = fault["msg"].removeprefix("Value error, ")
    given = f", got {fault['input']!r}" if isinstance(fault["input"], int | float | str) else ""
    if not key:
        return f"{message}{more}"
    return f"parameter '{key}': {message[0].lower()}{message[1:]}{given}{more}"


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The parameter names that exist at a place of the tree."""
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {(f.alias or n): f for n, f in current.model_fields.items()}
            current = fields[str(part)].annotation
        elif get_args(current):  # dict[str, Model]: this part is the name of an entry
            current = get_args(current)[-1]
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [f.alias or n for n, f in current.model_fields.items()]
    return []


def for_dataset(settings: Settings, dataset: str) -> Settings:
    """The settings with a data set's overrides laid over them."""
    changes = settings.overrides.get(dataset)
    if not changes:
        return settings
    if set(changes) != {"methods"}:
        raise UserError(f"params.yaml: overrides.{dataset}: only 'methods' can differ, got {sorted(changes)}")
    tree = settings.model_dump(mode="json", by_alias=True)
    return check(_laid_over(tree, changes), f"params.yaml with overrides.{dataset}")


def _laid_over(tree: Any, changes: Any) -> Any:
    if not (isinstance(tree, dict) and isinstance(changes, dict)):
        return changes
    return {**tree, **{key: _laid_over(tree.get(key), value) for key, value in changes.items()}}


def value_at(settings: Settings, key: str) -> Any:
    """The plain value (numbers, strings, lists, dicts) under a dotted key such as ``methods.scf``."""
    tree: Any = settings.model_dump(mode="json", by_alias=True)
    for part in key.split("."):
        tree = tree[part]
    return tree
