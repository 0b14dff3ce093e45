"""Bayesian ridge on real SEWA recordings, against figures that were computed without this project.

Their rule: a sample is an audio window, its video the frames of the same time, its label their mean; seven folds of
two persons each, as scikit-learn's GroupKFold gives them; StandardScaler and BayesianRidge.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold
from sklearn.tree import DecisionTreeRegressor

from affect import metrics
from search_spaces.fusion import bayesian_ridge as space
from tests import small_data
from training import protocols, views
from training.contract import UserError
from training.data import Dataset, Part, Split
from training.datasets import embeddings
from training.methods.fusion import bayesian_ridge
from training.models import window_features
from training.study import scoring

pytestmark = pytest.mark.realdata

REFERENCE = {
    1: {"video": (0.535, 0.418), "audio": (0.383, 0.349), "both": (0.578, 0.453)},
    2: {"video": (0.545, 0.403), "audio": (0.422, 0.397), "both": (0.599, 0.447)},
    3: {"video": (0.548, 0.399), "audio": (0.431, 0.405), "both": (0.611, 0.455)},
    4: {"video": (0.548, 0.393), "audio": (0.421, 0.397), "both": (0.613, 0.468)},
}
"""Window in seconds → modality → CCC of valence and arousal."""
MAE = {1: (0.083, 0.095), 2: (0.081, 0.097), 3: (0.079, 0.095), 4: (0.077, 0.092)}
"""Window → mean absolute error of valence and arousal from both."""


@pytest.fixture(scope="module")
def sewa(real_data: Path) -> Dataset:
    folder = real_data / "fusion" / "sewa_de"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return embeddings.read(folder, {})


def whole_windows(data: Dataset, seconds: int, blocks: tuple[str, ...]) -> Part:
    """Return a sample for each audio window: it and the frames in [start, end), labelled by their mean."""
    stream = data.blocks[f"audio_{seconds}s"].stream
    # half a frame before the end, so that the frame at the end belongs to the next window
    rows = {
        "video": views.look_back(stream.sequence, stream.end - 0.1, data.sequence, data.time, seconds),
        "audio": views.look_back(stream.sequence, stream.end, stream.sequence, stream.end, seconds),
    }
    values = {"video": data.blocks["video"].values, "audio": data.blocks[f"audio_{seconds}s"].values}
    y, _ = window_features.pooled(views.View(data.blocks["va"].values, rows["video"]), "mean")
    names = np.array([f"{name}:{end}" for name, end in zip(stream.sequence, stream.end, strict=True)])
    inputs = views.Inputs({name: views.View(values[name], rows[name]) for name in blocks}, stream.sequence, stream.end)
    return Part(names, stream.sequence, inputs, y)


def taken(part: Part, rows: np.ndarray) -> Part:
    return Part(part.sample[rows], part.group[rows], part.inputs.take(rows), part.y[rows])


@pytest.mark.parametrize("seconds", [1, 2, 3, 4])
def test_figures_computed_elsewhere_are_reached(sewa, seconds):
    blocks = {"video": sewa.blocks["video"], "audio": sewa.blocks[f"audio_{seconds}s"]}
    for modality, expected in REFERENCE[seconds].items():
        names = bayesian_ridge.METHOD.blocks({"modality": modality})
        part = whole_windows(sewa, seconds, names)
        predicted = np.empty_like(part.y)
        for train, test in GroupKFold(7).split(part.y, groups=part.group):
            handed = taken(part, test)
            split = Split(
                taken(part, train), handed, None, {n: blocks[n] for n in names}, ("valence", "arousal"), -1, 1
            )
            score = functools.partial(scoring.on_validation, bayesian_ridge.METHOD, split)
            model = bayesian_ridge.fit(space.DEFAULTS, split, small_data.job(score=score)).model
            predicted[test] = model.predict(handed.inputs)
        ccc = [metrics.ccc(part.y[:, axis], predicted[:, axis]) for axis in (0, 1)]
        assert ccc == pytest.approx(expected, abs=0.0015), (seconds, modality)
        if modality == "both":
            mae = [metrics.mae(part.y[:, axis], predicted[:, axis]) for axis in (0, 1)]
            assert mae == pytest.approx(MAE[seconds], abs=0.0015)


def test_recordings_and_counts(sewa):
    assert len(sewa.sample) == 11_367
    assert [len(sewa.blocks[f"audio_{seconds}s"].values) for seconds in (1, 2, 3, 4)] == [2268, 1130, 752, 560]
    assert len(np.unique(sewa.group)) == 14
    assert "5 frames a second" in sewa.summary["notes"]


def test_frames_of_a_recording_are_never_in_two_parts(sewa):
    """A tree knows a frame by its neighbours: frames drawn at random would score twice what new persons do."""
    x, y = sewa.blocks["video"].values, sewa.blocks["va"].values
    ccc = {}
    for name, folds in (
        ("frames", KFold(7, shuffle=True, random_state=0).split(x)),
        ("persons", GroupKFold(7).split(x, groups=sewa.group)),
    ):
        predicted = np.empty_like(y)
        for train, test in folds:
            predicted[test] = DecisionTreeRegressor(random_state=0).fit(x[train], y[train]).predict(x[test])
        ccc[name] = [metrics.ccc(y[:, axis], predicted[:, axis]) for axis in (0, 1)]
    assert min(ccc["frames"]) > 0.8
    assert max(ccc["persons"]) < 0.5
    with pytest.raises(UserError, match="the recording 'Devel_DE_01' is in two frames"):
        protocols.make(replace(sewa, group=sewa.sample, group_kind="frame"), "va")
