from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from affect import metrics

# the same examples in every run, and no deadline that a busy machine misses
steady = settings(deadline=None, derandomize=True)

# no two values so near that a textbook formula cancels: what differs from a peer then is a convention, not rounding
series = st.integers(2, 40).flatmap(
    lambda n: st.tuples(*[hnp.arrays(np.float64, n, elements=st.integers(-1000, 1000).map(lambda i: i / 100))] * 2)
)


def constant(x):
    return np.ptp(x) == 0


@pytest.fixture(scope="module")
def trajectory():
    """Valence of 500 frames and a prediction that lags, shrinks and is noisy."""
    rng = np.random.default_rng(7)
    true = np.sin(np.linspace(0, 20, 500)) * 0.6 + 0.1
    return true, 0.7 * np.roll(true, 8) + 0.05 + rng.normal(0, 0.1, 500)


class TestAgainstOtherLibraries:
    @steady
    @given(series)
    def test_errors_equal_scikit_learns(self, pair):
        true, pred = pair
        assert metrics.mse(true, pred) == pytest.approx(sklearn.metrics.mean_squared_error(true, pred))
        assert metrics.mae(true, pred) == pytest.approx(sklearn.metrics.mean_absolute_error(true, pred))
        assert metrics.rmse(true, pred) == pytest.approx(sklearn.metrics.root_mean_squared_error(true, pred))

    @steady
    @given(series)
    def test_explained_variance_and_r2_equal_scikit_learns_where_truth_varies(self, pair):
        true, pred = pair
        if constant(true):
            assert metrics.ev(true, pred) == metrics.r2(true, pred) == 0
        else:
            expected = sklearn.metrics.explained_variance_score(true, pred)
            assert metrics.ev(true, pred) == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert metrics.r2(true, pred) == pytest.approx(sklearn.metrics.r2_score(true, pred), rel=1e-9, abs=1e-9)

    @steady
    @given(series)
    def test_pcc_equals_scipys_where_both_vary(self, pair):
        true, pred = pair
        expected = 0 if constant(true) or constant(pred) else scipy.stats.pearsonr(true, pred).statistic
        assert metrics.pcc(true, pred) == pytest.approx(expected, abs=1e-9)

    def test_ccc_and_pcc_equal_torchmetrics(self, trajectory):
        import torch
        from torchmetrics.functional import concordance_corrcoef, pearson_corrcoef

        true, pred = trajectory
        t, p = torch.tensor(true), torch.tensor(pred)
        assert metrics.pcc(true, pred) == pytest.approx(float(pearson_corrcoef(p, t)), abs=1e-12)
        # torchmetrics divides by n − 1; with Lin's 1/N the squared shift of the means weighs n / (n − 1) as much
        theirs = float(concordance_corrcoef(p, t))
        shift = (true.mean() - pred.mean()) ** 2
        gap = shift / len(true) / (2 * np.cov(true, pred, ddof=0)[0, 1])
        assert 1 / metrics.ccc(true, pred) == pytest.approx(1 / theirs + gap, abs=1e-12)
        assert gap > 1e-9
        unshifted = pred - pred.mean() + true.mean()
        expected = float(concordance_corrcoef(torch.tensor(unshifted), t))
        assert metrics.ccc(true, unshifted) == pytest.approx(expected, abs=1e-12)

    @steady
    @given(st.lists(st.tuples(*[st.sampled_from(["anger", "fear", "happy", "sad"])] * 2), min_size=1, max_size=40))
    def test_class_figures_equal_scikit_learns(self, rows):
        true, pred = np.array(rows).T
        assert metrics.accuracy(true, pred) == pytest.approx(sklearn.metrics.accuracy_score(true, pred))
        assert metrics.f1(true, pred) == pytest.approx(sklearn.metrics.f1_score(true, pred, average="macro"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of classes that are predicted and never true
            expected = sklearn.metrics.balanced_accuracy_score(true, pred)
        assert metrics.uar(true, pred) == pytest.approx(expected)


class TestMeaning:
    def test_known_numbers(self):
        true, pred = [1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 4.0, 6.0]
        # variances 1.25 and 2.75, covariance 1.75, means 1 apart
        assert metrics.mse(true, pred) == 1.5
        assert metrics.mae(true, pred) == 1.0
        assert metrics.ccc(true, pred) == pytest.approx(3.5 / 5.0)
        assert metrics.pcc(true, pred) == pytest.approx(1.75 / np.sqrt(1.25 * 2.75))
        assert metrics.r2(true, pred) == pytest.approx(1 - 1.5 / 1.25)
        assert metrics.ev(true, pred) == pytest.approx(1 - 0.5 / 1.25)

    def test_ccc_penalises_a_shift_and_a_scale_and_pearson_does_not(self, trajectory):
        true, _ = trajectory
        assert metrics.ccc(true, true) == pytest.approx(1)
        assert metrics.ccc(true, true + 0.3) < 0.9
        assert metrics.ccc(true, 2 * true) < 0.9
        assert metrics.pcc(true, 2 * true + 0.3) == pytest.approx(1)
        assert metrics.ccc(true, true + 0.6) < metrics.ccc(true, true + 0.3)

    def test_ccc_is_symmetric_and_never_above_pearson(self, trajectory):
        true, pred = trajectory
        assert metrics.ccc(true, pred) == pytest.approx(metrics.ccc(pred, true), abs=1e-15)
        assert metrics.ccc(true, pred) < metrics.pcc(true, pred)
        assert metrics.ccc(true, -true) < 0

    def test_explained_variance_is_blind_to_a_shift_and_r2_is_not(self, trajectory):
        true, pred = trajectory
        assert metrics.ev(true, pred + 5) == pytest.approx(metrics.ev(true, pred))
        assert metrics.r2(true, pred + 5) < metrics.r2(true, pred) - 10

    def test_always_the_mean_has_r2_zero(self, trajectory):
        true, _ = trajectory
        assert metrics.r2(true, np.full(len(true), true.mean())) == pytest.approx(0, abs=1e-12)

    def test_sagr_counts_signs_and_zero_is_its_own(self):
        assert metrics.sagr([-1, -0.2, 0.5, 0.7], [-0.1, 0.2, 0.1, 3]) == 0.75
        assert metrics.sagr([0, 0, 0], [0, 1, -1]) == pytest.approx(1 / 3)

    def test_uar_is_not_fooled_by_the_majority(self):
        true = np.array(["sad"] * 90 + ["bored"] * 10)
        always = np.full(100, "sad")
        assert metrics.accuracy(true, always) == 0.9
        assert metrics.uar(true, always) == 0.5
        assert metrics.f1(true, always) == pytest.approx(0.5 * 2 * 90 / 190)


class TestConstants:
    # 0.1 has a float mean that is not 0.1: a formula that trusts the mean finds a variance here
    @pytest.mark.parametrize("value", [0.0, 0.1, 0.286151, -1e12, 1e-300])
    @pytest.mark.parametrize("name", ["ccc", "pcc", "ev", "r2"])
    def test_a_constant_truth_scores_zero_met_or_missed(self, name, value):
        true = np.full(101, value)
        one = getattr(metrics, name)
        assert one(true, true) == 0
        assert one(true, true + 1) == 0
        assert one(true, true + np.arange(101.0)) == 0

    @pytest.mark.parametrize("value", [0.1, -3.0])
    def test_a_constant_prediction_has_no_correlation(self, value, trajectory):
        true, _ = trajectory
        assert metrics.ccc(true, np.full(len(true), value)) == 0
        assert metrics.pcc(true, np.full(len(true), value)) == 0

    def test_tiny_variances_do_not_underflow(self):
        true = np.array([1.0, 2.0, 3.0]) * 1e-100
        assert metrics.pcc(true, 2 * true) == pytest.approx(1)

    @steady
    @given(series)
    def test_nothing_is_ever_nan(self, pair):
        found = metrics.score(*pair, ["valence"])
        assert np.isfinite(list(found.values())).all()


class TestRefusals:
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_broken_predictions_have_no_score(self, bad):
        with pytest.raises(ValueError, match="1 of 3 predicted values are nan or infinite"):
            metrics.mae([1, 2, 3], [1, bad, 3])
        with pytest.raises(ValueError, match="1 of 3 true values"):
            metrics.score([1, bad, 3], [1, 2, 3], ["a"])

    def test_shapes_that_differ(self):
        with pytest.raises(ValueError, match=r"true has shape \(3,\), predictions have \(2,\)"):
            metrics.ccc([1, 2, 3], [1, 2])
        # numpy would broadcast this one to a 3 × 3 table
        with pytest.raises(ValueError, match="predictions have"):
            metrics.mae(np.zeros((3, 1)), np.zeros(3))
        with pytest.raises(ValueError, match="one length"):
            metrics.accuracy(["a", "b"], ["a"])

    def test_empty_series(self):
        with pytest.raises(ValueError, match="at least one row"):
            metrics.mae([], [])
        with pytest.raises(ValueError, match="length"):
            metrics.f1([], [])

    def test_several_columns_for_one_series(self):
        with pytest.raises(ValueError, match="use score for several"):
            metrics.mae(np.zeros((3, 2)), np.zeros((3, 2)))

    def test_numbers_against_names(self):
        with pytest.raises(ValueError, match="on one side"):
            metrics.accuracy(np.array([1, 2]), np.array(["1", "2"]))

    def test_names(self):
        x = np.zeros((3, 2))
        with pytest.raises(ValueError, match="no metric 'cccc'"):
            metrics.score(x, x, ["a", "b"], ["cccc"])
        with pytest.raises(ValueError, match="at once"):
            metrics.score(x, x, ["a", "b"], ["mae", "f1"])
        for targets in (["a"], ["a", "a"], ["a", "all"]):
            with pytest.raises(ValueError, match="cannot be named"):
                metrics.score(x, x, targets)


class TestScore:
    def test_every_figure_is_its_own_functions(self):
        rng = np.random.default_rng(0)
        true = rng.normal(size=(60, 3))
        pred = true + rng.normal(size=(60, 3))
        found = metrics.score(true, pred, ["p", "a", "d"])
        assert set(found) == {(name, target) for name in metrics.REGRESSION for target in ("p", "a", "d", "all")}
        for name in metrics.REGRESSION:
            columns = [getattr(metrics, name)(true[:, j], pred[:, j]) for j in range(3)]
            assert [found[name, t] for t in ("p", "a", "d")] == pytest.approx(columns, abs=1e-12)
            assert found[name, "all"] == pytest.approx(np.mean(columns), abs=1e-12)

    def test_all_of_rmse_is_the_mean_of_the_roots(self):
        found = metrics.score([[0.0, 0.0]], [[3.0, 1.0]], ["a", "b"], ["rmse"])
        assert found["rmse", "all"] == 2.0

    def test_float32_is_scored_in_float64(self):
        true = np.full(10_000, 0.1, np.float32)
        true[::2] += np.float32(1e-3)
        pred = np.roll(true, 1)
        assert metrics.score(true, pred, ["a"])["mse", "a"] == metrics.mse(true.astype(float), pred.astype(float))

    def test_classes_by_column(self):
        true = np.array([["a", "x"], ["b", "x"], ["b", "y"]])
        pred = np.array([["a", "x"], ["b", "y"], ["a", "y"]])
        found = metrics.score(true, pred, ["one", "two"], metrics.CLASSIFICATION)
        assert found["accuracy", "one"] == found["accuracy", "two"] == pytest.approx(2 / 3)
        assert found["uar", "two"] == found["uar", "one"] == pytest.approx(0.75)
        assert metrics.score(true[:, 0], pred[:, 0], ["one"], ["f1"])["f1", "all"] == metrics.f1(true[:, 0], pred[:, 0])

    def test_every_metric_has_a_label_and_a_direction(self):
        every = {*metrics.REGRESSION, *metrics.CLASSIFICATION}
        assert (
            set(metrics.LABEL)
            == set(metrics.DIRECTION)
            == every
            | {
                *metrics.MAPS,
                *metrics.RECORDINGS,
                *metrics.ADVERSARIAL,
            }
        )
        assert {n for n in every if metrics.DIRECTION[n] == "minimize"} == {"mse", "mae", "rmse"}
        assert all(callable(getattr(metrics, name)) for name in every)


class TestMaeOverRange:
    def test_a_feature_without_range_is_not_applicable(self):
        true, pred = np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([[1.0, 5.0], [1.0, 6.0]])
        found = metrics.mae_over_range(true, pred, np.ptp(true, axis=0))
        assert found[0] == 0.5
        assert np.isnan(found[1])

    def test_one_series(self):
        assert float(metrics.mae_over_range([0.0, 2.0], [1.0, 1.0], 4.0)) == 0.25

    @pytest.mark.parametrize("span", [[1.0], [-1.0, 1.0], [np.nan, 1.0]])
    def test_spans_that_are_none(self, span):
        with pytest.raises(ValueError, match="span"):
            metrics.mae_over_range(np.zeros((3, 2)), np.zeros((3, 2)), span)


class TestTrivialRows:
    def test_mean_is_trains_own(self):
        rows = metrics.mean_row([[0.0, 1.0], [2.0, 5.0]], 3)
        assert rows.tolist() == [[1.0, 3.0]] * 3

    def test_label_mean_and_a_class_train_lacks(self):
        train = np.array([[0.0], [2.0], [10.0]])
        rows = metrics.label_mean_row(train, ["sad", "sad", "happy"], ["happy", "sad", "bored"])
        assert rows.tolist() == [[10.0], [1.0], [4.0]]

    def test_label_mean_leaves_out_rows_without_a_class(self):
        train = np.array([[0.0], [2.0], [10.0]])
        rows = metrics.label_mean_row(train, ["sad", "sad", ""], ["sad", "", "bored"])
        assert rows[[0, 2]].tolist() == [[1.0], [4.0]]
        assert np.isnan(rows[1]).all()

    def test_label_mean_beats_the_mean_where_classes_differ(self):
        rng = np.random.default_rng(0)
        label = rng.choice(["a", "b", "c"], 300)
        true = np.char.equal(label, "a")[:, None] * 1.0 + rng.normal(0, 0.1, (300, 1))
        by_label = metrics.mae(true[:, 0], metrics.label_mean_row(true, label, label)[:, 0])
        assert by_label < 0.3 * metrics.mae(true[:, 0], metrics.mean_row(true, 300)[:, 0])

    def test_majority_and_its_ties(self):
        assert metrics.majority_row(["sad", "happy", "sad"], 2).tolist() == ["sad", "sad"]
        assert metrics.majority_row(["sad", "happy"], 1).tolist() == ["happy"]

    def test_an_empty_train_part(self):
        with pytest.raises(ValueError, match="at least one row"):
            metrics.mean_row(np.zeros((0, 3)), 2)
        with pytest.raises(ValueError, match="no row"):
            metrics.majority_row([], 2)
        with pytest.raises(ValueError, match="labels"):
            metrics.label_mean_row(np.zeros((3, 1)), ["a"], ["a"])


def test_memory_layout_does_not_change_the_last_digit() -> None:
    rng = np.random.default_rng(3)
    true, pred = rng.normal(size=(2, 1999, 3))
    targets = ("a", "b", "c")
    assert metrics.score(true, pred, targets) == metrics.score(
        np.asfortranarray(true), np.asfortranarray(pred), targets
    )


class TestMaps:
    """Scores of activation maps against the places that truly move."""

    MOVES = np.array([False, True, True, False, False])

    def test_the_pointing_game_looks_at_the_largest_level_alone(self):
        assert metrics.pointing_game([0, 1, 9, 3, 2], self.MOVES) == 1
        assert metrics.pointing_game([9.1, 9, 9, 9, 9], self.MOVES) == 0

    def test_the_area_counts_ordered_pairs_and_ties_half(self):
        assert metrics.vertex_auc([0, 5, 6, 1, 2], self.MOVES) == 1
        assert metrics.vertex_auc([9, 5, 6, 8, 7], self.MOVES) == 0
        assert metrics.vertex_auc([1, 1, 1, 1, 1], self.MOVES) == 0.5
        assert metrics.vertex_auc([0, 1, 3, 2, 0], self.MOVES) == pytest.approx(5 / 6)

    def test_it_is_what_scikit_learn_computes(self):
        from sklearn.metrics import roc_auc_score

        rng = np.random.default_rng(0)
        level, moves = rng.integers(0, 9, 200), rng.random(200) < 0.3
        assert metrics.vertex_auc(level, moves) == pytest.approx(roc_auc_score(moves, level))

    def test_where_nothing_moves_there_is_no_area(self):
        assert np.isnan(metrics.vertex_auc([1, 2], [False, False]))
        with pytest.raises(ValueError, match="one length"):
            metrics.vertex_auc([1, 2, 3], [False, True])
