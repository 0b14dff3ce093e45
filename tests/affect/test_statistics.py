from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from affect import metrics, statistics

steady = settings(deadline=None, derandomize=True)
TARGETS = ("pleasure", "arousal", "dominance")


def clips(rng, groups=40, rows=8, targets=3, between=1.0):
    """Windows of clips: truth and a prediction whose error is mostly the clip's own."""
    group = np.repeat([f"clip{g}" for g in range(groups)], rows)
    true = rng.normal(size=(groups * rows, targets))
    error = np.repeat(rng.normal(0, between, (groups, targets)), rows, axis=0)
    return true, true + error + rng.normal(0, 0.3, true.shape), group


def jackknife(score, group):
    """Ends of a 95 % interval by hand: the score of all rows, and without each group, with the quantile of t."""
    names = np.unique(group)
    of_all, without = score(np.ones(len(group), bool)), [score(group != name) for name in names]
    error = math.sqrt((len(names) - 1) / len(names) * sum((one - of_all) ** 2 for one in without))
    reach = scipy.stats.t.ppf(0.975, len(names) - 1) * error
    return of_all - reach, of_all + reach


class TestIntervals:
    def test_groups_sums_give_the_metrics_own_figures(self):
        # groups left out by hand and scored by affect.metrics: the same figure as from the sums of groups
        rng = np.random.default_rng(0)
        true, pred, group = clips(rng, groups=12)
        true, pred = true + 1e5, pred + 1e5  # far from 0, where sums of squares lose digits
        true[:, 1] = 0.1  # a constant feature
        found = statistics.intervals(true, pred, group, TARGETS)
        assert set(found) == set(metrics.score(true, pred, TARGETS))
        for key, interval in found.items():
            ends = jackknife(lambda rows, key=key: metrics.score(true[rows], pred[rows], TARGETS)[key], group)
            if key[0] in ("ccc", "pcc"):
                ends = np.clip(ends, -1, 1)
            elif key[0] in ("ev", "r2"):
                ends = np.minimum(ends, 1)
            else:
                ends = np.clip(ends, 0, 1 if key[0] == "sagr" else None)
            assert (interval.low, interval.high, interval.groups) == pytest.approx((*ends, 12), rel=1e-6, abs=1e-9)

    def test_groups_left_without_variance(self):
        # a class' PAD is one constant: without its group the others are constant, and their CCC is 0
        rng = np.random.default_rng(0)
        group = np.repeat(np.arange(10).astype(str), 5)
        true = np.where(group == "3", 0.7, 0.1)
        pred = true + rng.normal(0, 0.1, 50)
        found = statistics.intervals(true, pred, group, ["pleasure"])["ccc", "pleasure"]
        low, high = jackknife(lambda rows: metrics.ccc(true[rows], pred[rows]), group)
        assert found[:2] == pytest.approx((max(low, -1), min(high, 1)), abs=1e-9)
        assert metrics.ccc(true[group != "3"], pred[group != "3"]) == 0

    @pytest.mark.parametrize("name", metrics.CLASSIFICATION)
    def test_classes_likewise(self, name):
        rng = np.random.default_rng(1)
        group = np.repeat(np.arange(15).astype(str), 4)
        true = rng.choice(["a", "b", "c"], 60)
        pred = np.where(rng.random(60) < 0.6, true, rng.choice(["a", "b", "d"], 60))
        low, high = jackknife(lambda rows: getattr(metrics, name)(true[rows], pred[rows]), group)
        assert statistics.interval(true, pred, group, name) == pytest.approx((low, high, 15))

    @pytest.mark.parametrize(("groups", "at_least"), [(5, 128), (14, 134), (40, 136)])
    def test_coverage(self, groups, at_least):
        # the true MAE is known; about 95 of 100 intervals must hold it though rows of a clip resemble each other
        rng = np.random.default_rng(0)
        inside = naive = 0
        truth = np.abs(rng.normal(0, math.hypot(1, 0.3), 1_000_000)).mean()
        for _ in range(150):
            true, pred, group = clips(rng, groups, targets=1)
            found = statistics.interval(true, pred, group, "mae")
            inside += found.low <= truth <= found.high
            rows = statistics.interval(true, pred, np.arange(len(true)).astype(str), "mae")
            naive += rows.low <= truth <= rows.high
        assert at_least <= inside <= 149
        assert naive < 110  # rows taken as groups promise far too much

    def test_none_under_three_groups(self):
        true, pred, group = clips(np.random.default_rng(0), groups=2)
        assert statistics.interval(true, pred, group, "mae") is None
        assert statistics.intervals(true, pred, group, TARGETS) == {}
        true, pred, group = clips(np.random.default_rng(0), groups=3)
        assert statistics.interval(true, pred, group, "mae").groups == 3

    def test_ends_stay_within_what_a_metric_can_be(self):
        true, pred, group = clips(np.random.default_rng(0), groups=3)
        found = statistics.intervals(true, pred * 3, group, TARGETS)
        assert all(found[name, "all"].low >= 0 for name in ("mae", "mse", "rmse", "sagr"))
        assert all(-1 <= found[name, "all"].low <= found[name, "all"].high <= 1 for name in ("ccc", "pcc"))

    def test_same_for_any_row_order(self):
        true, pred, group = clips(np.random.default_rng(0))
        order = np.random.default_rng(1).permutation(len(true))
        one = statistics.intervals(true, pred, group, TARGETS)
        again = statistics.intervals(true[order], pred[order], group[order], TARGETS)
        for key in one:
            assert again[key] == pytest.approx(one[key], rel=1e-9)

    def test_more_groups_narrow_it(self):
        widths = []
        for groups in (20, 80, 320):
            found = statistics.interval(*clips(np.random.default_rng(0), groups=groups), "mae")
            widths.append(found.high - found.low)
        assert widths[0] > 1.5 * widths[1] > 2.25 * widths[2]

    def test_several_seeds_are_the_mean_of_their_figures(self):
        true, pred, group = clips(np.random.default_rng(0))
        one = statistics.intervals(true, pred, group, TARGETS)
        three = statistics.intervals(true, [pred, pred, pred], group, TARGETS)
        assert all(three[key] == pytest.approx(one[key]) for key in one)
        spread = statistics.interval(true, [pred, true], group, "mae")
        assert spread[:2] == pytest.approx([x / 2 for x in one["mae", "all"][:2]])

    def test_constant_everything(self):
        group = np.arange(20).astype(str)
        found = statistics.intervals(np.full(20, 0.1), np.full(20, 0.3), group, ["a"])
        assert found["ccc", "a"][:2] == found["pcc", "a"][:2] == found["r2", "a"][:2] == (0, 0)
        assert found["mae", "a"][:2] == pytest.approx((0.2, 0.2))

    def test_refusals(self):
        true, pred, group = clips(np.random.default_rng(0), groups=10)
        with pytest.raises(ValueError, match="groups have"):
            statistics.interval(true, pred, group[:-1], "mae")
        with pytest.raises(ValueError, match="expected predictions of shape"):
            statistics.interval(true, pred[:, :2], group, "mae")
        with pytest.raises(ValueError, match="no metric"):
            statistics.interval(true, pred, group, "mea")
        with pytest.raises(ValueError, match="cannot be named"):
            statistics.intervals(true, pred, group, ["a"])
        with pytest.raises(ValueError, match="nan or infinite"):
            statistics.interval(true, pred * np.nan, group, "mae")


class TestPaired:
    def test_what_can_be_told_is_told_four_times_in_five(self):
        rng = np.random.default_rng(0)
        group, true, other, spread = np.arange(20), np.zeros(20), np.full(20, 5.0), 0.3
        difference = (2.093 + 0.861) * spread / 20**0.5  # quantiles of t for 19 degrees of freedom
        told, least = 0, []
        for _ in range(200):
            found = statistics.paired(true, 5 + rng.normal(difference, spread, 20), other, group, "mae")
            told += found.low > 0
            least.append(statistics.detectable(found.low, found.high, found.groups))
        assert np.mean(least) == pytest.approx(difference, rel=0.05)
        assert 0.73 < told / 200 < 0.87

    def test_without_an_interval_nothing_is_known_to_be_told(self):
        assert math.isnan(statistics.detectable(math.nan, math.nan, 20))
        assert math.isnan(statistics.detectable(-1.0, 1.0, 2))

    def test_few_groups_are_swapped_in_every_way(self):
        # eight clips, each better by the same method: 2 of the 256 swaps are as far apart
        true = np.zeros(16)
        group = np.repeat(np.arange(8).astype(str), 2)
        found = statistics.paired(true, np.full(16, 1.0), np.full(16, 3.0), group, "mae")
        assert found.difference == -2
        assert found.p == 2 / 256
        assert found[1:3] == (-2, -2)  # each clip says the same
        few = statistics.paired(true[:4], np.full(4, 1.0), np.full(4, 3.0), group[:4], "mae")
        assert math.isnan(few.low)
        assert math.isnan(few.high)
        assert found.groups == 8

    @pytest.mark.parametrize("groups", [9, 60])
    def test_on_errors_it_is_scipys_sign_flip_test(self, groups):
        rng = np.random.default_rng(groups)
        true = np.zeros(groups)
        a, b = rng.normal(0, 1.0, groups), rng.normal(0, 1.4, groups)
        found = statistics.paired(true, a, b, np.arange(groups).astype(str), "mse")
        expected = scipy.stats.permutation_test(
            (a**2, b**2), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=20_000, rng=rng
        )
        assert found.difference == pytest.approx(expected.statistic)
        assert found.p == pytest.approx(expected.pvalue, abs=0.015 if groups > 12 else 1e-12)

    @pytest.mark.parametrize("name", ["mae", "ccc", "rmse"])
    def test_equal_methods_are_told_apart_as_often_as_alpha_says(self, name):
        rng = np.random.default_rng(0)
        below = 0
        for _ in range(150):
            true, a, group = clips(rng, groups=12, rows=5, targets=1)
            other, b, _ = clips(rng, groups=12, rows=5, targets=1)
            b = true + (b - other)
            below += statistics.paired(true, a, b, group, name).p < 0.1
        assert 4 <= below <= 29  # 15 expected, three standard deviations either side

    def test_a_better_method_is_found_and_a_correlation_has_the_other_sign(self):
        rng = np.random.default_rng(0)
        true, bad, group = clips(rng)
        good = true + 0.3 * (bad - true)
        error = statistics.paired(true, good, bad, group, "mae")
        ccc = statistics.paired(true, good, bad, group, "ccc")
        assert error.p <= 0.001
        assert error.low < error.difference < error.high < 0
        assert ccc.p <= 0.001
        assert ccc.low > 0

    def test_difference_is_that_of_the_scores(self):
        rng = np.random.default_rng(0)
        true, a, group = clips(rng)
        b = 0.5 * a
        for name in metrics.REGRESSION:
            score_a, score_b = (metrics.score(true, x, TARGETS, [name])[name, "all"] for x in (a, b))
            assert statistics.paired(true, a, b, group, name).difference == pytest.approx(score_a - score_b, abs=1e-12)

    def test_antisymmetric(self):
        true, a, group = clips(np.random.default_rng(0))
        ab = statistics.paired(true, a, 0.5 * a, group, "ccc")
        ba = statistics.paired(true, 0.5 * a, a, group, "ccc")
        assert ba == pytest.approx((-ab.difference, -ab.high, -ab.low, ab.p, ab.groups))

    def test_a_method_and_itself(self):
        true, a, group = clips(np.random.default_rng(0))
        for name in metrics.REGRESSION:
            found = statistics.paired(true, a, a, group, name)
            assert found.difference == found.low == found.high == 0
            assert found.p == 1

    def test_always_the_mean_against_a_method(self):
        # a constant prediction, whose variance is 0 until groups are swapped
        true, a, group = clips(np.random.default_rng(0))
        found = statistics.paired(true, np.zeros_like(true), a, group, "ccc")
        assert found.difference == pytest.approx(-metrics.score(true, a, TARGETS)["ccc", "all"])
        assert np.isfinite(found).all()

    def test_numbers_of_seeds_may_differ(self):
        true, a, group = clips(np.random.default_rng(0))
        b, c = 0.5 * a, 0.8 * a
        found = statistics.paired(true, [a, b, c], [b, c], group, "mae")
        score = [metrics.score(true, x, TARGETS)["mae", "all"] for x in (a, b, c)]
        assert found.difference == pytest.approx(np.mean(score) - np.mean(score[1:]))

    def test_classes(self):
        rng = np.random.default_rng(0)
        true = rng.choice(["a", "b", "c"], 90)
        good = np.where(rng.random(90) < 0.9, true, "a")
        found = statistics.paired(true, good, np.full(90, "a"), np.repeat(np.arange(30), 3).astype(str), "uar")
        assert found.difference == pytest.approx(metrics.uar(true, good) - 1 / 3)
        assert found.p < 0.01


class TestHolm:
    def test_known_numbers(self):
        assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_never_above_one_and_a_comparison_not_made_does_not_count(self):
        found = statistics.holm([0.6, math.nan, 0.02, 0.7])
        assert found[[0, 2, 3]] == pytest.approx([1, 0.06, 1])
        assert math.isnan(found[1])
        assert len(statistics.holm([])) == 0

    @steady
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_between_none_and_bonferroni_and_in_the_order_of_p(self, p):
        found = statistics.holm(p)
        assert (found >= p).all()
        assert (found <= np.minimum(1, len(p) * np.array(p)) + 1e-15).all()
        assert (np.diff(found[np.argsort(p, kind="stable")]) >= 0).all()

    @settings(steady, max_examples=25)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
    def test_is_the_closed_test_of_bonferroni(self, p):
        # a hypothesis' adjusted p is the largest Bonferroni p of all intersections that hold it
        for i, found in enumerate(statistics.holm(p)):
            others = [j for j in range(len(p)) if j != i]
            sets = [(i, *s) for k in range(len(p)) for s in itertools.combinations(others, k)]
            assert found == pytest.approx(max(min(1, len(s) * min(p[j] for j in s)) for s in sets))

    def test_what_is_no_p(self):
        with pytest.raises(ValueError, match="between 0 and 1"):
            statistics.holm([0.1, 1.2])


class TestTies:
    def test_who_cannot_be_told_from_the_best_of_a_rank_shares_it(self):
        p = {("a", "b"): 0.4, ("c", "a"): 0.01, ("c", "d"): 0.2, ("a", "d"): 0.01, ("c", "e"): 0.001}
        assert statistics.ties(["a", "b", "c", "d", "e"], p) == {"a": 1, "b": 1, "c": 3, "d": 3, "e": 5}

    def test_alpha_and_what_was_not_compared(self):
        assert statistics.ties(["a", "b"], {("a", "b"): 0.04}) == {"a": 1, "b": 2}
        assert statistics.ties(["a", "b"], {("a", "b"): 0.04}, alpha=0.01) == {"a": 1, "b": 1}
        assert statistics.ties(["a", "b"], {("a", "b"): math.nan}) == {"a": 1, "b": 1}
        assert statistics.ties([], {}) == {}

    def test_a_pair_that_is_missing(self):
        with pytest.raises(KeyError):
            statistics.ties(["a", "b"], {})


class TestMeanSd:
    def test_sd_divides_by_n_less_one_and_one_seed_has_none(self):
        assert statistics.mean_sd([1.0, 2.0, 3.0]) == (2.0, 1.0, 3)
        assert statistics.mean_sd([0.5]) == (0.5, None, 1)
        with pytest.raises(ValueError, match="one score or more"):
            statistics.mean_sd([])
