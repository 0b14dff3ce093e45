from __future__ import annotations

import numpy as np
import pytest

from affect import metrics
from tests import small_data
from training import protocols, registry, views
from training.datasets import synthetic_embeddings


@pytest.fixture(scope="module")
def data():
    return synthetic_embeddings.generate()


def test_its_size_and_shape(data):
    assert len(np.unique(data.group)) == 24
    assert len(np.unique(data.sequence)) == 48
    assert 5000 < len(data.sample) < 12_000
    for seconds in (1, 2, 3, 4):
        stream = data.blocks[f"audio_{seconds}s"].stream
        assert np.allclose(stream.end - stream.start, seconds)


def test_audio_lags_as_the_truth_says(data):
    """The arousal that sound is moved by is that of a moment ago: a scan over lags finds which."""
    sound, stream = data.blocks["audio_1s"].values, data.blocks["audio_1s"].stream
    heard = sound @ data.truth["weights"]["audio"][:, 1]
    arousal = data.blocks["va"].values[:, 1]
    lags = np.arange(-1.0, 3.2, 0.2)
    found = []
    for lag in lags:
        # the mean over a window that ended so long before
        windows = views.look_back(stream.sequence, stream.end - lag, data.sequence, data.time + 0.1, 1.0)
        values, mask = views.View(arousal, windows)[:]
        there = mask.sum(axis=1) == 5
        true, said = values[there].mean(axis=1), heard[there]
        # within a recording: people and takes differ by more than affect does
        of = np.unique(stream.sequence[there], return_inverse=True)[1]
        true, said = (x - (np.bincount(of, x) / np.bincount(of))[of] for x in (true, said))
        found.append(metrics.pcc(true, said))
    assert abs(lags[int(np.argmax(found))] - data.truth["lag_s"]) <= 0.2


def test_video_tells_more_than_audio_and_both_most(data):
    """By person, of both axes."""
    module, params = registry.method("fusion/bayesian_ridge"), registry.space("fusion/bayesian_ridge").DEFAULTS
    ccc = {}
    for modality in ("video", "audio", "both"):
        settings = {"modality": modality, "window_s": 2}
        whole = protocols.for_method(module.METHOD, data, settings, test_folds=4)
        folds = [fold.split(module.METHOD, settings, test=True) for fold in whole.folds]
        jobs = [small_data.job(settings, score=lambda predictions: 0.0) for _ in folds]
        outcomes = [module.fit(params, one, job) for one, job in zip(folds, jobs, strict=True)]
        tested = whole.pooled([outcome.predictions["test"] for outcome in outcomes])
        ccc[modality] = [metrics.ccc(whole.truth()["test"][:, axis], tested[:, axis]) for axis in (0, 1)]
    for axis in (0, 1):
        assert 0.25 < ccc["audio"][axis] < ccc["video"][axis] < ccc["both"][axis] < 0.8
