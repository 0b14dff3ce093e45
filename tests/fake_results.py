"""Plausible results of studies without any training: samples, predictions and the tables made from them.

Motion is made here, faces are in `tests.fake_faces`, meshes in `tests.fake_meshes`.

Everything is drawn from a seed. What can be computed is computed from the drawn predictions, so that a page's table
and its metrics agree; what only a fit would know is drawn.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect import metrics, record
from affect.projections import ALGORITHMS, pca

PUBLISHED = Path(record.__file__).with_name("published_results.csv")
PAD = ("pleasure", "arousal", "dominance")
VA = ("valence", "arousal")
LABELS = ("afraid", "angry", "bored", "content", "happy", "nervous", "sad", "tired")
CLIPS, WINDOWS = 48, 6


@lru_cache
def features() -> tuple[str, ...]:
    """Return the 27 published feature names in their order."""
    with PUBLISHED.open(encoding="utf-8") as rows:
        lma = [r for r in csv.DictReader(rows) if r["method"] == "lma_vae" and r["metric"] == "mae"]
    names = tuple(dict.fromkeys(r["target"] for r in lma if r["target"] != "all features"))
    assert len(names) == 27
    return names


@dataclass(frozen=True)
class Spec:
    """One study to make up: its method, its settings beside features=all, and how good it is (noise over spread).

    `weights` are a face method's `over`; with `apart` each is an objective of its own.
    """

    method: str
    noise: float
    settings: dict[str, Any] = field(default_factory=dict)
    dataset: str = "synthetic_motion"
    weights: dict[str, float] = field(default_factory=dict)
    apart: bool = False

    @property
    def family(self) -> str:
        return self.method.partition("/")[0]

    @property
    def metric(self) -> str:
        return {"faces": "mse", "meshes": "f1"}.get(self.family, "mae")

    @property
    def direction(self) -> str:
        return metrics.DIRECTION[self.metric]

    @property
    def objectives(self) -> list[str]:
        several = len(self.weights) > 1
        targets = list(self.weights) if self.apart or not several else [record.WEIGHED]
        return [record.metric("validation", self.metric, t) for t in targets or [record.ALL]]

    @property
    def value(self) -> str:
        """The full name of the metric that is the search's value as one number."""
        several = record.metric("validation", self.metric, record.WEIGHED)
        return several if len(self.weights) > 1 else self.objectives[0]

    @property
    def inputs(self) -> str:
        if self.family in ("faces", "meshes"):
            return "pictures" if self.family == "faces" else "landmarks"
        return "features" if self.method in ("motion/lma_to_pad", "motion/lma_vae") else "pad"

    @property
    def targets(self) -> tuple[str, ...]:
        if self.family in ("faces", "meshes"):
            return VA if self.family == "faces" else ("emotion",)
        return PAD if self.method == "motion/lma_to_pad" else features()

    @property
    def protocol(self) -> str:
        if self.family == "faces":
            return f"{self.dataset} · by person · V A"
        if self.family == "meshes":
            return f"{self.dataset} · by person · emotion"
        task = (
            "P A D"
            if self.targets == PAD
            else "27 features reconstructed"
            if self.inputs == "features"
            else "27 features from P A D"
        )
        return f"{self.dataset} · by clip · {task}"

    @property
    def all_settings(self) -> dict[str, Any]:
        return {**({"features": "all"} if self.family == "motion" else {}), **self.settings}

    @property
    def name(self) -> str:
        text = "-".join(f"{k}-{v}" for k, v in sorted(self.settings.items()))
        stem = self.method.rpartition("/")[2].replace("_", "-")
        return f"{stem}{'-' + text if text else ''}-{self.dataset.replace('_', '-')}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Feature columns that an input of `features` has."""
        drop = self.all_settings["features"] == "no_acceleration"
        return tuple(f for f in features() if not (drop and "acceleration" in f))


STUDIES = (
    Spec("motion/lma_to_pad", 0.55),
    Spec("motion/lma_to_pad", 0.62, {"features": "no_acceleration"}),
    Spec("motion/lma_vae", 0.85, {"latent_size": 1}),
    Spec("motion/lma_vae", 0.70, {"latent_size": 2}),
    Spec("motion/lma_vae", 0.55, {"latent_size": 4}),
    Spec("motion/lma_vae", 0.53, {"latent_size": 8}),
    Spec("motion/pad_to_lma", 0.90),
    Spec("motion/pad_to_lma_correlated", 0.91),
    Spec("motion/pad_to_latent", 0.97, {"latent_size": 1}),
    Spec("motion/pad_to_latent", 0.94, {"latent_size": 2}),
    Spec("motion/lma_to_pad", 0.60, dataset="lma"),
    Spec("motion/lma_vae", 0.86, {"latent_size": 1}, dataset="lma"),
    Spec("motion/lma_to_pad", 0.66, {"features": "with_jerk"}),
)
"""The last one is still running."""


@dataclass(frozen=True)
class World:
    """Samples of a made-up data set and their split by clip."""

    sample: np.ndarray
    group: np.ndarray
    label: np.ndarray
    part: np.ndarray
    time: np.ndarray
    pad: np.ndarray
    lma: np.ndarray

    def values(self, targets: tuple[str, ...]) -> np.ndarray:
        return self.pad if targets in (PAD, VA) else self.lma


@lru_cache
def world(dataset: str, seed: int = 0) -> World:
    """Draw 48 clips of 6 windows; a clip's emotion has one PAD triple, as in the real table. Faces are people's."""
    if dataset.endswith("_faces"):
        from tests import fake_faces

        return fake_faces.world(dataset, seed)
    if dataset in ("synthetic_meshes", "ckplus"):
        from tests import fake_meshes

        return fake_meshes.world(dataset, seed)
    rng = np.random.default_rng([seed, len(dataset)])
    clip = np.repeat(np.arange(CLIPS), WINDOWS)
    label = np.array(LABELS)[np.arange(CLIPS) % len(LABELS)]
    triples = np.round(rng.uniform(-0.8, 0.8, (len(LABELS), 3)), 2)
    pad = triples[np.arange(CLIPS) % len(LABELS)][clip]
    scale = np.exp(rng.normal(-1, 1.2, 27))
    lma = (pad @ rng.normal(0, 0.5, (3, 27)) + rng.normal(0, 0.4, (CLIPS, 27))[clip]) * scale
    lma = lma + rng.normal(0, 0.3, lma.shape) * scale
    lma[:, features().index("avg_chest_pelvis_distance")] = 0.286151  # constant in the real table as well
    of_clip = np.array(["train"] * 32 + ["validation"] * 8 + ["test"] * 8)
    names = np.array([f"{label[i]}_clip{i:02d}" for i in range(CLIPS)])
    window = np.tile(np.arange(WINDOWS), CLIPS)
    return World(
        sample=np.array([f"{names[c]}:{w}" for c, w in zip(clip, window, strict=True)]),
        group=names[clip],
        label=label[clip],
        part=of_clip[clip],
        time=window.astype(float),
        pad=pad,
        lma=lma,
    )


def predict(spec: Spec, seed: int) -> np.ndarray:
    """Draw predictions (n, t): truth shrunk to the train mean, plus a clip's and a window's error, worse off train."""
    if spec.family == "meshes":
        from tests import fake_meshes

        return fake_meshes.predict(spec, seed)
    w = world(spec.dataset)
    true = w.values(spec.targets)
    rng = np.random.default_rng([seed, len(spec.method), int(spec.noise * 1000)])
    train = w.part == "train"
    mean, spread = true[train].mean(0), true[train].std(0)
    _, clip = np.unique(w.group, return_inverse=True)
    off = np.where(train, 0.5, 1.0)[:, None] * spec.noise
    error = 0.6 * rng.normal(size=(CLIPS, true.shape[1]))[clip] + 0.5 * rng.normal(size=true.shape)
    return mean + (true - mean) * (1 - 0.6 * off) + error * off * spread * 0.7


def trivial(spec: Spec) -> dict[str, np.ndarray]:
    """Return the mean and label-mean predictions (n, t), fitted on train."""
    if spec.family == "meshes":
        from tests import fake_meshes

        return fake_meshes.trivial(spec)
    w = world(spec.dataset)
    true, train = w.values(spec.targets), w.part == "train"
    by_label = np.stack([true[(w.label == name) & train].mean(0) for name in w.label])
    return {record.MEAN: np.broadcast_to(true[train].mean(0), true.shape), record.LABEL_MEAN: by_label}


def scores(true: np.ndarray, pred: np.ndarray) -> dict[str, np.ndarray]:
    """Return every regression metric per column, (t,) each; a constant series scores 0 where a ratio has no meaning."""
    error = pred - true
    spread_t, spread_p = true.std(0), pred.std(0)
    covariance = ((true - true.mean(0)) * (pred - pred.mean(0))).mean(0)

    def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 1e-12)

    mse = (error**2).mean(0)
    some = np.where(spread_t > 1e-6, 1.0, 0.0)
    return {
        "mse": mse,
        "mae": np.abs(error).mean(0),
        "rmse": np.sqrt(mse),
        "ccc": ratio(2 * covariance, spread_t**2 + spread_p**2 + (true.mean(0) - pred.mean(0)) ** 2),
        "pcc": ratio(covariance, spread_t * spread_p),
        "sagr": (np.sign(true) == np.sign(pred)).mean(0),
        "ev": some * (1 - ratio(error.var(0), spread_t**2)),
        "r2": some * (1 - ratio(mse, spread_t**2)),
    }


def figures(spec: Spec, pred: np.ndarray, parts: tuple[str, ...], aspect: str = "") -> dict[str, float]:
    """Return the metrics of some parts by full name, targets and their mean."""
    if spec.family == "meshes":
        from tests import fake_meshes

        return fake_meshes.figures(spec, pred, parts, aspect)
    w = world(spec.dataset)
    true = w.values(spec.targets)
    found = {}
    for part in parts:
        rows = w.part == part
        for name, values in scores(true[rows], pred[rows]).items():
            for target, value in zip(spec.targets, values, strict=True):
                found[record.metric(part, name, target, aspect)] = float(value)
            found[record.metric(part, name, record.ALL, aspect)] = float(values.mean())
        if spec.family == "faces" and aspect in ("", record.MEAN):
            from tests import fake_faces

            errors = fake_faces.picture_errors(spec)
            for name in ("mse", "mae"):
                value = float(errors.loc[errors["part"] == part, name].mean()) * (4 if aspect else 1)
                found[record.metric(part, name, record.PICTURE, aspect)] = value
            if len(spec.weights) > 1 and not aspect:
                parts = [w * found[record.metric(part, spec.metric, t)] for t, w in spec.weights.items()]
                found[record.metric(part, spec.metric, record.WEIGHED)] = sum(parts)
    return found


# ------------------------------------------------------------------------------------------------ artifact tables


def split_table(spec: Spec) -> pd.DataFrame:
    w = world(spec.dataset)
    return pd.DataFrame({"sample": w.sample, "group": w.group, "part": w.part, "label": w.label})


ANNOTATORS = ("first", "second", "third")


def annotation_table(spec: Spec) -> pd.DataFrame:
    """Return annotations.parquet: the labels, and three people's, of whom the third left out every fourth window."""
    w = world(spec.dataset)
    true = w.values(spec.targets)
    rng = np.random.default_rng(11)
    frames = []
    for number, name in enumerate(("", *ANNOTATORS)):
        values = true + (rng.normal(0, 0.1, true.shape) if name else 0)
        frame = pd.DataFrame({"sample": w.sample, "sequence": w.group, "time": w.time, "annotator": name})
        frame = pd.concat([frame, pd.DataFrame(values, columns=list(spec.targets))], axis=1)
        frames.append(frame[w.time % 4 != 3] if number == len(ANNOTATORS) else frame)
    return pd.concat(frames, ignore_index=True)


def prediction_table(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    w = world(spec.dataset)
    frame = pd.DataFrame({"sample": w.sample, "group": w.group, "sequence": w.group, "time": w.time, "part": w.part})
    true = w.values(spec.targets)
    values = {f"true_{t}": true[:, i] for i, t in enumerate(spec.targets)}
    values |= {f"pred_{t}": pred[:, i] for i, t in enumerate(spec.targets)}
    return pd.concat([frame, pd.DataFrame(values), pd.DataFrame({"label": w.label})], axis=1)


def feature_errors(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    w = world(spec.dataset)
    true, test = w.lma, w.part == "test"
    span = np.ptp(true[w.part == "train"], axis=0)
    example = int(np.flatnonzero(test)[0])
    rows = []
    for row, values in {"method": pred, **trivial(spec)}.items():
        mae = np.abs(values - true)[test].mean(0)
        rows.append(
            pd.DataFrame(
                {
                    "row": row,
                    "feature": features(),
                    "mse": ((values - true) ** 2)[test].mean(0),
                    "mae": mae,
                    "mae_over_range": np.divide(mae, span, out=np.full(27, np.nan), where=span > 0),
                    "example_true": true[example],
                    "example_pred": values[example],
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def round_trip(spec: Spec, seed: int) -> pd.DataFrame:
    w = world(spec.dataset)
    rng = np.random.default_rng([seed, 7])
    test = w.part == "test"
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "sample": w.sample[test],
                    "target": axis,
                    "true": w.pad[test, i],
                    "recovered": 0.6 * w.pad[test, i] + rng.normal(0, 0.15, test.sum()),
                    "recovered_from_real": 0.8 * w.pad[test, i] + rng.normal(0, 0.2, test.sum()),
                }
            )
            for i, axis in enumerate(PAD)
        ],
        ignore_index=True,
    )


def sensitivity(spec: Spec) -> pd.DataFrame:
    span = np.ptp(world(spec.dataset).lma, axis=0)
    start = np.linspace(-2, 2, 9)
    grid = [(f, z, 0.05 * np.cos(z + i) * span[i] / 4, span[i]) for i, f in enumerate(features()) for z in start]
    frame = pd.DataFrame(grid, columns=["feature", "z_from", "change", "span"])
    over = np.where(frame["span"] > 0, frame["change"] / frame["span"].where(frame["span"] > 0, 1), np.nan)
    return pd.DataFrame(
        {
            "feature": frame["feature"],
            "z_from": frame["z_from"],
            "step": 0.05,
            "change": frame["change"],
            "change_over_range": over,
        }
    )


def correlations(spec: Spec, used: int = 2) -> pd.DataFrame:
    w = world(spec.dataset)
    train = w.part == "train"
    rows = []
    for i, feature in enumerate(features()):
        column = pd.Series(w.lma[train, i])
        found = []
        for j, axis in enumerate(PAD):
            other = pd.Series(w.pad[train, j])
            flat = column.nunique() == 1
            pearson = 0.0 if flat else column.corr(other)
            spearman = 0.0 if flat else column.rank().corr(other.rank())
            found.append([feature, axis, pearson, spearman])
        keep = sorted(range(3), key=lambda k: -abs(found[k][2]))[:used]
        rows += [[*row, k in keep] for k, row in enumerate(found)]
    return pd.DataFrame(rows, columns=list(record.COLUMNS[record.Artifact.CORRELATIONS]))


def diagnostics(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    w = world(spec.dataset)
    true, test = w.values(spec.targets), w.part == "test"
    words = {
        "random_windows": (0.4, "windows drawn at random: windows of one clip are on both sides"),
        "cleaned_test": (0.7, "test windows that an isolation forest calls outliers are removed"),
    }
    rows = []
    for name, (factor, text) in words.items():
        mae = factor * np.abs(pred - true)[test].mean(0)
        for target, value in [*zip(spec.targets, mae, strict=True), (record.ALL, mae.mean())]:
            rows.append([name, target, "mae", float(value), int(test.sum()), text])
    return pd.DataFrame(rows, columns=list(record.COLUMNS[record.Artifact.DIAGNOSTICS]))


def embeddings(spec: Spec) -> pd.DataFrame:
    """Return embeddings.parquet of one code z: the features' first directions, with noise."""
    w = world(spec.dataset)
    size = spec.settings["latent_size"]
    rng = np.random.default_rng(size)
    z = (w.lma / (w.lma.std(0) + 1e-9)) @ rng.normal(0, 0.2, (27, size)) + rng.normal(0, 0.3, (len(w.sample), size))
    return pd.DataFrame({"sample": w.sample, "part": w.part, "code": "z", **{f"d{i}": z[:, i] for i in range(size)}})


def projections(codes: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return projections.parquet: PCA as it is, and bent where t-SNE and UMAP would take their time."""
    numbers = [c for c in codes if c.startswith("d")]
    frames = []
    for code, rows in codes.groupby("code", sort=False):
        found = pca(rows[numbers].to_numpy())
        bent = np.tanh(found.points / found.points.std()) * [1, -3]
        for algorithm, parameters in ALGORITHMS.items():
            points = found.points if algorithm == "pca" else bent
            about = {"code": code, "algorithm": algorithm, "parameters": record.to_json(parameters), "seed": seed}
            figures = {"x": points[:, 0], "y": points[:, 1], "trustworthiness": found.trustworthiness}
            frames.append(pd.DataFrame({"sample": rows["sample"].to_numpy(), **about, **figures}))
    return pd.concat(frames, ignore_index=True)


def neighbours(spec: Spec) -> pd.DataFrame:
    """Return neighbours.parquet: of each test sample the next two in the table."""
    w = world(spec.dataset)
    rows = []
    for i in np.flatnonzero(w.part == "test"):
        for rank in (1, 2):
            other = (i + rank) % len(w.sample)
            rows.append((w.sample[i], rank, w.sample[other], w.part[other], 0.5 * rank))
    return pd.DataFrame(rows, columns=list(record.COLUMNS[record.Artifact.NEIGHBOURS]))


def tables(spec: Spec, pred: np.ndarray, seed: int, first: bool) -> dict[str, pd.DataFrame]:
    """Return every table that a final of this method keeps; diagnostics are the first one's alone."""
    if spec.family == "meshes":
        from tests import fake_meshes

        return {record.Artifact.SPLIT: split_table(spec), **fake_meshes.tables(spec, pred)}
    found = {record.Artifact.SPLIT: split_table(spec), record.Artifact.PREDICTIONS: prediction_table(spec, pred)}
    if spec.family == "faces":
        from tests import fake_faces

        return found | fake_faces.tables(spec, pred, seed, first)
    if first:
        found[record.Artifact.DIAGNOSTICS] = diagnostics(spec, pred)
    if spec.targets != PAD:
        found[record.Artifact.FEATURE_ERRORS] = feature_errors(spec, pred)
    if spec.inputs == "pad":
        found[record.Artifact.ROUND_TRIP] = round_trip(spec, seed)
    if spec.method.endswith("lma_vae") and spec.settings["latent_size"] > 1:
        found[record.Artifact.EMBEDDINGS] = embeddings(spec)
        if first:
            found[record.Artifact.PROJECTIONS] = projections(found[record.Artifact.EMBEDDINGS], seed)
    if spec.settings.get("latent_size") == 1:
        found[record.Artifact.SENSITIVITY] = sensitivity(spec)
    if spec.method.endswith("_correlated"):
        found[record.Artifact.CORRELATIONS] = correlations(spec)
    return found


def summary(spec: Spec) -> dict[str, Any]:
    """Return data_summary.json's content."""
    split = split_table(spec)
    by_part = split.groupby("part")
    clips = split.drop_duplicates("group")
    return {
        "samples": {part: len(rows) for part, rows in by_part},
        "groups": {part: int(rows["group"].nunique()) for part, rows in by_part},
        "group_kind": "clip",
        "groups_of_class": {
            label: {part: int((rows["part"] == part).sum()) for part in record.PARTS}
            for label, rows in clips.groupby("label")
        },
        "rows": CLIPS * WINDOWS,
        "rows_by_label": split["label"].value_counts().sort_index().to_dict(),
        "constant_features": ["avg_chest_pelvis_distance"],
        "skipped": 2,
        "skipped_rows": {"rows of empty cells, by line": {"count": 2, "first": ["7", "12"]}},
        "persons": "unknown",
        "notes": ["persons unknown: the same person may be on two sides of the split"],
    }


# ------------------------------------------------------------------------------------------------ search spaces


def space(method: str) -> dict[str, Any]:
    """Return space.json's content: the defaults, and parameter → Optuna's own JSON of its distribution."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
        distribution_to_json,
    )

    found: dict[str, Any] = {
        "outliers": CategoricalDistribution(["none", "iqr", "isolation_forest"]),
        "scaling": CategoricalDistribution(["none", "standard", "robust"]),
        "learning_rate": FloatDistribution(1e-3, 0.3, log=True),
    }
    if "vae" in method:
        found |= {
            "width": IntDistribution(16, 256, log=True),
            "depth": IntDistribution(1, 3),
            "activation": CategoricalDistribution(["relu", "tanh", "elu"]),
            "reconstruction_weight": FloatDistribution(1.0, 1000.0, log=True),
        }
    else:
        found |= {
            "trees": IntDistribution(50, 800),
            "depth": IntDistribution(2, 10),
            "subsample": FloatDistribution(0.5, 1.0),
        }
    if method.endswith("_correlated"):
        found["axes"] = IntDistribution(1, 3)
    distributions = {name: json.loads(distribution_to_json(d)) for name, d in found.items()}
    return {"defaults": draw(distributions, np.random.default_rng(0)), "distributions": distributions}


def draw(distributions: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Draw one configuration."""
    found: dict[str, Any] = {}
    for name, about in distributions.items():
        a = about["attributes"]
        if about["name"] == "CategoricalDistribution":
            found[name] = a["choices"][int(rng.integers(len(a["choices"])))]
            continue
        low, high = a["low"], a["high"]
        value = float(np.exp(rng.uniform(np.log(low), np.log(high)))) if a["log"] else float(rng.uniform(low, high))
        found[name] = round(value) if about["name"] == "IntDistribution" else value
    return found


TRACEBACK = """Traceback (most recent call last):
  File "training/study/trials.py", line 130, in _objective
    outcome = module.fit(params, split, job)
  File "training/methods/motion/{method}.py", line 74, in fit
    raise ValueError("outliers: no train row is left for feature <b>neck_speed</b>")
ValueError: outliers: no train row is left for feature <b>neck_speed</b>
"""
