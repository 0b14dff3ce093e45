import numpy as np
import pytest

from search_spaces.motion import lma_to_pad
from tests import small_data
from training.contract import Steps
from training.models import trees
from training.models.preparation import scaling
from training.views import single

PARAMS = {
    **lma_to_pad.DEFAULTS,
    "n_estimators": 60,
    "learning_rate": 0.3,
    "depth": 3,
    "subsample": 1.0,
    "colsample": 1.0,
    "min_child_weight": 1.0,
}


def tables(seed: int = 0, n: int = 400) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return train and validation: y0 depends on x0 alone, y1 = 1000 · x1, y2 is noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2 * n, 3))
    y = np.stack([np.sign(x[:, 0]), 1000 * x[:, 1], rng.normal(size=2 * n)], axis=1)
    return (x[:n], y[:n]), (x[n:], y[n:])


def fitted(params=PARAMS, *, kind="none", **options):
    train, validation = tables()
    log: list = []
    job = small_data.job(log=log, **options.pop("job", {}))
    scalings = scaling(train[0], "none"), scaling(train[1], kind)
    return trees.fit(train, validation, params, job, scalings, **options), log


def test_it_finds_what_there_is():
    model, _ = fitted()
    (_, _), (x, y) = tables()
    error = np.abs(model.predict(single(x)) - y).mean(axis=0)
    assert error[0] < 0.05
    assert error[1] < 100  # a tenth of its spread
    assert error[2] < 1  # nothing to find, and no harm done: always 0 scores 0.8


def test_a_target_stops_where_validation_is_best():
    """Noise is best predicted by few trees; a target that can be learned goes on."""
    model, _ = fitted({**PARAMS, "n_estimators": 200})
    rounds = [b.num_boosted_rounds() for b in model.boosters]
    assert rounds[2] < 20 < rounds[1]


def test_columns_restrict_what_a_target_sees():
    """y0 depends on column 0: without it, nothing can be predicted; changing it changes no prediction."""
    model, _ = fitted(columns=[(1, 2), (1,), (0, 1, 2)])
    (_, _), (x, y) = tables()
    moved = x.copy()
    moved[:, 0] += 5
    before, after = model.predict(single(x)), model.predict(single(moved))
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert (before[:, 2] != after[:, 2]).any()
    assert np.abs(before[:, 0] - y[:, 0]).mean() > 0.8


def test_reports_are_in_the_datas_own_units_and_steps_are_rounds():
    _, log = fitted(kind="standard")
    assert [step for step, _, _ in log] == [25, 50, 60]
    _, plain = fitted(kind="none")
    assert log[-1][1] == pytest.approx(plain[-1][1], rel=0.1)
    assert log[-1][1] > 5  # y1's error in its own units, not in standard deviations
    assert set(log[0][2]) == {"train__mae"}


def test_another_objective_is_reported_as_such():
    _, log = fitted(objective=lambda pred: float(len(pred)))
    assert log[0][1] == 400
    assert set(log[0][2]) == {"train__regression_mae", "val__regression_mae"}


def test_what_is_reported_is_what_is_predicted():
    (_, _), (x, y) = tables()
    seen: list[np.ndarray] = []
    model, log = fitted({**PARAMS, "n_estimators": 25}, objective=lambda pred: seen.append(pred) or 0.0)
    best = [b.num_boosted_rounds() for b in model.boosters]
    assert best[1] == 25
    np.testing.assert_allclose(seen[-1][:, 1], model.predict(single(x))[:, 1], rtol=1e-6)
    assert log[-1][2]["val__regression_mae"] == pytest.approx(np.abs(seen[-1] - y).mean(), rel=1e-5)


def test_predictions_stay_in_the_label_range():
    model, _ = fitted(label_range=(-0.5, 0.5))
    assert np.abs(model.predict(single(tables()[0][0]))).max() == 0.5


def test_threads_do_not_change_the_result():
    """XGBoost's draws come from a generator of the thread: two workers must not mix them up."""
    drawn = {**PARAMS, "subsample": 0.5, "colsample": 0.5}
    x = tables()[0][0]
    one = fitted(drawn, job={"threads": 1})[0].predict(single(x))
    for _ in range(3):
        np.testing.assert_array_equal(fitted(drawn, job={"threads": 2})[0].predict(single(x)), one)
    assert (fitted(drawn, job={"seed": 1})[0].predict(single(x)) != one).any()


def test_saved_trees_are_the_same(tmp_path):
    model, _ = fitted(kind="robust", columns=[(0,), (1,), (0, 2)], label_range=(None, 900.0))
    model.save(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["000.ubj", "001.ubj", "002.ubj", "trees.json"]
    x = tables(1)[0][0]
    again = trees.load(tmp_path)
    np.testing.assert_array_equal(again.predict(single(x)), model.predict(single(x)))
    assert again.leaves() == model.leaves()


def test_leaves_are_counted():
    """One round of depth 1 is one tree of two leaves for each target."""
    assert fitted({**PARAMS, "n_estimators": 1, "depth": 1})[0].leaves() == 6


def test_refit_takes_the_rounds_that_validation_found_for_each_target():
    """``--refit all``: validation is in train, and so must decide nothing."""
    found = Steps()
    model, _ = fitted({**PARAMS, "n_estimators": 200}, job={"steps": found})
    rounds = [b.num_boosted_rounds() for b in model.boosters]
    assert found.chosen == rounds
    again, _ = fitted({**PARAMS, "n_estimators": 200}, job={"steps": Steps([7, 150, 90])})
    assert [b.num_boosted_rounds() for b in again.boosters] == [7, 150, 90]
