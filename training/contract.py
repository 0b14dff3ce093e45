"""Method, Split, Job, Outcome: the whole agreement between a method and the bench. Read this first.

A method is a file ``training/methods/<family>/<method>.py`` with three names::

    METHOD = Method(title=…, source=…, data="motion", inputs="features", targets="pad")
    def fit(params: Params, split: Split, job: Job) -> Outcome: ...
    def load(folder: Path, device: str) -> Model: ...

and a file at the same path under ``search_spaces/`` with ``DEFAULTS``, ``TINY`` and ``suggest(trial)``.

The bench reads the data, splits it, scores and logs. A method fits and predicts; it imports neither mlflow nor optuna.
It is handed the test part only in a study's final runs, and never its targets or labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from affect.record import ALL, WEIGHED

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
    Values: TypeAlias = NDArray[Any]
    Indices: TypeAlias = NDArray[np.int64]
    Strings: TypeAlias = NDArray[np.str_]

Params: TypeAlias = Mapping[str, Any]
Settings: TypeAlias = Mapping[str, Any]

LABEL = "label"
"""What a classifier names as its targets: the data set's classes, in place of a block."""

CLASSES = "emotion"
"""The target name under which a classifier's figures stand."""


class UserError(Exception):
    """A person's mistake: its message names file, row, column, what was expected and what was found.

    The command line prints the message alone, without a traceback, and exits with code 2.
    """


class StudyFailed(Exception):
    """A study cannot go on: five trials in a row raised, or a final run did. The command line exits with code 1."""


# ------------------------------------------------------------------------------------------------------- a method


@dataclass(frozen=True)
class Method:
    """What a method declares about itself.

    Parameters
    ----------
    title : what a page shows.
    source : the paper or report that the method is from, with its section.
    data : kind of data it takes: motion, faces, meshes, frames or fusion. A data set declares the same word.
    inputs, targets : names of the data set's blocks that are x and y; the same name twice for an autoencoder, and
        `LABEL` as targets for a classifier.
    objective, direction : the metric of `affect.metrics` that a search optimises on validation.
    objective_weights : target → weight of its score in the objective (default: `affect.record.ALL`, the mean over
        targets); `affect.record.PICTURE` is the reconstruction of images. With ``--objectives two`` each is an
        objective of its own.
    settings : what a table of results compares, never searched; each a tuple of allowed values, the first the default.
    prerequisites : name → path of a method whose fitted model this one needs; it is fitted on the same train part and
        stands in ``job.prerequisites[name]``.
    """

    title: str
    source: str
    data: str
    inputs: str
    targets: str
    objective: str = "mae"
    direction: str = "minimize"
    objective_weights: Mapping[str, float] = field(default_factory=lambda: {ALL: 1.0})
    settings: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    prerequisites: Mapping[str, str] = field(default_factory=dict)

    @property
    def objective_target(self) -> str:
        """Return the target name under which the objective is recorded."""
        return next(iter(self.objective_weights)) if len(self.objective_weights) == 1 else WEIGHED

    def objective_value(self, scores: Mapping[str, float]) -> float:
        """Return the objective from the score of each target of `objective_weights`."""
        return sum(weight * scores[target] for target, weight in self.objective_weights.items())


class Model(Protocol):
    """A fitted method, as `fit` returns it and `load` reads it back. May offer encode and decode as well.

    ``encode(x)`` maps inputs to code → (n, d) where a method has several codes (z_v, z_a …), else to the one (n, d).
    """

    def predict(self, x: Values) -> Floats:
        """Map inputs (n, …) in the data's own units to targets (n, t) in the data's own units.

        A classifier maps them to the probabilities (n, c) of the split's classes.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an empty folder: safetensors, UBJ or skops, and JSON; no pickle."""
        ...


# --------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Block:
    """One kind of measurement of all samples.

    Parameters
    ----------
    values : (n, …) float32 or float64; the last axis is `columns` where the block has columns. Images are uint8
        (n, 3, height, width), RGB.
    columns : names along the last axis; empty for images and meshes.
    low, high : the label range where it is bounded by definition (PAD: −1, 1), else None.
    unit : what hover texts show, such as "m" or "".
    triangles : (f, 3) rows of vertices, which all meshes (n, v, 3) of the block share; None where it has no meshes.
    origin : a word for how labels came about that nobody annotated, such as "transferred"; protocols are named by it.
    """

    values: Values
    columns: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    triangles: Indices | None = None
    origin: str = ""


@dataclass(frozen=True)
class Dataset:
    """What a reader returns. Row i of every array is sample i.

    Parameters
    ----------
    name : name of the data set, under which published figures join; synthetic ones begin with ``synthetic``.
    kind : motion, faces, meshes, frames or fusion: methods of the same word take it.
    version : hash of the content that was read.
    synthetic : whether it comes from the synthetic world.
    blocks : name → Block, such as ``features`` (n, 27) and ``pad`` (n, 3).
    sample : (n,) unique names.  group : (n,) what a split never divides.  group_kind : "clip", "person", "video" …
    persons_known : whether no person can be on two sides of a split.
    label : (n,) class names, or None.
    sequence, time : (n,) name of the recording and seconds in it, or None.
    published_split : group → train, validation or test, where a publication fixed it.
    summary : counts, what was skipped and why: becomes data_summary.json.
    truth : what only the synthetic world knows.
    """

    name: str
    kind: str
    version: str
    synthetic: bool
    blocks: Mapping[str, Block]
    sample: Strings
    group: Strings
    group_kind: str
    persons_known: bool
    label: Strings | None = None
    sequence: Strings | None = None
    time: Floats | None = None
    published_split: Mapping[str, str] | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)


class Reader(Protocol):
    """A file ``training/datasets/<name>.py`` has KIND, TITLE, SETTINGS (like a method's) and this function `read`.

    Its ``read_inputs(file, block, settings)`` reads new rows for ``predict``: only the columns of one block are asked
    for, and it returns the values and, by column, what names the rows.
    """

    def __call__(self, root: Path | None, settings: Settings) -> Dataset:
        """Read the data set under `root` (None for the synthetic world); raise UserError for bad input."""
        ...


@dataclass(frozen=True)
class Part:
    """One part of a split as a method sees it. On test, y and label are None: the bench joins them afterwards.

    y is (n, t) in the data's own units; for a classifier (n,) the row of each sample's class in the split's `classes`.
    """

    sample: Strings
    group: Strings
    x: Values
    y: Floats | Indices | None
    label: Strings | None = None
    sequence: Strings | None = None
    time: Floats | None = None

    def __len__(self) -> int:
        return len(self.sample)

    def targets(self) -> Any:
        """Return y where it is not hidden, as on train and validation; ValueError on test."""
        if self.y is None:
            raise ValueError("the targets of a test part are hidden")
        return self.y


@dataclass(frozen=True)
class Split:
    """Train and validation, and in a final run the test inputs.

    `inputs` and `targets` name the columns of x and y; `classes` are a classifier's, by name; `triangles` (f, 3) the
    topology that meshes share.
    """

    train: Part
    validation: Part
    test: Part | None
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    classes: tuple[str, ...] = ()
    triangles: Indices | None = None

    def parts(self) -> dict[str, Part]:
        """Return the parts that were handed over, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}


# ---------------------------------------------------------------------------------------------------- a fit's job


class Report(Protocol):
    """How a method tells the bench about an epoch."""

    def __call__(self, step: int, value: float, **figures: float) -> None:
        """Record `value`, the objective on validation at `step` (in the data's own units), and epoch figures.

        Figures are named by keyword with ``__`` for the slash: ``train__loss=0.3`` becomes the curve train/loss.
        `value` becomes the curve val/<objective>. Raises, to be let through, when the trial is to be pruned.
        """
        ...


def _no_validation(predictions: Any, images: Any = None) -> float:
    raise NotImplementedError("this fit has no validation part to score")


def _unheard(*arguments: Any) -> None:
    """Record nothing: for fits that belong to no run."""


class Steps:
    """How many epochs or boosting rounds each part of a fit takes that is stopped on validation.

    Only what stops itself asks: the loop once a fit, the trees once for each regressor, always in the same order.
    Where `fixed` gives None, validation decides as always, and `chose` notes what it decided. With ``--refit all`` the
    best trial's numbers are given back: the part then takes exactly so many steps and keeps the last, for validation is
    in train and must decide nothing.
    """

    def __init__(self, fixed: Sequence[int] | None = None) -> None:
        self.chosen: list[int] = []
        self._fixed = None if fixed is None else list(fixed)

    def fixed(self) -> int | None:
        """Return the number of steps that the next part takes; None where validation decides."""
        if not self._fixed:  # a part that the search did not stop is not stopped here either
            return None
        return self._fixed.pop(0)

    def chose(self, steps: int) -> None:
        """Note the number of steps after which validation found a part best."""
        self.chosen.append(steps)


@dataclass(frozen=True)
class Job:
    """What the bench lends to one fit.

    Parameters
    ----------
    settings : the study's value of each setting of the method and of its data set.
    seed : seeds everything random in the fit. The same seed gives the same predictions.
    device : "cpu", "cuda" or "mps".
    report : see `Report`.
    epochs : upper limit on epochs from the command line (`--epochs`), or None.
    threads : CPU threads the fit may use.
    cache : folder for what is costly to prepare, keyed by content; shared by all studies on this machine.
    checkpoint : folder of this trial; a trial that is run again after its worker died finds what it left there.
    prerequisites : name → fitted model of each prerequisite that the method declares.
    direction : "minimize" or "maximize", the method's objective.
    score : the objective on validation of predictions for it, as those of an `Outcome`; of images too, where the
        objective weighs them. What a method reports.
    curve : ``curve(name, step, value)`` records a point of a curve that is no validation score, such as
        "train/loss_generator"; the search never sees it.
    show : ``show(step, images, predictions=None)`` keeps images uint8 (n, 3, h, w) that a method generated at a step,
        at once, and beside them the targets (n, t) that they were generated for.
    steps : see `Steps`.
    """

    settings: Settings
    seed: int
    device: str
    report: Report
    cache: Path
    checkpoint: Path
    epochs: int | None = None
    threads: int = 1
    prerequisites: Mapping[str, Any] = field(default_factory=dict)
    direction: str = "minimize"
    score: Callable[..., float] = _no_validation
    curve: Callable[[str, int, float], None] = _unheard
    show: Callable[..., None] = _unheard
    steps: Steps = field(default_factory=Steps)


@dataclass(frozen=True)
class Outcome:
    """What a fit gives back. The bench scores and logs it.

    Parameters
    ----------
    model : the fitted method.
    predictions : part → (n, t) in the data's own units and in the part's order, for each part that was handed over;
        of a classifier the probabilities (n, c) of the split's classes.
    images : part → the images uint8 (n, 3, h, w) that were reconstructed, of validation and test, where
        reconstruction is part of the method.
    embeddings : code → part → (n, d), such as {"z": {"train": …}}.
    tables : artifact file name of `affect.record` → table, for what only the method knows.
    parameters : number of trained parameters (for trees, of leaves), where known.
    """

    model: Model
    predictions: Mapping[str, Floats]
    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    embeddings: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    parameters: int | None = None


# ------------------------------------------------------------------------------------------------- an evaluation


@dataclass(frozen=True)
class Fitted:
    """All that an evaluation may look at: a final run's method, data, parts with their test targets, and outcome.

    `truth` maps each part to its targets (n, t), of a classifier the class names (n, 1), test included: an evaluation
    scores, it never fits on test.
    `refit` fits the same configuration again on other parts (for diagnostics), and scores nothing.
    """

    method: Method
    data: Dataset
    split: Split
    truth: Mapping[str, Any]
    labels: Mapping[str, Strings] | None
    params: Params
    job: Job
    outcome: Outcome
    refit: Callable[[Split], Outcome]

    def test_sample(self) -> Strings:
        """Return the names (n,) that the test samples have in the data; the split hides them, for a name tells much."""
        import numpy as np

        known = np.concatenate([self.split.train.sample, self.split.validation.sample])
        return self.data.sample[~np.isin(self.data.sample, known)]


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found: tables by artifact file name, metrics by full name (see `affect.record.metric`), codes.

    `embeddings` are codes that it made, as those of an `Outcome`, such as the codes of rotated meshes.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    embeddings: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)


class Evaluator(Protocol):
    """A file ``training/evaluation/<name>.py`` has PREREQUISITES (as a method), `applies(method)`, and this `evaluate`.

    ``ONCE = True`` beside them says that it is computed for a study's first final run alone (it refits, say).
    ``LAST = True`` says that it is computed after the others, and finds the codes that they made in the outcome.
    """

    def __call__(self, fitted: Fitted) -> Evaluation:
        """Compute the evaluation. Fitted needs stand in ``fitted.job.prerequisites``."""
        ...
