from functools import cache

import numpy as np
import pytest

from affect import metrics
from tests import small_data
from training import registry
from training.contract import Outcome
from training.evaluation import _predictors

VANILLA, ALIGNED, DISCRETE = (f"faces/face_vae{rest}" for rest in ("", "_continuous", "_discrete"))


@cache
def fitted(name: str, full: bool) -> Outcome:
    """Return a fit on the synthetic world: TINY, or DEFAULTS at half their width."""
    module, space = registry.method(name), registry.space(name)
    params = {**space.DEFAULTS, "width": 16} if full else space.TINY
    return module.fit(params, small_data.split(module.METHOD, test=True), small_data.lent(name))


def truth(name: str) -> dict[str, np.ndarray]:
    return small_data.protocol(registry.method(name).METHOD).truth()


def read(name: str, full: bool = False) -> list[float]:
    """Return R² of valence and arousal on test as the method reads them from z_v and z_a."""
    return [
        metrics.r2(true, pred)
        for true, pred in zip(truth(name)["test"].T, fitted(name, full).predictions["test"].T, strict=True)
    ]


def probe(name: str, code: str, axis: int) -> float:
    """Return R² on test of a ridge regression from a code, fitted on train."""
    z = fitted(name, full=True).embeddings[code]
    true = truth(name)
    pred = _predictors.predicted(_predictors.ridge(), z["train"], true["train"][:, axis], z["test"], seed=0)
    return metrics.r2(true["test"][:, axis], pred)


def test_aligned_chunks_say_what_they_stand_for_and_others_do_not():
    """After a few epochs of a narrow network; people of the test part are never seen in train."""
    assert min(read(ALIGNED)) > 0.3
    assert max(read(VANILLA)) < 0.1


@pytest.mark.slow
@pytest.mark.timeout(1200)
class TestSyntheticWorld:
    """The sources' claim, where the truth is known: 24 people, valence and arousal move what is drawn."""

    def test_aligned_codes_explain_their_axis(self):
        assert min(read(ALIGNED, full=True)) >= 0.8
        for name in (ALIGNED, DISCRETE):
            assert probe(name, "z_v", 0) >= 0.8
            assert probe(name, "z_a", 1) >= 0.8

    def test_each_aligned_code_explains_its_own_axis_best(self):
        for name in (ALIGNED, DISCRETE):
            assert probe(name, "z_v", 0) > probe(name, "z_a", 0) + 0.15
            assert probe(name, "z_a", 1) > probe(name, "z_v", 1) + 0.1

    def test_codes_that_nothing_aligns_do_not(self):
        """Their chunks are all alike: what a probe finds of valence and arousal in one, it finds in the rest as well.

        Arousal opens eyes and mouth, many pixels, so that a reconstruction alone keeps much of it, in every chunk.
        """
        assert max(read(VANILLA, full=True)) < 0.0
        assert probe(VANILLA, "z_v", 0) < 0.75
        for code, axis in (("z_v", 0), ("z_a", 1)):
            assert abs(probe(VANILLA, code, axis) - probe(VANILLA, "z_z", axis)) < 0.2
