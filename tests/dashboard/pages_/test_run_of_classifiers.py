"""Pages older than classifiers, with a classifier's runs: classes for numbers, the majority for the mean."""

import pytest

from dashboard import share
from dashboard.store import Source, Store
from tests import fake_meshes, fake_store

REAL = fake_meshes.REAL[1]
PROTOCOL = "ckplus · by person · emotion"
STUDY = fake_store.ids("study", REAL.name, 0)


@pytest.fixture
def shown(visit, meshes, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(meshes))

    def show(page, **query):
        app = visit(page, **query)
        assert not app.exception
        assert not app.error
        assert not app.warning
        return app

    return show


def said(app):
    """Return all captions and texts as a reader sees them."""
    return "\n".join(e.value for e in [*app.markdown, *app.caption]).replace("\\", "").replace("\u2060", "")


def test_the_card_says_the_majority_and_what_was_published_upright_and_rotated(shown):
    app = shown("run", run=STUDY)
    assert [mark.label for mark in app.metric] == ["test Macro F1", "always the most frequent class", "published"]
    assert app.metric[2].value == "0.7096"
    assert "under random rotations" in said(app)
    assert "published 0.7468" in said(app)


def test_the_first_figure_is_the_confusion(shown):
    app = shown("run", run=STUDY)
    assert "predicted class" in app.get("plotly_chart")[0].proto.spec


def test_the_tab_rotations_opens_from_its_address(shown):
    app = shown("run", run=STUDY, tab="rotations")
    table = app.dataframe[-1].value
    assert table["run"].tolist() == ["final run, seed 1", "final run, seed 2"]
    assert {"upright", "rotated", "± sd over draws"} <= set(table.columns)
    assert "degrees" in app.get("plotly_chart")[1].proto.spec


def test_mistakes_are_listed_the_surest_first(shown):
    app = shown("errors", runs=fake_meshes.STUDIES[1].name)
    table = app.dataframe[-1].value
    assert (table["truth"] != table["predicted"]).all()
    assert table["probability of it"].is_monotonic_decreasing
    assert (table["probability of it"] > table["probability of the truth"]).all()


def test_the_leaderboard_ranks_rotated_meshes_by_the_figure_beside_the_published(shown):
    app = shown("leaderboard", protocol=PROTOCOL, target="under random rotations")
    table = app.dataframe[0].value
    assert table["row is"].value_counts().to_dict() == {"published": 4, "measured": 2, "trivial": 1}
    assert "Ranked by the figure alone" in said(app)


def test_as_table_it_is_the_sources_two_tables(shown):
    app = shown("leaderboard", protocol=PROTOCOL, layout="as table")
    assert [part.value for part in app.subheader] == ["upright", "under random rotations"]
    upright, rotated = (frame.value.set_index("method") for frame in app.dataframe[:2])
    assert list(upright.columns) == ["hks · none", "hks · train", "xyz · none", "xyz · train"]
    assert upright.loc["dgcnn", "xyz · train"] == "(published 0.514)"
    assert rotated.loc["dgcnn", "xyz · none"].endswith("(published 0.072)")
    query = dict(app.query_params)
    assert (query["rows"], query["columns"], query["each"]) == ("method", "features × rotations", "target")
    assert dict(shown("leaderboard", **query).query_params) == query


def test_newest_results_stand_beside_the_majority(shown):
    newest = shown("overview").dataframe[0].value
    assert newest["trivial row"].notna().all()


def test_a_shared_run_has_its_confusion_and_its_rotations(meshes):
    text = share.runs(Store(Source(f"sqlite:///{meshes / 'mlflow.db'}", meshes)), [STUDY])
    assert "Confusion: emotion" in text
    assert "Under rotations" in text
