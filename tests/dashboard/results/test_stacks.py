from __future__ import annotations

import numpy as np
import pytest

from affect import metrics, statistics
from dashboard.results import stacks
from tests import fake_faces, fake_results
from tests.dashboard.results.test_comparing import final


def test_a_stack_has_seeds_samples_and_targets_in_its_shape_whatever_the_rows_order():
    found = stacks.stack([final(0.1, 0), final(0.1, 1).sample(frac=1, random_state=0)])
    assert found.pred.shape == (2, 70, 2)
    assert found.true.shape == (70, 2)
    assert np.abs(found.pred[1] - found.true).max() < 0.5, "truth and prediction stayed together"
    assert stacks.stack([final(0.1, 0)], "a").true.shape == (70, 1)
    assert found.groups == 14


@pytest.mark.parametrize(
    ("tables", "target", "words"),
    [
        ([final(0.1, 0)], "z", "no predictions of z"),
        ([final(0.1, 0), final(0.1, 0).iloc[1:]], "all", "different samples"),
        ([], "all", "no predictions"),
        ([final(0.1, 0).assign(part="train")], "all", "of the test part"),
        ([final(0.1, 0).assign(pred_p=np.nan)], "p", "no finite numbers"),
        ([final(0.1, 0).drop(columns=["true_p", "true_a"])], "all", "any target"),
        ([final(0.1, 0), final(0.1, 0).drop(columns="pred_a")], "all", "no column pred_a"),
    ],
)
def test_what_cannot_be_stacked_is_refused(tables, target, words):
    with pytest.raises(ValueError, match=words):
        stacks.stack(tables, target)


def test_images_are_compared_by_their_own_errors():
    found = {}
    for spec in fake_faces.STUDIES:
        predictions = fake_results.prediction_table(spec, fake_results.predict(spec, 1))
        errors = fake_faces.picture_errors(spec)
        for metric in ("mse", "mae"):
            of = stacks.stack([stacks.of_images(predictions, errors, metric)], "picture")
            test = errors[errors["part"] == "test"].set_index("sample")[metric]
            assert np.isclose(getattr(metrics, metric)(of.true[:, 0], of.pred[0, :, 0]), test.mean())
            found[spec.method, metric] = of
    vanilla, regularised = (found[spec.method, "mse"] for spec in fake_faces.STUDIES)
    assert stacks.differ(vanilla, regularised) == ""
    assert statistics.paired(vanilla.true, vanilla.pred, regularised.pred, vanilla.group, "mse").groups == 8
