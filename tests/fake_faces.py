"""Plausible results of face studies without any training: valence and arousal, codes, pictures, the seven tasks."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import record
from affect.record import Artifact
from tests import fake_results as made

if TYPE_CHECKING:
    from tests.fake_results import Spec, World

VA = ("valence", "arousal")
ANCHORS = {
    "anger": (-0.5, 0.6),
    "disgust": (-0.6, 0.3),
    "fear": (-0.45, 0.75),
    "happiness": (0.7, 0.35),
    "neutral": (0.0, -0.05),
    "sadness": (-0.6, -0.4),
    "surprise": (0.2, 0.7),
}
CODES = {"z_v": 0, "z_a": 1, "z_z": None}
"""Each code, and the axis of VA that it is to carry."""
WIDTH = 8


@lru_cache
def world(dataset: str, seed: int = 0) -> World:
    """Draw 48 people with six pictures each; a picture's valence and arousal lie around its emotion's."""
    rng = np.random.default_rng([seed, len(dataset), 3])
    person = np.repeat(np.arange(made.CLIPS), made.WINDOWS)
    names = np.array(list(ANCHORS))
    label = names[rng.integers(len(names), size=len(person))]
    va = np.array([ANCHORS[name] for name in label]) + rng.normal(0, 0.12, (len(person), 2))
    of_person = np.array(["train"] * 32 + ["validation"] * 8 + ["test"] * 8)
    group = np.array([f"person{i:02d}" for i in range(made.CLIPS)])
    shot = np.tile(np.arange(made.WINDOWS), made.CLIPS)
    return made.World(
        sample=np.array([f"{group[p]}/{s}.png" for p, s in zip(person, shot, strict=True)]),
        group=group[person],
        label=label,
        part=of_person[person],
        time=np.full(len(person), np.nan),
        pad=va,
        lma=np.empty((len(person), 0)),
    )


def picture_errors(spec: Spec) -> pd.DataFrame:
    """Return reconstructions.parquet."""
    w = world(spec.dataset)
    kept = w.part != "train"
    rng = np.random.default_rng(int(100 * spec.noise))
    mae = 0.04 + 0.02 * rng.random(kept.sum())
    values = {"sample": w.sample[kept], "part": w.part[kept], "mse": 1.6 * mae**2, "mae": mae}
    return pd.DataFrame(values, columns=list(record.COLUMNS[Artifact.RECONSTRUCTIONS]))


def embeddings(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    """Return embeddings.parquet: z_v and z_a carry what the run predicts, the better the method the clearer."""
    w = world(spec.dataset)
    rng = np.random.default_rng([7, int(100 * spec.noise)])
    frames = []
    for code, axis in CODES.items():
        values = rng.normal(0, 1, (len(w.sample), WIDTH))
        if axis is not None:
            values += (1 - spec.noise) * 6 * pred[:, [axis]] * rng.normal(0, 1, WIDTH)
        columns = {f"d{i}": values[:, i] for i in range(WIDTH)}
        frames.append(pd.DataFrame({"sample": w.sample, "part": w.part, "code": code, **columns}))
    return pd.concat(frames, ignore_index=True)


def alignment(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    """Return alignment.parquet: the seven tasks as the bench writes them; power is the higher the better the method."""
    w = world(spec.dataset)
    test = w.part == "test"
    error = (pred - w.pad)[test]
    n, good = int(test.sum()), 1 - spec.noise
    rows: list[tuple[object, ...]] = []
    readings = {"chunk_mean": 1.6, "trained_projection": 1.0, "linear_probe": 0.8}
    for reading, factor in readings.items():
        known = bool(spec.weights.get("all")) or reading != "trained_projection"
        note = "" if known else "not applicable: this method trains no projection"
        for metric, by_axis in (("mse", (error**2).mean(0)), ("mae", np.abs(error).mean(0))):
            figures = dict(zip(VA, by_axis, strict=True)) | {"combined": by_axis.sum()}
            for target, value in figures.items():
                shown = factor * float(value) if known else np.nan
                rows.append(("alignment", "", reading, target, metric, shown, n, note))
    for code, offset in (("z_v", 0.03), ("z_a", 0.0)):
        for predictor, gain in (("decision_tree", 0.1), ("svm", 0.3), ("fully_connected", 0.28)):
            rows.append(("emotion_power", code, predictor, "emotion", "accuracy", 0.15 + gain * good + offset, n, ""))
        rows.append(("emotion_power", code, "chance", "emotion", "accuracy", 1 / 7, n, ""))
        rows.append(("emotion_power", code, "majority", "emotion", "accuracy", 0.21, n, ""))
    for task, pairs, factor in (
        ("regressive_power", (("z_v", "valence"), ("z_a", "arousal")), 1.0),
        ("inverse_power", (("z_v", "arousal"), ("z_a", "valence")), 0.1),
    ):
        for code, target in pairs:
            for predictor, gain in (("ridge", 0.9), ("lasso", 0.85), ("svr", 0.8), ("mlp", 0.7)):
                for metric in ("ev", "r2"):
                    rows.append((task, code, predictor, target, metric, factor * gain * good, n, ""))
            rows.append((task, code, "mean", target, "r2", -0.01, n, ""))
            note = "not applicable: the labels are not discrete"
            rows += [(task, code, p, target, "accuracy", np.nan, 0, note) for p in ("decision_tree", "majority")]
    return pd.DataFrame(rows, columns=list(record.COLUMNS[Artifact.ALIGNMENT]))


def png(valence: float, arousal: float, noise: float = 0.0) -> bytes:
    """Return a drawn face of 64 × 64 pixels: the mouth's corners follow valence, the eyes open with arousal."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (64, 64), (60, 80, 110))
    pen = ImageDraw.Draw(picture)
    shade = int(30 * noise)
    pen.ellipse((8, 4, 56, 60), fill=(224 - shade, 190 - shade, 160 - shade))
    size = 2 + 3 * (arousal + 1) / 2
    for x in (22, 42):
        pen.ellipse((x - 4, 26 - size, x + 4, 26 + size), fill=(30, 30, 40))
    bend = 6 * valence
    pen.line([(20, 46 - bend), (32, 46 + bend), (44, 46 - bend)], fill=(150, 40, 50), width=3)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def samples(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    """Return samples.parquet: real beside reconstructed, traversals of z_v and z_a, pictures generated by step."""
    w = world(spec.dataset)
    rows: list[tuple[object, ...]] = []
    for i in np.flatnonzero(w.part == "test")[:6]:
        valence, arousal = w.pad[i]
        about = (valence, arousal, w.label[i])
        rows.append(("real", w.sample[i], "", 0.0, png(valence, arousal), *about))
        rows.append(("reconstruction", w.sample[i], "", 0.0, png(*pred[i], noise=1), *about))
    for i in np.flatnonzero(w.part == "test")[:2]:
        valence, arousal = w.pad[i]
        for step in np.linspace(-2, 2, 7):
            for code, moved in (("z_v", (step / 2, arousal)), ("z_a", (valence, step / 2))):
                rows.append(("traversal", w.sample[i], code, step, png(*moved), np.nan, np.nan, w.label[i]))
    for step in (100.0, 200.0):
        for number in range(4):
            drawn = (number / 2 - 0.8, 0.3)
            rows.append(("generated", f"{number}", "", step, png(*drawn, noise=200 / step), *drawn, ""))
    return pd.DataFrame(rows, columns=list(record.COLUMNS[Artifact.SAMPLES]))


def thumbnails(spec: Spec) -> pd.DataFrame:
    """Return thumbnails.parquet of every test face."""
    w = world(spec.dataset)
    rows = [(w.sample[i], png(*w.pad[i][:2])) for i in np.flatnonzero(w.part == "test")]
    return pd.DataFrame(rows, columns=list(record.COLUMNS[Artifact.THUMBNAILS]))


def tables(spec: Spec, pred: np.ndarray, seed: int, first: bool) -> dict[str, pd.DataFrame]:
    """Return the tables that a final of a face method keeps beside its split and predictions.

    Projections, thumbnails and neighbours are the first one's alone.
    """
    codes = embeddings(spec, pred)
    kept = {}
    if first:
        kept = {
            Artifact.PROJECTIONS: made.projections(codes, seed),
            Artifact.THUMBNAILS: thumbnails(spec),
            Artifact.NEIGHBOURS: made.neighbours(spec),
        }
    return kept | {
        Artifact.RECONSTRUCTIONS: picture_errors(spec),
        Artifact.EMBEDDINGS: codes,
        Artifact.ALIGNMENT: alignment(spec, pred),
        Artifact.SAMPLES: samples(spec, pred),
    }


STUDIES = (
    made.Spec("faces/face_vae", 0.95, dataset="synthetic_faces", weights={record.PICTURE: 1.0}),
    made.Spec(
        "faces/face_vae_continuous", 0.35, dataset="synthetic_faces", weights={record.PICTURE: 1.0, record.ALL: 0.25}
    ),
)
"""A vanilla and a regularised autoencoder; not among `fake_results.STUDIES`, which are of motion."""
APART = made.Spec(
    "faces/face_vae_discrete",
    0.5,
    dataset="synthetic_faces",
    weights={record.PICTURE: 1.0, record.ALL: 0.25},
    apart=True,
)
"""A study that searched two objectives."""
