import numpy as np
import pytest

from search_spaces.motion.lma_to_pad import DEFAULTS, TINY
from tests import small_data
from training import protocols, registry
from training.methods.motion import lma_to_pad as method

UNTUNED = {
    "objective": "reg:squarederror",
    "learning_rate": 0.3,
    "depth": 6,
    "min_child_weight": 1.0,
    "subsample": 1.0,
    "colsample": 1.0,
}


def test_predictions_lie_in_the_label_range():
    outcome = method.fit(TINY, small_data.split(method.METHOD, test=True), small_data.lent("motion/lma_to_pad"))
    assert all(np.abs(pred).max() <= 1 for pred in outcome.predictions.values())


def test_a_rows_prediction_does_not_depend_on_the_scale_of_features():
    """Trees ask only for order: the searched scaling of inputs can do no harm."""
    split = small_data.split(method.METHOD, test=False)
    errors = [
        np.abs(
            method.fit({**TINY, "scaling": kind}, split, small_data.lent("motion/lma_to_pad")).predictions["validation"]
            - split.validation.targets()
        ).mean()
        for kind in ("none", "standard", "robust")
    ]
    assert max(errors) < 1.02 * min(errors)


@pytest.mark.realdata
def test_defaults_beat_untuned_trees_on_the_real_table(real_data):
    data = registry.dataset("lma").read(real_data / "motion" / "dance_walk_kin_1sec.csv.gz", {"features": "all"})
    made = protocols.make(data, "pad")

    def error(params) -> float:
        pred = method.fit(params, made.split(method.METHOD, {}, test=True), small_data.job(threads=2)).predictions[
            "test"
        ]
        return float(np.abs(pred - made.truth()["test"]).mean())

    assert error(DEFAULTS) < error({**DEFAULTS, **UNTUNED}) < 0.39
