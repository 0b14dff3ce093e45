from __future__ import annotations

from tests.dashboard.run_table import protocol, study


def test_metrics_and_targets_come_in_a_readers_order():
    scores = {"test/ccc/a": 0.1, "test/ccc/p": 0.2, "test/rmse/p": 0.3, "test.sd/sagr/p": 1, "val/mse/p": 1}
    of = protocol(study("a", 0.4, **scores))
    assert of.metric_names == ["mae", "rmse", "ccc"]
    assert of.targets == ["all", "p", "a"]


def test_a_metric_is_offered_for_the_targets_that_have_it_alone():
    of = protocol(study("a", 0.4, **{"test/ccc/all": 0.5, "test/mae/picture": 0.05, "test/mae/weighed": 1.0}))
    assert of.targets == ["all", "picture"], "methods weight differently: a weighted sum is compared with nothing"
    assert of.targets_of("mae") == ["all", "picture"]
    assert of.targets_of("ccc") == ["all"]


def test_the_only_target_is_the_mean_over_all():
    of = protocol(study("a", 0.4, targets='["emotion"]', **{"test/f1/all": 0.5, "test/f1/emotion": 0.5}))
    assert of.different(of.targets_of("f1")) == ["all"]


def test_scores_of_images_and_targets_are_of_each_sample_but_rotated_meshes_are_not():
    of = protocol(study("a", 0.4))
    assert [of.from_predictions(t) for t in ("all", "p", "picture", "rotated")] == [True, True, True, False]


def test_the_objective_is_the_newest_studys():
    assert protocol(study("a", 0.4), study("b", objective="ccc", hours=1)).objective == "ccc"
    assert protocol(study("a", 0.4), study("b", objective=None, hours=1)).objective == "mae"
