from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge

from search_spaces.fusion import bayesian_ridge as space
from tests import small_data
from training.methods.fusion import bayesian_ridge

SETTINGS = [
    {"modality": modality, "window_s": seconds} for modality in ("video", "audio", "both") for seconds in (1, 4)
]


def fit(settings, params=space.DEFAULTS, change=lambda split: split):
    split = change(small_data.split(bayesian_ridge.METHOD, settings))
    return split, bayesian_ridge.fit(params, split, small_data.lent("fusion/bayesian_ridge", settings))


def test_every_modality_and_window_predicts_the_same_samples():
    made = [fit(settings) for settings in SETTINGS]
    for split, outcome in made:
        assert split.test.sample.tolist() == made[0][0].test.sample.tolist()
        assert outcome.predictions["test"].shape == made[0][1].predictions["test"].shape
        assert np.abs(outcome.predictions["test"]).max() <= 1
    assert len({float(outcome.predictions["test"].sum()) for _, outcome in made}) == len(SETTINGS)


def test_video_alone_is_scikit_learn_by_hand():
    split, outcome = fit({"modality": "video", "window_s": 1})
    x, mask = split.train.inputs["video"][:]
    mean = x.sum(axis=1, dtype=np.float64) / mask.sum(axis=1)[:, None]
    by_hand = BayesianRidge().fit((mean - mean.mean(axis=0)) / mean.std(axis=0), split.train.y[:, 1])
    predicted = by_hand.predict((mean - mean.mean(axis=0)) / mean.std(axis=0)).clip(-1, 1)
    np.testing.assert_allclose(outcome.predictions["train"][:, 1], predicted, atol=1e-8)


def test_a_frame_before_any_audio_is_told_from_the_others():
    split, outcome = fit({"modality": "audio", "window_s": 4})
    features = outcome.model.features
    assert features.indicated == ("audio",)
    early = split.train.inputs.time < 4
    assert 0.05 < early.mean() < 0.25
    predicted = outcome.predictions["train"]
    assert np.ptp(predicted[early], axis=0) == pytest.approx([0, 0], abs=1e-12)
    assert predicted[early][0] == pytest.approx(split.train.y[early].mean(axis=0), abs=0.02)


def test_a_strong_prior_shrinks_weights():
    settings = {"modality": "both", "window_s": 1}
    plain, shrunk = (
        np.abs(fit(settings, {**space.DEFAULTS, "lambda_1": shape})[1].model.weights).sum() for shape in (1e-6, 1e4)
    )
    assert shrunk < 0.5 * plain


def test_the_unit_of_an_input_does_not_matter():
    settings = {"modality": "video", "window_s": 2}

    def tenfold(split):
        parts = {
            name: replace(part, inputs=replace(part.inputs, views={"video": replace(view, values=view.values * 10)}))
            for name, part in split.parts().items()
            for view in [part.inputs["video"]]
        }
        return replace(split, **parts)

    one, other = fit(settings)[1], fit(settings, change=tenfold)[1]
    np.testing.assert_allclose(one.predictions["test"], other.predictions["test"], atol=1e-5)
