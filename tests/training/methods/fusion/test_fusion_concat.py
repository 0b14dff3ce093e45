from __future__ import annotations

import numpy as np
import pytest

from search_spaces.fusion import fusion_concat as space
from tests import small_data
from training.methods.fusion import fusion_concat


def fit(params=space.TINY, **settings):
    log: list = []
    split = small_data.split(fusion_concat.METHOD, settings)
    job = small_data.lent("fusion/fusion_concat", settings, log=log)
    return split, fusion_concat.fit(params, split, job), log


def test_it_sees_both_modalities():
    split, outcome, _ = fit(window_s=2)
    features = outcome.model.features
    assert features.size == 16 + 12 + 1, "video, audio, and whether there is audio"
    assert set(outcome.model.input_columns) == {"video", "audio"}
    inputs = split.validation.inputs
    silent = inputs.replace(audio=np.zeros_like(np.asarray(inputs["audio"])[:, -1]))
    assert np.abs(outcome.model.predict(silent) - outcome.predictions["validation"]).max() > 0.05


@pytest.mark.parametrize("loss", ["rmse", "ccc"])
def test_each_loss_falls_and_predictions_stay_in_range(loss):
    _, outcome, log = fit({**space.TINY, "loss": loss}, window_s=1)
    losses = [figures["train__loss"] for _, _, figures in log]
    assert losses[-1] < 0.8 * losses[0]
    assert all(np.abs(values).max() <= 1 for values in outcome.predictions.values())


def test_rmse_is_that_of_the_axes_added_up():
    """An untrained network's first loss, on labels and inputs that are known."""
    split, outcome, log = fit({**space.TINY, "epochs": 40, "dropout": 0.0}, window_s=1)
    error = np.sqrt(np.mean((outcome.predictions["train"] - split.train.y) ** 2, axis=0)).sum()
    assert min(figures["train__loss"] for _, _, figures in log) == pytest.approx(error, rel=0.1)
