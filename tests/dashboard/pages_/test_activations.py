from __future__ import annotations

import pytest

from tests import fake_meshes
from tests.dashboard.looking import look, offered

NAMES = [spec.name for spec in fake_meshes.STUDIES]


@pytest.mark.parametrize(
    ("view", "figures"),
    [
        ("Faces", 4),  # a face and its classes for each
        ("By region", 1),
        ("Overlap", 2),
        ("Against the truth", 1),
        ("Distances", 2),
        ("Eigenvectors", 1),
    ],
)
def test_every_view_shows_both_models(meshes, view, figures):
    shown = look(meshes, "activations", NAMES[1], NAMES[2], view=view)
    assert len(shown.figures) == figures
    assert not shown.messages("error", "warning")


def test_the_class_and_the_kind_of_map_are_those_that_were_chosen(meshes):
    shown = look(meshes, "activations", NAMES[0], **{"class": "happy", "map": "gradient"})
    assert f"{NAMES[0]}: happy" in shown.headings


def test_two_models_open_on_a_map_that_both_have(meshes):
    shown = look(meshes, "activations", NAMES[0], NAMES[-1])
    assert sum("every class" in heading.lower() for heading in shown.headings) == 3  # a heading, and one a model
    assert not shown.messages("info")


def test_a_model_without_a_kind_of_map_is_named(meshes):
    kinds = ("gradient", "pca")
    said = [look(meshes, "activations", NAMES[0], NAMES[-1], map=kind).messages("info") for kind in kinds]
    lost = [text for texts in said for text in texts if "no map of the kind" in text]
    assert len(lost) == 1
    assert NAMES[0] in lost[0] or NAMES[-1] in lost[0]


def test_real_data_has_no_truth_to_be_held_against(meshes):
    real = fake_meshes.REAL[0].name
    assert "Against the truth" not in offered(meshes, "activations", real)
    assert "moving" not in look(meshes, "activations", real).ask.asked


def test_many_models_stay_within_what_a_browser_draws(meshes):
    shown = look(meshes, "activations", *NAMES, *(spec.name for spec in fake_meshes.REAL))
    turning = [figure for figure in shown.figures if any(trace["type"] == "mesh3d" for trace in figure["data"])]
    assert 0 < len(turning) <= 6
    assert any("no more turning faces" in text for text in shown.messages("info"))
