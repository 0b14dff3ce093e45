"""Plausible results of mesh studies without any training: classes, rotations, codes and activations."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import facemesh, metrics, record
from affect.record import Artifact
from tests import fake_results as made

if TYPE_CHECKING:
    from tests.fake_results import Spec, World

MOVED = {
    "anger": ("brow", "lips"),
    "contempt": ("lips",),
    "disgust": ("nose",),
    "fear": ("brow", "eye"),
    "happy": ("cheek", "lips"),
    "sadness": ("brow", "chin"),
    "surprise": ("brow", "chin", "eye"),
}
"""Class → the regions that it moves."""
CLASSES = tuple(MOVED)
WIDTH = 6


@lru_cache
def world(dataset: str, seed: int = 0) -> World:
    """Draw 48 people with six meshes each."""
    rng = np.random.default_rng([seed, len(dataset), 5])
    person = np.repeat(np.arange(made.CLIPS), made.WINDOWS)
    of_person = np.array(["train"] * 32 + ["validation"] * 6 + ["test"] * 10)
    group = np.array([f"S{i:03d}" for i in range(made.CLIPS)])
    shot = np.tile(np.arange(made.WINDOWS), made.CLIPS)
    return made.World(
        sample=np.array([f"{group[p]}_{s:03d}:0.9" for p, s in zip(person, shot, strict=True)]),
        group=group[person],
        label=np.array(CLASSES)[rng.integers(len(CLASSES), size=len(person))],
        part=of_person[person],
        time=np.full(len(person), 0.9),
        pad=np.empty((len(person), 0)),
        lma=np.empty((len(person), 0)),
    )


def predict(spec: Spec, seed: int, noise: float | None = None) -> np.ndarray:
    """Draw probabilities (n, c) of the classes: the less noise, the more often the true one is the largest."""
    w = world(spec.dataset)
    rng = np.random.default_rng([seed, len(spec.method), int((noise or spec.noise) * 1000)])
    true = np.array(CLASSES) == w.label[:, None]
    score = 3 * true + rng.normal(0, 3 * (noise or spec.noise), true.shape)
    score = np.exp(score - score.max(axis=1, keepdims=True))
    return score / score.sum(axis=1, keepdims=True)


def named(pred: np.ndarray) -> np.ndarray:
    """Return class names (n,) of probabilities, or of what are names already."""
    return np.array(CLASSES)[pred.argmax(axis=1)] if pred.dtype.kind == "f" else pred


def trivial(spec: Spec) -> dict[str, np.ndarray]:
    w = world(spec.dataset)
    return {record.MAJORITY: metrics.majority_row(w.label[w.part == "train"], len(w.label))}


def figures(spec: Spec, pred: np.ndarray, parts: tuple[str, ...], aspect: str = "") -> dict[str, float]:
    """Return the metrics of some parts by full name; on test those of rotated meshes and of the maps too."""
    w, found = world(spec.dataset), {}
    for part in parts:
        rows = w.part == part
        scores = metrics.score(w.label[rows], named(pred)[rows], ["emotion"], metrics.CLASSIFICATION)
        found |= {record.metric(part, name, target, aspect): value for (name, target), value in scores.items()}
        if part == "test" and aspect:
            rotated = {name: value for (name, target), value in scores.items() if target == record.ALL}
            found |= {record.metric(part, name, record.ROTATED, aspect): value for name, value in rotated.items()}
        elif part == "test":
            drawn = rotations(spec, pred)
            drawn = drawn[drawn["angle"].isna() & (drawn["target"] == record.ALL)]
            for name, value in drawn.groupby("metric")["value"].mean().items():
                found[record.metric(part, str(name), record.ROTATED)] = float(value)
            if spec.dataset.startswith("synthetic"):
                found |= map_scores(activations(spec))
    return found


def map_scores(table: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind, rows in table.groupby("kind"):
        for name, score in (("pointing_game", metrics.pointing_game), ("vertex_auc", metrics.vertex_auc)):
            values = [score(of["level"], of["moves"]) for _, of in rows.groupby("class")]
            found[record.metric("test", name, str(kind))] = float(np.mean(values))
    return found


def prediction_table(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    w = world(spec.dataset)
    frame = pd.DataFrame({"sample": w.sample, "group": w.group, "sequence": w.group, "time": w.time, "part": w.part})
    frame = frame.assign(label=w.label, true_emotion=w.label, pred_emotion=named(pred))
    return frame.assign(**{f"prob_{name}": pred[:, i] for i, name in enumerate(CLASSES)})


def rotations(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    """Return rotations.parquet: coordinates that were never rotated in training fall to chance with the angle."""
    w = world(spec.dataset)
    test, true = w.part == "test", w.label[w.part == "test"]
    falls = spec.settings.get("features") == "xyz" and spec.settings.get("rotations") == "none"
    rows = []

    def score(angle: float, draw: int, probabilities: np.ndarray) -> None:
        found = metrics.score(true, named(probabilities)[test], ["emotion"], metrics.CLASSIFICATION)
        rows.extend([(angle, draw, name, target, value) for (name, target), value in found.items()])

    for draw in range(3):
        score(np.nan, draw, predict(spec, 70 + draw, 8.0 if falls else spec.noise))
    score(0.0, 0, pred)
    for angle in (60.0, 120.0, 180.0):
        for draw in range(2):
            score(angle, draw, predict(spec, 80 + draw, spec.noise * (1 + angle / 30 * falls)))
    return pd.DataFrame(rows, columns=list(record.COLUMNS[Artifact.ROTATIONS]))


def embeddings(spec: Spec, pred: np.ndarray) -> pd.DataFrame:
    """Return embeddings.parquet: the codes before the last layer, upright and rotated."""
    w, rng = world(spec.dataset), np.random.default_rng(11)
    frames = []
    for code, kept in (("penultimate", w.part != ""), ("penultimate_rotated", w.part == "test")):
        values = pred @ rng.normal(0, 3, (len(CLASSES), WIDTH)) + rng.normal(0, 0.3, (len(pred), WIDTH))
        columns = {f"d{i}": values[kept, i] for i in range(WIDTH)}
        frames.append(pd.DataFrame({"sample": w.sample[kept], "part": w.part[kept], "code": code, **columns}))
    return pd.concat(frames, ignore_index=True)


def activations(spec: Spec) -> pd.DataFrame:
    """Return activations.parquet: levels are high where the class moves the face, the better the method the clearer."""
    region = facemesh.region_of()
    kinds = ["gradient"] if spec.method.endswith("linear") else ["gradient", "pca"]
    frames = []
    for k, kind in enumerate(kinds):
        for name, moved in MOVED.items():
            rng = np.random.default_rng([k, len(name), int(100 * spec.noise)])
            moves = np.isin(region, moved)
            level = np.abs(rng.normal(0, 0.3 + spec.noise, len(region))) + (1 - 0.6 * k) * moves
            level = level * (0.002 if kind == "gradient" else 3)
            direction = rng.normal(0, 1, (len(region), 3))
            direction *= level[:, None] / np.linalg.norm(direction, axis=1, keepdims=True)
            frame = pd.DataFrame({"kind": kind, "class": name, "vertex": np.arange(len(region)), "level": level})
            for i in range(3):
                frame[f"pc{i + 1}"] = direction[:, i] if kind == "pca" else np.nan
            frames.append(frame.assign(moves=moves))
    table = pd.concat(frames, ignore_index=True)
    return table if spec.dataset.startswith("synthetic") else table.drop(columns="moves")


def mesh(spec: Spec) -> pd.DataFrame:
    """Return mesh.parquet in a picture's axes: x right, y down, z away from the viewer."""
    x, y, z = (facemesh.VERTICES * (12, -12, -12)).T
    table = pd.DataFrame({"vertex": np.arange(len(x)), "x": x, "y": y, "z": z})
    if spec.settings.get("features") == "hks":
        for i in range(1, 4):
            table[f"hks{i}"] = np.cos(i * y / 40 + x / 60) / 20
    return table


def separation(codes: pd.DataFrame, spec: Spec) -> pd.DataFrame:
    label = pd.Series(world(spec.dataset).label, world(spec.dataset).sample)
    rows = []
    for code, of in codes[codes["part"] == "test"].groupby("code"):
        centre = of.filter(regex=r"^d\d").groupby(label.reindex(of["sample"]).to_numpy()).mean()
        for i, one in enumerate(centre.index):
            for other in centre.index[i + 1 :]:
                apart = float(np.linalg.norm(centre.loc[one] - centre.loc[other]))
                rows.append((code, one, other, apart, apart / 0.9))
    return pd.DataFrame(rows, columns=list(record.COLUMNS[Artifact.SEPARATION]))


def test_meshes(spec: Spec) -> pd.DataFrame:
    """Return test_meshes.parquet: the mean face, moved a little, for each of the first test samples."""
    w = world(spec.dataset)
    face = mesh(spec)[["vertex", "x", "y", "z"]]
    kept = [face.assign(sample=name, x=face["x"] + k / 100) for k, name in enumerate(w.sample[w.part == "test"][:4])]
    return pd.concat(kept, ignore_index=True)[list(record.COLUMNS[Artifact.TEST_MESHES])]


def tables(spec: Spec, pred: np.ndarray) -> dict[str, pd.DataFrame]:
    """Return the tables that a final of a mesh method keeps beside its split."""
    codes = embeddings(spec, pred)
    return {
        Artifact.PREDICTIONS: prediction_table(spec, pred),
        Artifact.EMBEDDINGS: codes,
        Artifact.ROTATIONS: rotations(spec, pred),
        Artifact.ACTIVATIONS: activations(spec),
        Artifact.SEPARATION: separation(codes, spec),
        Artifact.MESH: mesh(spec),
        Artifact.TEST_MESHES: test_meshes(spec),
        Artifact.NEIGHBOURS: made.neighbours(spec),
        Artifact.TRIANGLES: pd.DataFrame(facemesh.TRIANGLES, columns=["a", "b", "c"]),
    }


def _spec(method: str, noise: float, features: str, rotated: str = "none", dataset: str = "synthetic_meshes") -> Spec:
    return made.Spec(f"meshes/{method}", noise, {"features": features, "rotations": rotated}, dataset)


STUDIES = (
    _spec("dgcnn", 0.25, "xyz"),
    _spec("dgcnn", 0.5, "xyz", "train"),
    _spec("dgcnn", 0.35, "hks"),
    _spec("feast", 0.3, "aligned"),
    _spec("linear", 0.4, "aligned"),
)
"""Not among `fake_results.STUDIES`, which are of motion."""
REAL = (_spec("dgcnn", 0.3, "xyz", dataset="ckplus"), _spec("dgcnn", 0.35, "hks", "train", dataset="ckplus"))
"""Of a data set that has published figures."""
