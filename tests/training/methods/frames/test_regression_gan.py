"""The GANs on frames learn: unseen people are read, and generated images differ and are in the data's range."""

from __future__ import annotations

import numpy as np
import pytest

from affect import metrics
from tests import small_data
from training import protocols, registry
from training.datasets import synthetic_frames


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["regression_gan", "capsule_gan"])
def test_it_reads_people_that_it_has_not_seen_and_makes_images(name):
    """About two minutes' training on one core, at a quarter of the width."""
    module, space = registry.method(f"frames/{name}"), registry.space(f"frames/{name}")
    settings = {**small_data.default_settings(module.METHOD), "width": 0.25}
    protocol = protocols.for_method(module.METHOD, synthetic_frames.generate(), settings)
    split = protocol.split(module.METHOD, settings, test=True)
    job = small_data.job(settings, **small_data.scored(module.METHOD, split))
    outcome = module.fit({**space.DEFAULTS, "epochs": 8}, split, job)
    scores = [
        metrics.ccc(true, pred)
        for true, pred in zip(protocol.truth()["test"].T, outcome.predictions["test"].T, strict=True)
    ]
    assert min(scores) >= 0.5
    images, _, realness = outcome.model.generate(64, seed=0)
    real = np.asarray(split.train.x)[::40]
    # not one and the same image of all noise, and as bright as frames
    assert images.std(axis=0).mean() > 0.1 * real.std(axis=0).mean()
    assert abs(images.mean() - real.mean()) < 0.5 * real.std()
    assert ((realness >= 0) & (realness <= 1)).all()
