"""``params.yaml`` as typed, checked settings.

An unknown key, a missing key and a value out of range are each one line that names the key and, for
a misspelt one, the nearest that exists. Nothing that a run uses has a default here: it stands in the file.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from harness.errors import UserError, nearest
from harness.files import parse_yaml
from harness.registry import find, plugged
from harness.registry import names as registered

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Cosine = Annotated[float, Field(ge=-1, le=1)]
P = TypeVar("P", bound=BaseModel)


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
    """One walkers data set: its structure, people, cameras and segmentation. ``image``: rows of a raw frame.

    clothes: how far wardrobes spread; coat: how thick, long and wide coats are (1: an everyday coat).
    """

    layout: Layout
    seed: Natural
    subjects: Subjects
    frames: Count
    frame_rate: Positive
    image: Annotated[int, Field(ge=48)]
    variation: NonNegative
    clothes: Positive
    coat: Positive
    population: Population
    camera: Rig
    segmentation: Segmentation


Reader = Literal["casia-b", "casia-bn", "oumvlp", "outdoor-gait", "grew"]


class Archive(Strict):
    """One real data set: ``raw`` is where the user's copy lies (a folder or an archive), or null where there is none.

    ``reader``: the file of harness/data/sets that knows its folders; partition: "lt" and the like, or a JSON file in
    OpenGait's form; validation: how many of the last training subjects are kept apart as the split "val".
    """

    reader: Reader
    raw: str | None
    partition: str
    validation: Natural

    @property
    def layout(self) -> Layout:
        """Whose protocol and structure it has: CASIA-BN's are CASIA-B's."""
        return "casia-b" if self.reader == "casia-bn" else self.reader


# --- models and training ------------------------------------------------------------------------------------


class Network(Strict):
    """Table 2's "Model Channel": convolution channels of each stage and D, the size of a part's embedding.

    ``kind`` is the plug-in, a file of models/; decision ``head-init``.
    """

    kind: str
    channels: Annotated[tuple[Count, ...], Field(min_length=3, max_length=4)]
    embedding: Count
    head_init: Literal["stacked", "per-part"]


class SetNetwork(Network):
    """GaitSet and the view classifier; decision ``backbone-norm``."""

    norm: Literal["none", "batch"]


class VideoNetwork(Network):
    """GaitGL: CASIA-B's form (``doubled`` false, halving 3) or OU-MVLP's and GREW's (true, 1); how its head ends."""

    doubled: bool
    halving: Annotated[int, Field(ge=0, le=4)]
    head: Literal["norm", "necks"]

    @model_validator(mode="after")
    def _stages(self) -> VideoNetwork:
        wanted = 4 if self.doubled else 3
        if len(self.channels) != wanted:
            form = "doubled" if self.doubled else "single"
            raise ValueError(f"channels: the {form} form has {wanted} stages, got {list(self.channels)}")
        return self


class PluginNetwork(BaseModel):
    """A backbone from another package: its keys are the arguments of its class."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str


_NETWORKS = {"gaitset": "set", "view_classifier": "set", "gaitgl": "video"}


def _form_of(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"<{_NETWORKS.get(str(kind), 'plugin')}>"


Backbone = Annotated[
    Annotated[SetNetwork, Tag("<set>")]
    | Annotated[VideoNetwork, Tag("<video>")]
    | Annotated[PluginNetwork, Tag("<plugin>")],
    Discriminator(_form_of),
]


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
    """Batch-all triplet loss with ``margin``; cross-entropy beside it where the backbone has a classifier."""

    training: Training
    margin: Positive
    label_smoothing: Share

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
    backbone: SetNetwork
    cloth_probability: Share

    @model_validator(mode="after")
    def _two_classes(self) -> ViewClassifier:
        if self.training.subjects != 2:
            raise ValueError("training.subjects must be 2: a batch holds front/back and other views, half each")
        return self


class Methods(Strict):
    """The methods of this project; :func:`_schema` adds the parameters of plug-ins that a file names."""

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

    compile: torch.compile of training steps, "cuda-graphs" also records them. extract_frames: frames that go through
    the network at once in evaluation. store: where the frames lie, "auto" on the GPU when they fit there; no result
    depends on it. ranks: processes that share a training run, each with a GPU of its own where there are any.
    """

    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["fp32", "bf16"]
    channels_last: bool
    compile: Literal["none", "default", "cuda-graphs"]
    threads: Count
    ranks: Count
    extract_frames: Count
    store: Literal["auto", "device", "host"]
    knn: Literal["auto", "exact", "faiss"]


class Variant(Strict):
    """``method`` with other parameters, as a row of Table 8 or 9 or a point of Figure 5.

    label: its name there, "axis=value"; changes: laid over the settings of this one run. Its parents are the main ones.
    """

    method: str
    label: Annotated[str, Field(pattern=r"^[\w-]+=[\w.-]+$")]
    changes: dict[str, Any]


Control = Literal[
    "cc_long", "cc_random", "cc_true", "cc_true_clothes", "scf_random", "scf_true", "ssf_true_views",
    "ssf_shuffled_views", "sf_scratch", "norm_refresh",
]  # fmt: skip


class Suite(Strict):
    """Which runs a suite has: the seven methods on each backbone x data set x seed, and ``variants`` of some methods.

    ``preset`` is the file of conf/suite that it was composed from, ``name`` the folder of its data, runs and results:
    presets of one name share them, so that a sweep computes nothing again.
    ``pretraining`` names the source data set, ``views`` the one that the view classifier learns on; each of them and of
    ``datasets`` is a walkers domain or an archive. GaitSSB* stands in ``scratch`` or, where decision ``gaitssb`` is
    "pretrained", in ``continued``: DVC must know what it waits for.
    ``extra``: methods of other packages, run beside them. ``controls``: methods that the paper did not run.
    ``claims``: a file of claims that the suite is to decide instead of the paper's ("conf/claims/mine.yaml"); in most
    left out.
    """

    preset: str
    name: str
    about: str
    pretraining: str
    views: str
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]
    scratch: tuple[Literal["gaitssb"], ...]
    continued: tuple[Literal["gaitssb"], ...]
    extra: tuple[str, ...]
    controls: tuple[Control, ...]
    variants: dict[Literal["cc", "sf"], tuple[str, ...]]
    seeds: Annotated[tuple[Natural, ...], Field(min_length=1)]
    claims: str | None = None

    @field_validator("claims")
    @classmethod
    def _inside(cls, value: str | None) -> str | None:
        if value is None:
            return None
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or path.suffix != ".yaml" or len(path.parts) < 2:
            raise ValueError("name a .yaml file in a folder below that of params.yaml, which a bundle can take along")
        return value

    @field_validator("datasets", "backbones", "extra", "controls", "seeds")
    @classmethod
    def _once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if twice := [one for one in value if value.count(one) > 1]:
            raise ValueError(f"names {twice[0]} twice; once will do")
        return value

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not value.replace("-", "").isalnum():
            raise ValueError("use letters, digits and hyphens only: it names folders")
        return value


class Plan(Strict):
    """Which stages DVC has: follows from suite, archives and checkpoints (:mod:`harness.plan`), and is never edited.

    domains are rendered, archives prepared; datasets are the targets that are there, adapted those with pre-trained
    weights, fused those with a view classifier too; methods are scored; trained and imported: backbones whose
    pre-training runs here, or comes from a checkpoint; view_seeds, tables: for the view classifier and the tables.
    """

    domains: tuple[str, ...]
    archives: tuple[str, ...]
    datasets: tuple[str, ...]
    adapted: tuple[str, ...]
    fused: tuple[str, ...]
    methods: tuple[str, ...]
    trained: tuple[str, ...]
    imported: tuple[str, ...]
    scratch: tuple[str, ...]
    continued: tuple[str, ...]
    view_seeds: tuple[int, ...]
    tables: tuple[str, ...]
    layouts: dict[str, str]


class Settings(Strict):
    """The whole of ``params.yaml``.

    ``checkpoints``: for each backbone, a file with pre-trained weights to take instead of pre-training, or null.
    ``overrides``: for each data set, what of ``methods`` differs on it (Table 2's other columns).
    """

    suite: Suite
    walkers: dict[str, Domain]
    archives: dict[str, Archive]
    checkpoints: dict[str, str | None]
    backbones: dict[str, Backbone]
    methods: Methods
    assumed: Assumed
    compute: Compute
    overrides: dict[str, dict[str, Any]]
    variants: dict[str, Variant]
    plan: Plan

    def layout_of(self, dataset: str) -> str:
        """The structure of a walkers domain or an archive."""
        return (self.walkers.get(dataset) or self.archives[dataset]).layout

    @model_validator(mode="after")
    def _names_exist(self) -> Settings:
        if both := sorted(self.walkers.keys() & self.archives.keys()):
            raise ValueError(f"'{both[0]}' is among walkers and among archives; rename one")
        sources = (self.suite.pretraining, self.suite.views)
        for kind, used, known in (
            ("data set", (*self.suite.datasets, *sources), {**self.walkers, **self.archives}),
            ("backbone", (*self.suite.backbones, *self.checkpoints), self.backbones),
        ):
            for name in used:
                if name not in known:
                    raise ValueError(f"suite names the {kind} '{name}', which has no settings; {nearest(name, known)}")
        for name in self.suite.extra:
            if name not in plugged("method"):
                raise ValueError(f"suite.extra names '{name}', but no installed package brings that method")
            if name not in type(self.methods).model_fields:
                raise ValueError(f"suite.extra names '{name}', but methods.{name} is missing")
        random = self.assumed.gaitssb == "random"
        if random == ("gaitssb" in self.suite.continued):
            wanted = "scratch" if random else "continued"
            raise ValueError(f"assumed.gaitssb is '{self.assumed.gaitssb}', so gaitssb belongs in suite.{wanted}")
        for name in (*sources, *self.suite.datasets):
            if name not in self.overrides:
                raise ValueError(f"overrides.{name} is missing; an empty {{}} will do")
        for method, names in self.suite.variants.items():
            own = [name for name, variant in self.variants.items() if variant.method == method]
            for name in names:
                if name not in own:
                    raise ValueError(f"suite.variants.{method} names '{name}', no variant of it; {nearest(name, own)}")
        for name, changes in self.overrides.items():
            own = changes.get("backbones") or {}
            if not isinstance(own, dict):
                raise ValueError(f"overrides.{name}.backbones must hold a section for each backbone")
            for kind, used, known in (
                ("data set", [name], {**self.walkers, **self.archives}),
                ("backbone", own, self.backbones),
            ):
                for word in used:
                    if word not in known:
                        raise ValueError(
                            f"overrides name the {kind} '{word}', which has no settings; {nearest(word, known)}"
                        )
        return self


def load(path: Path = Path("params.yaml")) -> Settings:
    """Reads and checks a parameter file; any fault is a :class:`UserError` of one line."""
    try:
        tree = parse_yaml(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run from the repository's root or `harness suite use smoke`") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); `harness suite use smoke` writes one") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    return check(tree, str(path))


def check(tree: Any, name: str) -> Settings:
    """Validates a parameter tree that was read from ``name``."""
    if not isinstance(tree, dict):
        raise UserError(f"{name}: holds no parameters; `harness suite use smoke` writes a params.yaml")
    model = _schema(tree)
    try:
        settings = model.model_validate(tree)
    except ValidationError as error:
        raise UserError(f"{name}: {_first_fault(error, model)}") from None
    whole = settings.model_dump(mode="json", by_alias=True) if settings.suite.extra else tree  # theirs have defaults
    for key, variant in settings.variants.items():
        if variant.method not in (known := registered("method")):
            raise UserError(
                f"{name}: variants.{key}: unknown method '{variant.method}'; {nearest(variant.method, known)}"
            )
        _same_keys(f"{name}: variants.{key}", variant.changes, whole)
    return settings


def _same_keys(place: str, changes: Any, tree: Any) -> None:
    """Refuses a key of ``changes`` that the ``tree`` under it does not have."""
    if not isinstance(changes, dict) or not isinstance(tree, dict):
        return
    for key, value in changes.items():
        if key not in tree:
            raise UserError(f"{place} names the unknown parameter '{key}'; {nearest(str(key), tree)}")
        _same_keys(f"{place}.{key}", value, tree[key])


def _schema(tree: dict[str, Any]) -> type[Settings]:
    """:class:`Settings`, with the ``Parameters`` of those plug-ins that the tree has settings of."""
    methods = tree.get("methods")
    named = [name for name in plugged("method") if isinstance(methods, dict) and name in methods]
    if not named:
        return Settings
    own: dict[str, Any] = {name: (find("method", name).Parameters, ...) for name in named}
    wider = create_model("Methods", __base__=Methods, **own)
    return create_model("Settings", __base__=Settings, methods=(wider, ...))


def plugin_settings(settings: Settings, name: str, kind: type[P]) -> P:
    """What stands under ``methods.<name>``, for a method of another package whose ``Parameters`` is ``kind``."""
    found = getattr(settings.methods, name, None)
    if not isinstance(found, kind):
        raise UserError(f"params.yaml: methods.{name} is missing; `harness suite use NAME --extra {name}` writes it")
    return found


def _first_fault(error: ValidationError, model: type[Settings]) -> str:
    faults = error.errors()
    # A misspelt key is both unknown and missing: the unknown one is what the user typed.
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    # A union's tag, such as <video>, is not part of a key's name.
    key = ".".join(str(part) for part in fault["loc"] if not str(part).startswith("<"))
    if fault["type"] == "extra_forbidden":
        siblings = _keys_at(model, fault["loc"][:-1])
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
        if str(part).startswith("<"):
            current = {"<set>": SetNetwork, "<video>": VideoNetwork, "<plugin>": PluginNetwork}[str(part)]
        elif isinstance(current, type) and issubclass(current, BaseModel):
            fields = {(f.alias or n): f for n, f in current.model_fields.items()}
            current = fields[str(part)].annotation
        elif get_args(current):  # dict[str, Model]: this part is the name of an entry
            current = get_args(current)[-1]
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [f.alias or n for n, f in current.model_fields.items()]
    return []


def settings_for(settings: Settings, dataset: str, backbone: str) -> Settings:
    """The settings with a data set's overrides laid over them, and on top those of a backbone on it."""
    changes = settings.overrides.get(dataset) or {}
    own = (changes.get("backbones") or {}).get(backbone) or {}
    for place, given in ((dataset, set(changes) - {"backbones"}), (f"{dataset}.backbones.{backbone}", set(own))):
        if not given <= {"methods"}:
            raise UserError(f"params.yaml: overrides.{place}: only 'methods' can differ, got {sorted(given)}")
    if not changes:
        return settings
    tree = settings.model_dump(mode="json", by_alias=True)
    tree["methods"] = _laid_over(_laid_over(tree["methods"], changes.get("methods", {})), own.get("methods", {}))
    return check(tree, f"params.yaml with overrides.{dataset}")


def for_variant(settings: Settings, name: str) -> Settings:
    """The settings with a variant's changes laid over them; none for the empty name."""
    if not name:
        return settings
    if name not in settings.variants:
        raise UserError(f"unknown variant '{name}'; {nearest(name, settings.variants)}")
    tree = settings.model_dump(mode="json", by_alias=True)
    return check(_laid_over(tree, settings.variants[name].changes), f"params.yaml with variants.{name}")


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
