"""Method, Model, Job, Outcome, Evaluation: the agreement between a method and the bench. Read this first, then data.py.

A method is a file ``training/methods/<family>/<method>.py`` with three names::

    METHOD = Method(title=…, source=…, data="motion", inputs="features", targets="pad")
    def fit(params: Params, split: Split, job: Job) -> Outcome: ...
    def load(folder: Path, device: str) -> Model: ...

and a file at the same path under ``search_spaces/`` with ``DEFAULTS``, ``TINY`` and ``suggest(trial)``.

The bench reads the data, splits it, scores and logs. A method fits and predicts; it imports neither mlflow nor optuna.
It is given the test part only in a study's final runs, and never its targets or labels.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from affect.record import ALL, WEIGHED

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from training.data import Dataset, Floats, Split, Strings
    from training.views import Inputs

Params: TypeAlias = Mapping[str, Any]
Settings: TypeAlias = Mapping[str, Any]

LABEL = "label"
"""What a classifier names as its targets: the data set's classes, in place of a block."""

CLASSES = "emotion"
"""The target name under which a classifier's scores stand."""

IMAGES = "images"
"""The name of the block of images, which a method may reconstruct."""

LABEL_RULE, FRAME, WINDOW_MEAN = "label", "frame", "window_mean"
"""The setting that chooses a sample's label where a method looks back, and its values: the label of the sample itself,
or the mean label of its window. They are two targets, and so two protocols."""


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
    data : its family's kind of data: motion, faces, meshes, frames or fusion. The synthetic data set of that kind is
        the method's default.
    inputs : the block, or the blocks, that it takes; or where a setting chooses them, ``{setting: {value: blocks}}``.
    targets : the block that it predicts; an autoencoder's is its input, a classifier's is `LABEL`.
    objective : the metric of `affect.metrics` that a search optimises on validation.
    objective_weights : target → weight of its score in the objective (default: `affect.record.ALL`, the mean over
        targets); `affect.record.PICTURE` is the reconstruction of images. With ``--objectives two`` each is an
        objective of its own.
    settings : what a table of results compares, never searched; each a tuple of allowed values, the first the default.
    prerequisites : name → path of a method whose fitted model this one needs; it is fitted on the same train part and
        stands in ``job.prerequisites[name]``. Where settings decide, a function from them to such a mapping.
    context : the setting whose value is how many seconds a prediction may look back on; None for a method that sees
        each sample alone.
    """

    title: str
    source: str
    data: str
    inputs: str | tuple[str, ...] | Mapping[str, Mapping[Any, tuple[str, ...]]]
    targets: str
    objective: str = "mae"
    objective_weights: Mapping[str, float] = field(default_factory=lambda: {ALL: 1.0})
    settings: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    prerequisites: Mapping[str, str] | Callable[[Settings], Mapping[str, str]] = field(default_factory=dict)
    context: str | None = None

    @property
    def direction(self) -> str:
        """Return minimize or maximize, as the objective asks for."""
        from affect import metrics  # numpy, which listing methods does without

        return metrics.DIRECTION[self.objective]

    def blocks(self, settings: Settings) -> tuple[str, ...]:
        """Return the names of the blocks that the method takes under these settings."""
        if isinstance(self.inputs, str):
            return (self.inputs,)
        if isinstance(self.inputs, tuple):
            return self.inputs
        ((setting, choices),) = self.inputs.items()
        return choices[settings[setting]]

    def all_blocks(self) -> tuple[str, ...]:
        """Return every block that the method can take, under any settings."""
        if isinstance(self.inputs, str | tuple):
            return self.blocks({})
        (choices,) = self.inputs.values()
        return tuple(dict.fromkeys(block for blocks in choices.values() for block in blocks))

    def needed(self, settings: Settings) -> dict[str, str]:
        """Return name → path of the prerequisites under these settings."""
        declared = self.prerequisites
        return dict(declared(settings) if callable(declared) else declared)

    def all_needed(self) -> dict[str, tuple[str, ...]]:
        """Return name → paths of every prerequisite that the method can have, under any settings."""
        every: dict[str, dict[str, None]] = {}
        for values in itertools.product(*self.settings.values()):
            for name, path in self.needed(dict(zip(self.settings, values, strict=True))).items():
                every.setdefault(name, {})[path] = None
        return {name: tuple(paths) for name, paths in every.items()}

    def seconds(self, settings: Settings) -> float | None:
        """Return how far a prediction looks back under these settings, in seconds; None where it does not."""
        return None if self.context is None else float(settings[self.context])

    @property
    def objective_target(self) -> str:
        """Return the target name under which the objective is recorded."""
        return next(iter(self.objective_weights)) if len(self.objective_weights) == 1 else WEIGHED

    def objective_value(self, scores: Mapping[str, float]) -> float:
        """Return the objective from the score of each target of `objective_weights`."""
        return sum(weight * scores[target] for target, weight in self.objective_weights.items())


class Model(Protocol):
    """A fitted method, as `fit` returns it and `load` reads it back. For what else it can do see `model_protocols`."""

    def predict(self, inputs: Inputs) -> Floats:
        """Map the inputs of n samples, in the data's own units, to targets (n, t) in the data's own units.

        A classifier maps them to the probabilities (n, c) of the split's classes.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an empty folder: safetensors, UBJ or skops, and JSON; no pickle."""
        ...


# ---------------------------------------------------------------------------------------------------- a fit's job


class Report(Protocol):
    """How a method tells the bench about an epoch."""

    def __call__(self, step: int, value: float, **scores: float) -> None:
        """Record `value`, the objective on validation at `step` (in the data's own units), and other scores.

        Scores are named by keyword with ``__`` for the slash: ``train__loss=0.3`` becomes the curve train/loss.
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
    """Everything that the bench passes to one call of `fit`.

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
    key : hash of what decides the result: code, parameters, settings, data, samples of each part, seed and epochs. What
        is left in `checkpoint` bears it, so that it is never taken for another fit's. Empty where nothing is to be
        left there.
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
    key: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a fit gives back. The bench scores and logs it.

    Parameters
    ----------
    model : the fitted method.
    predictions : part → (n, t) in the data's own units and in the part's order, for each part that it was given;
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
    `test_sample` are the names (n,) that the test samples have in the data; the split hides them.
    `refit` fits the same configuration again on other parts (for diagnostics), and scores nothing.
    """

    method: Method
    data: Dataset
    split: Split
    truth: Mapping[str, Any]
    labels: Mapping[str, Strings] | None
    test_sample: Strings
    job: Job
    outcome: Outcome
    refit: Callable[[Split], Outcome]


@dataclass(frozen=True)
class Evaluation:
    """What a file ``training/evaluation/<name>.py`` declares as EVALUATION.

    Parameters
    ----------
    applies : from a method to whether it can be evaluated so.
    evaluate : computes it. Fitted prerequisites stand in ``fitted.job.prerequisites``.
    prerequisites : as a method's.
    once : it is computed for a study's first final run alone (it refits, say).
    last : it is computed after the others, and finds the codes that they made in the outcome.
    """

    applies: Callable[[Method], bool]
    evaluate: Callable[[Fitted], Findings]
    prerequisites: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    last: bool = False


@dataclass(frozen=True)
class Findings:
    """What an evaluation returns: tables by artifact file name, metrics by full name (see `affect.record.metric`).

    `embeddings` are codes that it made, as those of an `Outcome`, such as the codes of rotated meshes.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    embeddings: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
