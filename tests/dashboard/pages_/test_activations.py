import pytest

from tests import fake_meshes

NAMES = [spec.name for spec in fake_meshes.STUDIES]


@pytest.fixture
def shown(visit, meshes, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(meshes))

    def show(**query):
        app = visit("activations", **query)
        assert not app.exception
        assert not app.error
        return app

    return show


@pytest.mark.parametrize(
    ("look", "figures"),
    [
        ("Faces", 4),  # a face and its classes for each
        ("By region", 1),
        ("Overlap", 2),
        ("Against the truth", 1),
        ("Distances", 2),
        ("Eigenvectors", 1),
    ],
)
def test_every_view_opens_from_its_address(shown, look, figures):
    query = {"models": [NAMES[1], NAMES[2]], "look": look}
    app = shown(**query)
    assert len(app.get("plotly_chart")) == figures
    assert "SYNTHETIC data" in " ".join(mark.value for mark in app.markdown)
    asked = dict(app.query_params)
    assert asked["models"] == query["models"]
    assert dict(shown(**asked).query_params) == asked


def test_the_class_and_the_kind_of_map_stand_in_the_address(shown):
    app = shown(models=NAMES[0], **{"class": "happy", "map": "Integrated gradients of the class"})
    assert [box.value for box in app.selectbox] == ["happy", "gradient"]
    assert "happy" in app.markdown[1].value


def test_a_model_without_a_kind_of_map_is_named(shown):
    app = shown(models=[NAMES[0], NAMES[-1]])
    assert any("Without this kind of map" in caption.value for caption in app.caption)


def test_real_data_has_no_truth_to_be_held_against(shown):
    app = shown(models=fake_meshes.REAL[0].name)
    assert not app.toggle
    assert "Against the truth" not in app.get("button_group")[0].options


def test_many_models_stay_within_what_a_browser_draws(shown):
    app = shown(models=[*NAMES, *(spec.name for spec in fake_meshes.REAL)])
    turning = [chart for chart in app.get("plotly_chart") if "mesh3d" in chart.proto.spec]
    assert len(turning) <= 6
    assert any("no more turning faces" in caption.value for caption in app.caption)
