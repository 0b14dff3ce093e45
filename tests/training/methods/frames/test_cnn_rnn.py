"""frames/cnn_rnn on synthetic frames: every setting fits, and unseen people are read."""

from __future__ import annotations

import numpy as np
import pytest

from affect import metrics
from search_spaces.frames.cnn_rnn import DEFAULTS
from tests import small_data
from training import protocols, registry
from training.datasets import synthetic_frames
from training.methods.frames import cnn_rnn

SETTINGS = {**small_data.default_settings(cnn_rnn.METHOD), "width": 0.0625}


def fitted(settings, params, frames, **job):
    data = synthetic_frames.generate(frames=frames)
    protocol = protocols.for_method(cnn_rnn.METHOD, data, settings)
    split = protocol.split(cnn_rnn.METHOD, settings, test=True)
    objective = small_data.scored(cnn_rnn.METHOD, split)
    return protocol, cnn_rnn.fit(params, split, small_data.job(settings, **objective, **job))


@pytest.mark.parametrize(
    "changed",
    [{"cell": "lstm", "context_s": 4}, {"cnn": "resnet50"}, {"cnn": "vgg16"}],
    ids=lambda changed: "-".join(map(str, changed.values())),
)
def test_every_setting_fits(changed):
    log: list = []
    params = {**registry.tiny("frames/cnn_rnn")[0], "epochs": 1, "layer": 2, "recurrent_layers": 2}
    protocol, outcome = fitted({**SETTINGS, **changed}, params, 240, log=log)
    for part, values in outcome.predictions.items():
        assert values.shape == (len(protocol.rows(part)), 2)
        assert (np.abs(values) <= 1).all()
        assert outcome.embeddings["recurrent"][part].shape == (len(values), params["recurrent_size"])
    [(step, value, scores)] = log
    assert step == 1
    assert value == pytest.approx((scores["val__ccc__valence"] + scores["val__ccc__arousal"]) / 2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_reads_people_that_it_has_not_seen():
    """Half a minute's training on one core, at a quarter of the width, from as many frames as the data set has."""
    settings = {**SETTINGS, "width": 0.25}
    protocol, outcome = fitted(settings, {**DEFAULTS, "epochs": 8}, synthetic_frames.FRAMES)
    test = protocol.truth()["test"]
    scores = [metrics.ccc(true, pred) for true, pred in zip(test.T, outcome.predictions["test"].T, strict=True)]
    assert min(scores) >= 0.5
