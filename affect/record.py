"""The run record: tags, metric names, artifact files and their columns.

`training` writes this record into an MLflow tracking store, `dashboard` reads it. Both use the names below and no
others, so this file is the whole agreement between the two halves. Nothing in a record needs unpickling.

A *study* run holds what was searched and its summary. *Trial* runs and *final* runs are its children
(`mlflow.parentRunId`). A *need* run is a method fitted with its defaults, on the train part alone, because another
method needs it; it is never scored on test and no leaderboard shows it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECORD_VERSION = 2
"""Raised when a name below changes its meaning.

1 : a protocol is also of its inputs (`protocol_id` differs where only they do); a study without all of its seeds is
    not frozen.
2 : a protocol is of data, split and targets alone; a frozen study may have fewer `seeds` than `repeats`; runs of a
    study that is tested by folds bear `fold` and `test_folds`, and several finals of it have the same `seed`.
"""

READABLE = (1, 2)
"""Versions that `import` takes and the dashboard shows. Runs whose protocols differ are never ranked together."""

METRIC_VERSION = 1
"""Raised when a formula in `affect.metrics` changes a method's score; scores of two versions are never ranked together.

Baselines are not ranked: each stands beside the scores of its own run, and `METRIC_SOURCE` says what changed in them.
"""

# ---------------------------------------------------------------------------------------------------------- tags

PREFIX = "affectory."
PARENT = "mlflow.parentRunId"
"""MLflow's own tag by which `mlflow ui` nests trial and final runs under their study."""


class Kind:
    """Values of the tag `kind`."""

    STUDY, TRIAL, CONFIRMATION, FINAL, NEED = "study", "trial", "confirmation", "final", "need"


class State:
    """Values of the tag `state`. MLflow knows no pruned run and calls it FINISHED; a stopped one it calls KILLED.

    Only a study is ever stopped: by Ctrl-C, to go on when the same command is given again.
    """

    RUNNING, COMPLETE, PRUNED, FAILED, STOPPED = "running", "complete", "pruned", "failed", "stopped"


TAGS: dict[str, str] = {
    "kind": "study, trial, confirmation (of a trial), final or need",
    "record": "RECORD_VERSION",
    "method": "family/method, the path of the method's file",
    "method_title": "what the method is called in words",
    "data_title": "what the data set is called in words",
    "dataset": "name of the data set, under which published scores join (`--as`)",
    "reader": "name of the reader that read it (`--dataset`)",
    "synthetic": "true where the data comes from the synthetic world, else false",
    "data_version": "hash of the data that was read",
    "protocol": "protocol's readable name, which is also the MLflow experiment's",
    "protocol_id": "protocol's hash: data name and version, group → part (or fold), targets, label range, label rule; "
    "in record 1 also inputs",
    "split": "hash of sample → part alone; equal where two protocols share their parts",
    "targets": "JSON list of target names",
    "classes": "JSON list of a classifier's classes",
    "inputs": "name of the data block the method is given",
    "group_kind": "what is never split: clip, person, video …",
    "groups": 'JSON {"train": n, "validation": n, "test": n}: number of groups by part',
    "persons": "known or unknown",
    "leaks": "JSON object kind → number of persons, recordings or copies of images that stand in two parts of the "
    "split (`--allow-leak`); absent where none does",
    "settings": "JSON object, sorted keys",
    "study": "name of the study",
    "seed": "the seed of this run",
    "test_folds": "number of folds, on all runs of a study that is tested by folds",
    "fold": "number of the fold, from 1 to test_folds, on its trials and finals; `trial` counts within the fold",
    "search_folds": "number of folds of train and validation over which a trial's scores are means, on all runs",
    "search_fold": "number of the fold, from 1 to search_folds, on a need of its own",
    "refit": "on a final and a frozen study: train, or all where it was fitted on train and validation together, for "
    "the number of epochs that validation found in the search; such a final has no scores on validation",
    "trial": "Optuna's number of the trial; on a final, of the best trial",
    "retry_of": "number of the trial whose worker died or was stopped, and whose parameters this one has",
    "state": "running, complete, pruned, failed or stopped",
    "reason": "why a failed or pruned run ended",
    "trials_total": "trials the study is to reach (complete and pruned ones count)",
    "repeats": "number of seeds with which the best trial is fitted again, in each fold",
    "confirm_top": "number of best trials that are fitted again with new seeds before one is chosen; 0 for none",
    "value": "on a confirmation: its objective on validation, nan where the method raised",
    "seeds": "on a frozen study: seeds that were scored on test; fewer than `repeats` where the others failed",
    "error": "true on a final whose method raised: a result of its seed, counted as failed and not run again",
    "deadline": "UTC seconds at which --timeout ends the search, or empty",
    "frozen": "true on a study whose finals are complete: no more trials",
    "objective": "metric that the search optimises on validation",
    "objectives": "JSON list of the full names of the metrics whose values are the search's: one, or two",
    "weights": "JSON object target → weight of the objective, where it is not the targets' mean",
    "direction": "minimize or maximize",
    "space": "hash of the search space",
    "sampler": "name of Optuna's sampler",
    "pruner": "name of Optuna's pruner",
    "best_trial": "number of the best trial, on a study",
    "best_value": "the best trial's objective on validation during the search, on a study",
    "needs": 'JSON {"need": "run id"} of the prerequisites: the fitted methods that it used',
    "artifacts": "JSON list of the artifact files that the run has",
    "hashes": "JSON object artifact → hash of its content (of a folder, of all files in it) as the run left it; absent "
    "where an MLflow server keeps the files",
    "code": "commit, followed by + where tracked files differ, or training/, affect/ or search_spaces/ have new ones",
    "machine": 'JSON {"host", "device", "cores", "python", "platform", "versions": {...}}',
    "metric_version": "METRIC_VERSION",
    "command": "the command line that made the run",
    "root": "file or folder of the data, as `--root` named it; absent where it was not given",
    "epochs": "upper limit on epochs, as `--epochs` gave it; absent where it was not given",
    "threads": "CPU threads that a fit may use",
    "worker": "the process that made the run, as its machine, its number there and a random part",
    "steps": "on a final with refit all: JSON list of the epochs, or rounds of each regressor, that it took",
    "archived": "true where a person put the run aside",
    "note": "a person's note (plain text)",
    "labels": "JSON list of a person's own tags",
}
"""Every tag of a record, without its prefix. Any other name is refused by `tag`."""


def tag(name: str) -> str:
    """Return the full MLflow tag of a record's tag `name`; raise KeyError for a name that no record has."""
    if name not in TAGS:
        raise KeyError(f"no record has a tag {name!r}")
    return PREFIX + name


TAG_LIMIT = 8000
PARAM_LIMIT = 6000
"""Characters at which MLflow cuts a tag's or parameter's value without a word; the writer refuses before it does."""

# ------------------------------------------------------------------------------------------------------- metrics

PARTS = ("train", "validation", "test")
PART_PREFIX = {"train": "train", "validation": "val", "test": "test"}
ALL = "all"
"""The target name under which the mean over all targets stands."""

PICTURE = "picture"
"""The target name under which errors of reconstructed pictures stand, in units of the full range of a pixel (0 … 1)."""

WEIGHED = "weighed"
"""The target name under which a weighed sum of several targets' scores stands: what a search of several optimises."""

ROTATED = "rotated"
"""The target name under which a classifier's mean over seeded random rotations of the test meshes stands."""

MEAN, LABEL_MEAN, MAJORITY = "mean", "label_mean", "majority"
BASELINES = (MEAN, LABEL_MEAN, MAJORITY)
SD, LOW, HIGH, N_GROUPS, N_SEEDS, N_UNDEFINED = "sd", "low", "high", "groups", "seeds", "undefined"
ASPECTS = (*BASELINES, SD, LOW, HIGH, N_GROUPS, N_SEEDS, N_UNDEFINED)
"""What a metric may be besides the method's own score: a baseline of the same split, or on a study's run the
standard deviation over seeds, the ends of the 95 % interval over groups, the number of groups behind it, and the number
of seeds where some lack the metric; of a score of each recording, the number of recordings that have none."""

NOTHING = "nothing"
"""The modality in attention.parquet that stands for no step at all."""


class MetricName(NamedTuple):
    """A metric's name taken apart: ``test.sd/mae/pleasure`` is part test, aspect sd, metric mae, target pleasure."""

    part: str
    aspect: str
    metric: str
    target: str


def metric(part: str, name: str, target: str = ALL, aspect: str = "") -> str:
    """Return a metric's full name, ``<part>[.<aspect>]/<metric>/<target>``.

    Scores of the method have no aspect. ``cost/seconds``, ``cost/parameters`` and ``cost/peak_mb`` stand beside them,
    and curves by epoch are named ``curve/<part prefix>/<score>``.
    """
    if aspect and aspect not in ASPECTS:
        raise ValueError(f"no aspect {aspect!r}; known: {', '.join(ASPECTS)}")
    return f"{PART_PREFIX[part]}{'.' + aspect if aspect else ''}/{name}/{target}"


def parse_metric(full: str) -> MetricName | None:
    """Take a score's name apart; None for costs, curves and whatever another program logged."""
    head, _, rest = full.partition("/")
    name, _, target = rest.partition("/")
    prefix, _, aspect = head.partition(".")
    part = next((p for p, short in PART_PREFIX.items() if short == prefix), None)
    if part is None or not name or not target or (aspect and aspect not in ASPECTS):
        return None
    return MetricName(part, aspect, name, target)


CURVE = "curve/"


def objective_curve(objectives: Sequence[str]) -> str:
    """Return the epoch score, such as ``val/mae``, that a search with these values (the tag `objectives`) has."""
    if len(objectives) > 1:
        return "/".join([*objectives[0].split("/")[:-1], WEIGHED])
    return objectives[0].removesuffix(f"/{ALL}")


FOLDS = "folds/"
"""What the curve of a trial's score on each of its search folds begins with; its steps are the folds, from 1."""


def fold_curve(fold: int, score: str) -> str:
    """Return the name of an epoch score of a fit on one search fold: ``fold 3/val/mae``."""
    return f"fold {fold}/{score}"


COST_SECONDS, COST_PARAMETERS, COST_PEAK_MB = "cost/seconds", "cost/parameters", "cost/peak_mb"
SELECTED_ON_TEST = "selected_on_test/"  # of a diagnostic that is never ranked: a curve, a score, and its epoch


def curve(score: str) -> str:
    """Return the full name of an epoch score such as ``val/mae`` or ``train/loss``: ``curve/val/mae``."""
    return CURVE + score


# ----------------------------------------------------------------------------------------------------- artifacts


class Artifact:
    """Names of the artifact files. Each is a Parquet table with the columns in `COLUMNS`, JSON, or text."""

    SPLIT = "split.parquet"
    LEAKS = "leaks.parquet"
    ANNOTATIONS = "annotations.parquet"
    PREDICTIONS = "predictions.parquet"
    EMBEDDINGS = "embeddings.parquet"
    PROJECTIONS = "projections.parquet"
    FEATURE_ERRORS = "feature_errors.parquet"
    ROUND_TRIP = "round_trip.parquet"
    SENSITIVITY = "sensitivity.parquet"
    MODALITIES = "modalities.parquet"
    ATTENTION = "attention.parquet"
    CORRELATIONS = "correlations.parquet"
    REALNESS = "realness.parquet"
    LATENT = "latent.parquet"
    DIAGNOSTICS = "diagnostics.parquet"
    RECONSTRUCTIONS = "reconstructions.parquet"
    ALIGNMENT = "alignment.parquet"
    SAMPLES = "samples.parquet"
    ROTATIONS = "rotations.parquet"
    ACTIVATIONS = "activations.parquet"
    SEPARATION = "separation.parquet"
    MESH = "mesh.parquet"
    TRIANGLES = "triangles.parquet"
    FIGURES = "figures.parquet"
    THUMBNAILS = "thumbnails.parquet"
    TEST_MESHES = "test_meshes.parquet"
    NEIGHBOURS = "neighbours.parquet"
    DATA_SUMMARY = "data_summary.json"
    SPACE = "space.json"
    LOG = "log.txt"
    MODEL = "model"


COLUMNS: dict[str, tuple[str, ...]] = {
    Artifact.SPLIT: ("sample", "group", "part"),
    # of a study whose split leaks: what stands in which parts (their names, joined by commas), with how many samples
    Artifact.LEAKS: ("kind", "name", "parts", "samples"),
    # of a study on data with time: and the targets, nan where unknown. annotator "" has the labels that methods learn
    # from; where several people annotated, there are rows of each as well
    Artifact.ANNOTATIONS: ("sample", "sequence", "time", "annotator"),
    # and true_<target>, pred_<target> for each target (of a classifier names of classes, and prob_<class> for each),
    # and label where the data has classes
    Artifact.PREDICTIONS: ("sample", "group", "sequence", "time", "part"),
    Artifact.EMBEDDINGS: ("sample", "part", "code"),  # and d0 … dn
    Artifact.PROJECTIONS: (
        "sample",
        "code",
        "algorithm",
        "parameters",
        "seed",
        "x",
        "y",
        "trustworthiness",
    ),
    # row: the method itself, or "mean" and "label_mean", the baselines on the same samples
    Artifact.FEATURE_ERRORS: ("row", "feature", "mse", "mae", "mae_over_range", "example_true", "example_pred"),
    # PAD of the test windows, and PAD that a fitted lma_to_pad reads from the generated features
    Artifact.ROUND_TRIP: ("sample", "target", "true", "recovered", "recovered_from_real"),
    # how far each feature moves when z goes from z_from to z_from + step
    Artifact.SENSITIVITY: ("feature", "z_from", "step", "change", "change_over_range"),
    # how much a test sample's last step takes of each step of its window, of a bounded number of samples: head -1 is
    # the mean over heads, before_s is nan for what is taken of nothing
    Artifact.ATTENTION: ("sample", "head", "modality", "before_s", "weight"),
    # kind: masked (value: a score on test with the modality masked; difference: to that of none), lag (value:
    # correlation of a ridge regression from the modality with the labels of lag_s before), peak (lag_s: the highest)
    Artifact.MODALITIES: (
        "kind",
        "modality",
        "target",
        "metric",
        "lag_s",
        "value",
        "difference",
        "low",
        "high",
        "p",
        "groups",
    ),
    # kind: real (test frames) or generated; the discriminator's probability that the frame is real
    Artifact.REALNESS: ("kind", "sample", "probability"),
    Artifact.CORRELATIONS: ("feature", "axis", "pearson", "spearman", "used"),
    # codes of a fitted autoencoder and what was predicted for them, on train and test: and true_d0, pred_d0 …
    Artifact.LATENT: ("sample", "part", "label"),
    # scores that are never ranked: what the same configuration gets on a leaking or a cleaned split
    Artifact.DIAGNOSTICS: ("diagnostic", "target", "metric", "value", "n", "explanation"),
    # errors of one reconstructed picture, over all of its pixels, in units of a pixel's full range
    Artifact.RECONSTRUCTIONS: ("sample", "part", "mse", "mae"),
    # the seven tasks on the test part; note says why a score is missing or how it is to be read; no published score
    Artifact.ALIGNMENT: ("task", "code", "predictor", "target", "metric", "value", "n", "note"),
    # kind: real, reconstruction, traversal, generated. step orders the pictures of a row (a traversal's values of the
    # code, a generator's steps); code is what is traversed
    Artifact.SAMPLES: ("kind", "sample", "code", "step", "png", "valence", "arousal", "label"),
    # draw: number of the seeded draw; angle in degrees, nan for a draw from all of SO(3). target as in metrics
    Artifact.ROTATIONS: ("angle", "draw", "metric", "target", "value"),
    # kind: pca (vertex embeddings on three principal components) or gradient; level is what a map shows. And moves,
    # whether the class truly moves the vertex, where the data knows it (the synthetic world)
    Artifact.ACTIVATIONS: ("kind", "class", "vertex", "level", "pc1", "pc2", "pc3"),
    # distances of two classes' test codes: between their centres, and over the mean spread within them
    Artifact.SEPARATION: ("code", "class", "other", "distance", "over_spread"),
    # the mean train face, that activations are drawn on; and further columns such as eigenvectors hks1 …
    Artifact.MESH: ("vertex", "x", "y", "z"),
    Artifact.TRIANGLES: ("a", "b", "c"),
    # where a window's joints are in each of its frames, in body heights: x and z level, y up
    Artifact.FIGURES: ("sample", "frame", "joint", "x", "y", "z"),
    # test images, at most 64 pixels wide and high, as PNG
    Artifact.THUMBNAILS: ("sample", "png"),
    # meshes of a bounded number of test samples, in the data's own unit, x to the right, y down
    Artifact.TEST_MESHES: ("sample", "vertex", "x", "y", "z"),
    # of each test sample the nearest others in the inputs, rank 1 first, and the part that each is in
    Artifact.NEIGHBOURS: ("sample", "rank", "neighbour", "part", "distance"),
}
"""The columns every table of that name has, in this order; a table may have more after them."""

METRIC_SOURCE: dict[str, str] = {
    "": "predictions.parquet: rows of the part, true_<target> against pred_<target>, by affect.metrics",
    MEAN: "predictions.parquet: rows of the part against the mean of true_<target> over part = train",
    LABEL_MEAN: "predictions.parquet: rows of the part that have a label, against the train mean of their label (of "
    "all rows where train lacks it); runs without the tag `threads` took rows without a label for one more label",
    MAJORITY: "predictions.parquet: rows of the part against the most frequent true class of part = train",
    SD: "the finals' own scores: standard deviation (n − 1) over seeds",
    LOW: "the finals' predictions.parquet: affect.statistics.intervals, over groups",
    HIGH: "the finals' predictions.parquet: affect.statistics.intervals, over groups",
    N_GROUPS: "split.parquet: number of groups in the part",
    N_SEEDS: "the finals' own metrics: how many of them have this one",
    N_UNDEFINED: "predictions.parquet: recordings of the part in which true_<target> never changes",
}
"""From which artifact each metric of a final can be computed again, by its aspect.

Of a study that is tested by folds, test scores, baselines and intervals are of the test rows of all folds together: the
predictions.parquet of its finals with one seed, one below the other (each baseline from its own fold's train rows).
Metrics of `EVALUATION_SOURCE` and costs are means over folds, weighted by test rows; validation scores plain means."""

EVALUATION_SOURCE: dict[tuple[str, str], str] = {
    ("mae_over_range", ALL): "feature_errors.parquet: mean of mae_over_range over the features that have a range",
    ("mae_round_trip", "*"): "round_trip.parquet: mean of |recovered - true|, by target and over all",
    ("mae_round_trip_real", "*"): "round_trip.parquet: mean of |recovered_from_real - true|, by target and over all",
    ("mae", "latent"): "latent.parquet: mean of |pred_d0 … - true_d0 …| over the test rows; baselines from train rows",
    ("mse_linear_probe", "*"): "alignment.parquet: mse of linear_probe in task alignment; all is half of combined",
    ("ccc_per_recording", "*"): "predictions.parquet: mean ccc of the recordings whose true_<target> changes",
    ("*", PICTURE): "reconstructions.parquet: mean over the part's rows; baseline: the mean train image",
    ("*", WEIGHED): "the other scores, weighed as the tag `weights` says",
    ("*", ROTATED): "rotations.parquet: mean over the draws from all of SO(3); majority: as upright, it sees no mesh",
    ("accuracy_real", ALL): "realness.parquet: share of real frames with a probability above .5",
    ("accuracy_generated", ALL): "realness.parquet: share of generated frames with a probability below .5",
    ("pointing_game", "*"): "activations.parquet: share of classes whose largest level is where moves is true, by kind",
    ("vertex_auc", "*"): "activations.parquet: area under the ROC curve of level against moves, class mean, by kind",
}
"""The same for what evaluations add, by (metric, target; * for each)."""

# ------------------------------------------------------------------------------------------------------- encoding


def to_json(value: Any) -> str:
    """Encode a tag's value: sorted keys, no spaces, so that equal values are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any, length: int = 12) -> str:
    """Return a short stable hash of a JSON-encodable value (hexadecimal, `length` characters)."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()[:length]


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings as people read them and as published_results.csv writes them: ``features=all;latent_size=2``."""
    return ";".join(f"{k}={settings[k]}" for k in sorted(settings))
