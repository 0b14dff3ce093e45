from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dashboard.figures import circumplex
from dashboard.figures.circumplex import PRED, TRUE, Cloud
from tests import fake_faces

AXES = ("valence", "arousal")


def cloud(true: np.ndarray, pred: np.ndarray, label: list[str] | None = None) -> Cloud:
    names = [f"s{i}" for i in range(len(true))]
    table = pd.DataFrame({"sample": names, "group": "g", "part": "test", "label": label or [""] * len(true)})
    for side, points in (("true", true), ("pred", pred)):
        table[[f"{side}_{axis}" for axis in AXES]] = points
    return circumplex.cloud(table, AXES, "test")


def spread(n: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.7, 0.7, (n, 2))


def test_a_circumplex_needs_arousal_and_valence_or_pleasure():
    assert circumplex.axes_of(["pleasure", "arousal", "dominance"]) == ("pleasure", "arousal")
    assert circumplex.axes_of(["arousal", "valence"]) == ("valence", "arousal")
    assert circumplex.axes_of(["arousal", "emotion"]) is None


def test_predictions_that_go_half_the_way_reach_a_half_and_their_arrows_point_to_neutral():
    true = spread()
    of = cloud(true, true / 2)
    assert circumplex.shrinkage(of) == pytest.approx(0.5)
    field = circumplex.regions(of)
    assert field["n"].sum() == len(true)
    assert np.allclose(field["pred_valence"], field["true_valence"] / 2)
    arrows = circumplex.draw_regions(of).layout.annotations
    assert len(arrows) == len(field)
    assert all(math.hypot(a.x, a.y) < math.hypot(a.ax, a.ay) for a in arrows)
    assert {a.arrowcolor for a in arrows} == {circumplex.theme.ACCENT}


def test_an_ellipse_has_the_mean_and_deviations_of_its_emotion_on_each_side():
    true = spread()
    of = cloud(true, true + np.array([0.1, -0.2]), ["happy"] * 30 + ["sad"] * 28 + ["rare"] * 2)
    annotated, predicted = circumplex.ellipses(of, TRUE), circumplex.ellipses(of, PRED)
    assert set(annotated) == {"happy", "sad"}  # two samples make no ellipse
    assert annotated["happy"].centre == pytest.approx(true[:30].mean(axis=0))
    assert annotated["happy"].axes == pytest.approx(true[:30].std(axis=0))
    assert predicted["sad"].centre - annotated["sad"].centre == pytest.approx([0.1, -0.2])
    table = circumplex.by_emotion(of)
    assert table["distance"].tolist() == pytest.approx([math.hypot(0.1, 0.2)] * 2)


def test_names_stand_in_the_same_place_beside_truth_and_prediction_and_never_on_each_other():
    true = np.repeat([[0.5, 0.5], [0.5, 0.52], [0.52, 0.5], [-0.5, -0.1]], 3, axis=0)
    of = cloud(true, true * 0.1, [name for name in "abcd" for _ in range(3)])
    places = [[(a.text, a.x, a.y) for a in circumplex.draw(of, side).layout.annotations] for side in (TRUE, PRED)]
    assert places[0] == places[1]
    at = [(x, y) for _, x, y in places[0]]
    assert min(math.dist(a, b) for i, a in enumerate(at) for b in at[:i]) > 0.25
    assert all(math.hypot(*one) == pytest.approx(circumplex.NAME_AT) for one in at)


def test_a_name_from_the_store_is_drawn_letter_by_letter():
    of = cloud(np.full((3, 2), 0.2), np.full((3, 2), 0.1), ["<b>x</b>%{y}"] * 3)
    said = circumplex.draw(of, TRUE).to_json()
    assert "<b>x" not in said
    assert "%{y}" not in circumplex.draw(of, TRUE).layout.annotations[0].text


def test_the_plane_reaches_as_far_as_what_is_drawn():
    of = cloud(np.full((3, 2), 0.2), np.full((3, 2), 4.0))
    assert circumplex.draw(of, TRUE).layout.yaxis.range[1] == circumplex.REACH[1]
    assert circumplex.draw(of, PRED).layout.yaxis.range[1] > 4


@pytest.mark.parametrize("reading", ["principal", "mean", "probe"])
def test_codes_that_are_the_annotation_are_read_as_it(reading):
    true = spread(80)
    sample = [f"s{i}" for i in range(80)]
    part = ["train"] * 50 + ["test"] * 30
    table = pd.DataFrame({"sample": sample, "group": "g", "part": part})
    table[["true_valence", "true_arousal"]] = true
    table[["pred_valence", "pred_arousal"]] = 0.0
    sign = -1 if reading == "principal" else 1  # a principal direction has no sign of its own: train labels give it
    codes = [pd.DataFrame({"d0": sign * true[:, i], "d1": sign * true[:, i]}) for i in (0, 1)]
    frames = [f.assign(sample=sample, part=part, code=c) for f, c in zip(codes, ("z_v", "z_a"), strict=True)]
    wide = pd.DataFrame({"sample": sample, "part": part, "code": "other", "d0": 1.0, "d1": 1.0, "d2": 1.0})
    of = circumplex.cloud(table, AXES, "test")
    read = circumplex.read(of, table, pd.concat([*frames, wide]), reading)
    assert read.side(PRED) == pytest.approx(true[50:], abs=1e-9)
    assert read.table["error"].max() == pytest.approx(0, abs=1e-9)
    assert of.side(PRED).max() == 0  # what was given is as it was


def test_codes_without_train_rows_are_refused():
    table = pd.DataFrame({"sample": ["a"], "part": ["test"], "code": ["z_v"], "d0": [1.0]})
    of = cloud(spread(3), spread(3))
    assert not circumplex.readable(table)
    with pytest.raises(ValueError, match="z_v and z_a"):
        circumplex.read(of, of.table, table, "probe")


def test_a_regularised_method_agrees_better_than_a_vanilla_one():
    from tests import fake_results as made

    clouds = {}
    for spec in fake_faces.STUDIES:
        table = made.prediction_table(spec, made.predict(spec, 1))
        clouds[spec.method] = circumplex.cloud(table, AXES, "test")
    vanilla, regularised = circumplex.agreement(clouds).to_dict("records")
    assert regularised["CCC, valence"] > vanilla["CCC, valence"]
    assert regularised["mean distance"] < vanilla["mean distance"]
    assert circumplex.same_truth(*clouds.values())
