from __future__ import annotations

import pandas as pd
import pytest

from dashboard.results import objective

WEIGHTS = '{"all":0.25,"picture":1}'


def run(**tags: object) -> pd.Series:
    return pd.Series({"objective": "mse", "direction": "minimize", "targets": '["valence","arousal"]'} | tags)


def test_an_old_record_optimises_its_metric_over_all_targets():
    old = run(objective="mae")
    assert objective.objectives(old) == ["val/mae/all"]
    assert objective.metric(old) == "val/mae/all"
    assert objective.words(old) == ""


def test_a_tag_that_is_broken_is_passed_over():
    assert objective.objectives(run(objectives="[3")) == ["val/mse/all"]
    assert objective.objectives(run(objectives='["anything"]')) == ["val/mse/all"]
    assert objective.weights(run(weights='["a"]')) == {}


def test_weights_are_said_in_words():
    weighed = run(objectives='["val/mse/weighed"]', weights=WEIGHTS)
    both = "0.25 × MSE of valence, arousal (mean) + 1 × MSE of the reconstructed image"
    assert objective.words(weighed) == f"The search minimises {both}, on validation."
    alone = run(objectives='["val/mse/picture"]', weights='{"picture":1}')
    assert objective.words(alone) == "The search minimises MSE of the reconstructed image, on validation."


def test_what_a_sum_weighs_is_named():
    weighed = run(objectives='["val/mse/weighed"]', weights=WEIGHTS)
    assert objective.parts(weighed) == ["val/mse/all", "val/mse/picture"]
    assert objective.parts(run(objectives='["val/mse/picture"]', weights='{"picture":1}')) == []
    assert objective.parts(run()) == []


def test_two_objectives_are_one_number_by_their_weights_and_the_words_say_who_wins():
    two = run(objectives='["val/mse/picture","val/mse/all"]', weights=WEIGHTS)
    assert objective.metric(two) == "val/mse/weighed"
    said = objective.words(two)
    assert "two figures" in said
    assert "smallest sum of ranks" in said
    assert "0.25 × MSE of valence, arousal (mean)" in said


@pytest.mark.parametrize(
    ("full", "called"),
    [
        ("val/mse/all", "MSE on validation"),
        ("val/mse/picture", "MSE, reconstructed image, on validation"),
        ("test/f1/rotated", "Macro F1, under random rotations, on test"),
        ("cost/seconds", "seconds to fit"),
        ("val/<b>/all", "objective on validation"),
    ],
)
def test_a_metric_is_called_by_what_it_measures(full, called):
    assert objective.label(full) == called


def test_the_same_figure_is_found_on_another_part():
    assert objective.on("test", "val/mse/picture") == "test/mse/picture"
