"""The networks of single frames read people that they have not seen, at a quarter of the width."""

from __future__ import annotations

import pytest

from affect import metrics
from tests import small_data
from training import protocols, registry
from training.datasets import synthetic_frames


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["frames/cnn_m", "frames/vgg16", "frames/resnet50"])
def test_it_reads_people_that_it_has_not_seen(name):
    """Of its DEFAULTS: a quarter of a minute to a minute on one core."""
    declared = registry.method(name).METHOD
    settings = {**small_data.default_settings(declared), "width": 0.25}
    protocol = protocols.for_method(declared, synthetic_frames.generate(), settings)
    split = protocol.split(declared, settings, test=True)
    job = small_data.job(settings, **small_data.scored(declared, split))
    outcome = registry.method(name).fit(registry.space(name).DEFAULTS, split, job)
    test = protocol.truth()["test"]
    scores = [metrics.ccc(true, pred) for true, pred in zip(test.T, outcome.predictions["test"].T, strict=True)]
    assert min(scores) >= 0.6
