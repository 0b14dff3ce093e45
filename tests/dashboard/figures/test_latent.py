from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect import projections
from dashboard.figures import latent, theme
from tests import fake_faces, fake_results

SPEC = fake_faces.STUDIES[1]


@pytest.fixture(scope="module")
def predicted() -> pd.DataFrame:
    return fake_results.prediction_table(SPEC, fake_results.predict(SPEC, 1))


@pytest.fixture(scope="module")
def embedded() -> pd.DataFrame:
    return fake_faces.embeddings(SPEC, fake_results.predict(SPEC, 1))


@pytest.fixture(scope="module")
def plane(predicted, embedded) -> latent.Plane:
    kept = fake_results.projections(embedded, seed=3)
    found = latent.kept(kept, "z_v", "tsne", "run", "name")
    assert found is not None
    return latent.joined(found, latent.about(predicted, fake_faces.picture_errors(SPEC), "person"))


def at(x: list[float], y: list[float], samples: str = "abcdefgh", name: str = "run") -> latent.Plane:
    return latent.Plane(name, name, pd.DataFrame({"sample": list(samples[: len(x)]), "x": x, "y": y}), "pca")


def test_a_kept_projection_says_what_it_was_made_with(embedded):
    kept = fake_results.projections(embedded, seed=3)
    assert latent.codes(kept) == latent.codes(embedded) == ["z_v", "z_a", "z_z"]
    found = latent.kept(kept, "z_a", "umap", "run", "name")
    assert found is not None
    assert found.parameters == {"neighbours": 15, "min_dist": 0.1}
    assert found.seed == 3
    assert "UMAP, neighbours 15, least distance 0.1, seed 3 · 288 samples · trustworthiness 0." in found.caption()
    assert latent.kept(kept, "penultimate", "umap", "run", "name") is None


def test_codes_of_fewer_numbers_have_no_empty_columns():
    short = pd.DataFrame({"sample": ["a", "b"], "part": "test", "code": "short", "d0": [1.0, 2], "d1": [3.0, 4]})
    long = pd.DataFrame({"sample": ["a"], "part": "test", "code": "long", "d0": [1.0], "d1": [2.0], "d2": [3.0]})
    samples, values = latent.values(pd.concat([short, long]), "short")
    assert list(samples) == ["a", "b"]
    np.testing.assert_array_equal(values, [[1, 3], [2, 4]])


def test_runs_are_turned_onto_the_first_on_the_samples_that_all_have():
    first = replace(at([0, 2, 0, 2, 5], [0, 0, 1, 1, 5]), total=5)
    # the same picture, mirrored, twice as large, in another order and with another sample beside
    other = at([2, 0, 2, 0, 9], [0, 0, 4, 4, 9], samples="cadbx", name="other")
    a, b = latent.together([first, other])
    assert list(a.table["sample"]) == list(b.table["sample"]) == ["a", "b", "c", "d"]
    assert a.residual is None
    assert b.residual == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(b.points, a.points, atol=1e-5)
    assert "rotated and scaled to match the first plot" in b.caption()
    assert "4 of 5 samples drawn" in a.caption()
    strangers = latent.together([first, at([1, 2, 3], [1, 2, 3], samples="xyz")])
    assert [len(p.table) for p in strangers] == [5, 3]


def test_what_is_known_of_a_sample_stands_beside_its_dot(plane, predicted):
    row = plane.table.iloc[17]
    truth = predicted.set_index("sample").loc[row["sample"]]
    assert row["emotion"] == truth["label"]
    assert row["person"] == truth["group"]
    assert row["valence"] == truth["true_valence"]
    spans = {t: np.ptp(predicted[f"true_{t}"]) for t in ("valence", "arousal")}
    errors = [100 * abs(truth[f"pred_{t}"] - truth[f"true_{t}"]) / spans[t] for t in spans]
    assert row["error"] == pytest.approx(np.mean(errors))
    assert plane.table.loc[plane.table["part"] == "test", "picture error"].notna().all()
    named = latent.colourings([plane.table])
    assert named[:3] == ["emotion", "part", "person"]
    assert {"valence", "arousal", "error", "picture error"} <= set(named)


def test_a_classifiers_error_is_the_probability_it_did_not_give_to_the_truth():
    table = pd.DataFrame(
        {"sample": ["a", "b"], "part": "test", "group": "g", "true_emotion": ["joy", "fear"], "pred_emotion": "joy"}
    ).assign(prob_joy=[0.9, 0.7], prob_fear=[0.1, 0.3])
    known = latent.about(table)
    assert list(known["error"].round(6)) == [0.1, 0.7]
    assert list(known["emotion"]) == ["joy", "fear"]
    assert latent.about(None).empty


def test_dots_of_an_emotion_have_its_colour_and_carry_their_rows(plane):
    figure = latent.draw(plane, "emotion")
    assert [t.name for t in figure.data] == sorted(fake_faces.ANCHORS)
    happy = next(t for t in figure.data if t.name == "happiness")
    assert happy.marker.color == theme.colour("happiness")
    rows = np.asarray(happy.customdata)[:, 0].astype(int)
    assert set(plane.table["emotion"].iloc[rows]) == {"happiness"}
    np.testing.assert_array_equal(happy.x, plane.points[rows, 0])
    assert happy.x.dtype == np.float32
    sample = plane.table["sample"].iloc[rows[0]]
    assert happy.text[0].startswith(f"{sample}, ")
    assert "happiness" in happy.text[0]
    at = happy.hovertemplate.index("<br>valence: %{customdata[")
    column = int(happy.hovertemplate[at:].partition("[")[2].partition("]")[0])
    np.testing.assert_allclose(np.asarray(happy.customdata)[:, column], plane.table["valence"].iloc[rows], rtol=1e-6)


def test_of_27_features_a_dot_says_none():
    spec = fake_results.STUDIES[3]
    known = latent.about(fake_results.prediction_table(spec, fake_results.predict(spec, 1)))
    samples = list(known.index[:5])
    motion = latent.joined(at(list(range(5)), [0] * 5, samples), known)  # type: ignore[arg-type]
    said = latent.draw(motion, "emotion").data[0].hovertemplate
    assert "neck" not in said
    assert "error: " in said


def test_signed_numbers_have_grey_at_zero_and_many_groups_no_legend(plane):
    marker = latent.draw(plane, "valence").data[0].marker
    assert marker.cmin == -marker.cmax
    assert marker.colorbar.title.text == "valence"
    errors = latent.draw(plane, "error").data[0].marker
    assert errors.cmin >= 0
    people = latent.draw(plane, "person")
    assert len(people.data) == 1
    assert not people.layout.showlegend
    colours = dict(people.data[0].marker.colorscale)
    assert len(colours) == plane.table["person"].nunique()


def test_a_found_sample_is_ringed_and_an_area_outlined(plane):
    sample = plane.table["sample"].iloc[40]
    corners = np.array([[0.0, 0], [1, 0], [1, 1]])
    *_, ring, outline = latent.draw(plane, "part", sample, corners).data
    assert ring.customdata[0][0] == 40
    assert ring.marker.symbol == "circle-open"
    np.testing.assert_array_equal(outline.x, [0, 1, 1, 0])
    assert outline.mode == "lines"


def test_names_from_the_store_are_text_over_a_dot():
    odd = at([0, 1], [0, 1])
    odd.table["sample"] = ["<b>bold</b>", "%{x}"]
    text = latent.draw(odd, "part").data[0].text
    assert text[0].startswith("&lt;b&gt;bold")
    assert "%{" not in text[1]
    odd.table["<b>target</b>"] = [0.1, 0.2]
    assert latent.draw(odd, "<b>target</b>").data[0].marker.colorbar.title.text == "&lt;b&gt;target&lt;/b&gt;"


def test_a_value_that_is_not_finite_does_not_end_the_colour_scale():
    plane = at([0, 1, 2, 3], [0, 1, 2, 3])
    plane.table["error"] = [1.0, 3.0, np.inf, np.nan]
    marker = latent.draw(plane, "error").data[0].marker
    assert (marker.cmin, marker.cmax) == (1, 3)


def test_what_lies_inside_an_outline_is_found_also_in_its_bays():
    horseshoe = np.array([[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3]], float)
    points = np.array([[0.5, 2], [1.5, 2], [2.5, 2], [1.5, 0.5], [4, 0.5], [-1, 1]])
    assert list(latent.inside(points, horseshoe)) == [True, False, True, True, False, False]


def test_an_outline_comes_back_from_the_address():
    angles = np.linspace(0, 2 * math.pi, 200, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)]) * 30
    found = latent.read_area(latent.write_area(2, circle))
    assert found is not None
    place, corners = found
    assert place == 2
    assert 20 <= len(corners) <= latent.CORNERS
    np.testing.assert_allclose(np.hypot(*corners.T), 30, rtol=1e-3)
    for nothing in (
        "",
        "1",
        "1~2",
        "x~1,2~3,4~5,6",
        "0~1,2~3,4",
        "0~1,2~3,nan~5,6",
        "0~1,2,3~4,5,6~7,8,9",
        "-1~1,2~3,4~5,6",
    ):
        assert latent.read_area(nothing) is None


def test_a_sample_is_meant_by_its_name_or_a_part_of_it():
    samples = pd.Series(["person1/a.png", "person10/a.png", "person1/b.png"])
    assert latent.matching(samples, "person1/b.png") == ["person1/b.png"]
    assert latent.matching(samples, "PERSON1/") == ["person1/a.png", "person1/b.png"]
    assert latent.matching(samples, "  ") == latent.matching(samples, "(") == []


def test_neighbours_are_those_of_the_code_and_not_of_the_picture(embedded, predicted):
    sample = predicted["sample"].iloc[5]
    near = latent.neighbours(embedded, "z_a", sample, latent.about(predicted))
    _, code = latent.values(embedded, "z_a")
    distance = np.linalg.norm(code - code[5], axis=1)
    assert list(near["sample"]) == list(predicted["sample"].iloc[np.argsort(distance)[1:11]])
    assert near["distance"].is_monotonic_increasing
    assert near["emotion"].notna().all()
    assert latent.neighbours(embedded, "z_a", "nobody", latent.about(predicted)).empty


def test_only_the_samples_of_what_was_kept_are_projected_anew(monkeypatch):
    samples = pd.Series(list("abcdef"))
    assert list(latent.to_project(samples, pd.Series(["b", "e"]))) == [1, 4]
    monkeypatch.setattr(latent, "MOST", 3)
    assert list(latent.to_project(samples, None)) == [0, 2, 4]


def test_a_page_offers_the_default_of_every_parameter():
    for parameters in projections.ALGORITHMS.values():
        for name, default in parameters.items():
            assert default in latent.OFFERED[name]
            assert name in latent.PARAMETERS
    assert set(latent.ALGORITHMS) == set(projections.ALGORITHMS)
