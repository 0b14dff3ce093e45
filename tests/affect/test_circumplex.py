"""Ellipses: draws fill them uniformly and never leave them; angles, radii and the field of errors by known points."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from affect import circumplex
from affect.circumplex import ELLIPSES, Ellipse

OVER_THE_EDGE = Ellipse("delight", 0.9, 0.7, 0.3, 0.4)


def radius_and_angle(ellipse: Ellipse, va: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In units of the semi-axes: an ellipse is then the unit disc."""
    off = (va - ellipse.centre) / ellipse.axes
    return np.hypot(*off.T), np.arctan2(off[:, 1], off[:, 0])


@pytest.mark.parametrize("ellipse", ELLIPSES.values(), ids=lambda one: one.emotion)
def test_draws_fill_the_ellipse_uniformly_and_never_leave_it(ellipse):
    va = circumplex.draw(ellipse, 20_000, np.random.default_rng(1))
    radius, angle = radius_and_angle(ellipse, va)
    assert circumplex.contains(ellipse, va).all()
    assert np.abs(va).max() <= 1
    # uniform on a disc: the squared radius and the angle are uniform, and independent
    assert stats.kstest(radius**2, "uniform").pvalue > 1e-3
    assert stats.kstest(angle / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3
    cells = np.histogram2d(radius**2, angle, bins=(5, 8), range=((0, 1), (-np.pi, np.pi)))[0]
    assert stats.chisquare(cells.ravel()).pvalue > 1e-3


def test_a_draw_that_crowds_the_centre_would_be_noticed():
    """The mistake that the test above is there for: a radius drawn uniformly."""
    rng = np.random.default_rng(1)
    assert stats.kstest(rng.random(20_000) ** 2, "uniform").pvalue < 1e-3


def test_draws_over_the_edge_of_the_square_are_uniform_on_what_is_left():
    va = circumplex.draw(OVER_THE_EDGE, 20_000, np.random.default_rng(2))
    assert circumplex.contains(OVER_THE_EDGE, va).all()
    assert np.abs(va).max() < 1, "nothing is piled on the edge"
    # a rectangle that lies in both, cut into equal cells
    inside = va[(np.abs(va[:, 0] - 0.9) < 0.1) & (np.abs(va[:, 1] - 0.7) < 0.2)]
    cells = np.histogram2d(*inside.T, bins=(4, 4), range=((0.8, 1.0), (0.5, 0.9)))[0]
    assert stats.chisquare(cells.ravel()).pvalue > 1e-3


def test_discrete_draws_are_whole_uniform_and_inside():
    for ellipse in ELLIPSES.values():
        drawn = circumplex.draw_discrete(ellipse, 6_000, np.random.default_rng(3))
        assert drawn.dtype == np.int64
        assert circumplex.contains(ellipse, drawn / 10).all()
        places, counts = np.unique(drawn, axis=0, return_counts=True)
        assert np.array_equal(places, circumplex.whole(ellipse)), "each whole place inside is drawn"
        assert stats.chisquare(counts).pvalue > 1e-3


def test_an_ellipse_outside_the_square_has_no_draws():
    with pytest.raises(ValueError, match="centre in"):
        circumplex.draw(Ellipse("x", 1.2, 0.0, 0.1, 0.1), 1, np.random.default_rng(0))


def test_the_same_seed_draws_the_same():
    one, same, other = (circumplex.draw(ELLIPSES["fear"], 5, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert circumplex.draw(ELLIPSES["fear"], 0, np.random.default_rng(4)).shape == (0, 2)


def test_whole_places_of_a_known_ellipse():
    assert circumplex.whole(Ellipse("x", 0.5, 0.0, 0.1, 0.1)).tolist() == [[4, 0], [5, -1], [5, 0], [5, 1], [6, 0]]
    with pytest.raises(ValueError, match=r"ellipse of x.*no whole number"):
        circumplex.draw_discrete(Ellipse("x", 0.55, 0.0, 0.01, 0.01), 1, np.random.default_rng(0))


def test_a_single_annotated_image_is_an_ellipse_of_one_point():
    point = circumplex.ellipses_of([[0.3, -0.2]], ["calm"])["calm"]
    assert np.allclose(circumplex.draw(point, 3, np.random.default_rng(0)), [[0.3, -0.2]] * 3)
    assert circumplex.contains(point, [[0.3, -0.2], [0.3, -0.21]]).tolist() == [True, False]
    assert circumplex.draw_discrete(point, 2, np.random.default_rng(0)).tolist() == [[3, -2], [3, -2]]


def test_ellipses_of_an_annotated_set_are_means_and_standard_deviations():
    va = [[0.0, 0.2], [0.4, 0.6], [-0.5, 0.1]]
    found = circumplex.ellipses_of(va, ["Happy", "happiness", "SAD"])
    assert [*found] == ["happiness", "sadness"]
    assert np.allclose(found["happiness"][1:], (0.2, 0.4, 0.2, 0.2))
    assert np.allclose(found["sadness"][1:], (-0.5, 0.1, 0, 0))
    with pytest.raises(ValueError, match="label for each"):
        circumplex.ellipses_of(va, ["happy"])


def test_the_default_table_has_the_basic_emotions_and_stays_in_the_square():
    basic = {"anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"}
    assert basic <= {*ELLIPSES}
    assert {*circumplex.SPELLINGS.values()} <= {*ELLIPSES}
    for emotion, ellipse in ELLIPSES.items():
        assert emotion == ellipse.emotion == circumplex.name(emotion)
        assert (np.abs(circumplex.outline(ellipse)) <= 1 + 1e-9).all()


@pytest.mark.parametrize("spelling", ["happiness", "Happy", " JOY ", "HAPPINESS"])
def test_an_emotion_is_found_in_any_spelling(spelling):
    assert circumplex.find(spelling) is ELLIPSES["happiness"]
    assert circumplex.find(spelling, {"happy": OVER_THE_EDGE}) is OVER_THE_EDGE


def test_an_unknown_emotion_is_refused_with_the_nearest():
    with pytest.raises(LookupError, match="'happyness'; nearest: happiness"):
        circumplex.find("happyness")
    with pytest.raises(LookupError, match="'zeal'; there are anger, boredom"):
        circumplex.find("zeal")


@pytest.mark.parametrize("discrete", [False, True])
def test_transfer_draws_for_each_emotion_by_itself(discrete):
    label = ["happy", "FEAR", "happiness", "sad"] * 50
    va = circumplex.transfer(label, seed=7, discrete=discrete)
    for i, emotion in enumerate(("happiness", "fear", "happiness", "sadness")):
        assert circumplex.contains(ELLIPSES[emotion], va[i::4]).all()
    without = [emotion for emotion in label if emotion != "FEAR"]
    kept = np.array(label) != "FEAR"
    assert np.array_equal(circumplex.transfer(without, seed=7, discrete=discrete), va[kept])
    assert not np.array_equal(circumplex.transfer(label, seed=8, discrete=discrete), va)
    if discrete:
        assert np.array_equal(np.round(va * 10), va * 10)
    with pytest.raises(LookupError, match="nearest: sadness"):
        circumplex.transfer(["saddness"], discrete=discrete)


def test_angle_and_radius_of_known_points():
    angle, radius = circumplex.polar([[1, 0], [0, 0.5], [-0.3, 0], [0, -1], [1, -1], [0, 0], [1, -1e-300]])
    assert np.allclose(angle, [0, 90, 180, 270, 315, 0, 0])
    assert np.allclose(radius, [1, 0.5, 0.3, 1, circumplex.CORNER, 0, 1])


def test_the_error_field_is_an_arrow_per_region():
    true = [[0.8, 0.01], [0.9, 0.01], [-0.5, 0.01], [0.1, 0.1], [-0.1, -0.1]]
    pred = [[0.4, 0.0], [0.5, 0.0], [-0.5, 0.01], [0.0, 0.0], [0.0, 0.0]]
    field = circumplex.error_field(true, pred, sectors=4)
    assert field["n"].tolist() == [2, 1, 2], "the middle is one cell, then the first ring's, then the second's"
    middle, left, right = field.to_dict("records")
    assert (middle["angle_from"], middle["angle_to"], middle["radius_from"]) == (0, 360, 0)
    assert (left["angle_from"], left["angle_to"], left["error"]) == (90, 180, 0)
    assert (right["angle_from"], right["radius_to"]) == (0, circumplex.CORNER)
    assert [right[f"true_{axis}"] for axis in circumplex.AXES] == pytest.approx([0.85, 0.01])
    assert [right[f"pred_{axis}"] for axis in circumplex.AXES] == pytest.approx([0.45, 0.0])
    assert right["error"] == pytest.approx(np.hypot(0.4, 0.01))


def test_every_point_is_in_one_cell_of_the_field():
    rng = np.random.default_rng(0)
    true, pred = rng.uniform(-1, 1, (2, 500, 2))
    field = circumplex.error_field(true, pred)
    assert field["n"].sum() == 500
    assert np.average(field["error"], weights=field["n"]) == pytest.approx(np.hypot(*(pred - true).T).mean())
    assert circumplex.error_field(np.empty((0, 2)), np.empty((0, 2))).empty
    with pytest.raises(ValueError, match="as many predictions"):
        circumplex.error_field(true, pred[:3])
