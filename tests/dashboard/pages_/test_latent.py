from __future__ import annotations

import json
import shutil

import pytest

from affect.record import Artifact
from dashboard import projecting
from dashboard.figures import latent
from dashboard.store import Store, locate
from tests import fake_faces, fake_store
from tests.dashboard.conftest import FEW

VANILLA, REGULARISED = (spec.name for spec in fake_faces.STUDIES)
PICTURED = "person40/0.png"


@pytest.fixture
def stored(faces, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(faces))


def words(page) -> str:
    kinds = (page.title, page.header, page.caption, page.markdown, page.info, page.warning, page.error)
    return "\n".join(str(element.value).replace("\\", "") for kind in kinds for element in kind)


def charts(page) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def traces(page, number: int = 0) -> list[str]:
    return [trace.get("name", "") for trace in charts(page)[number]["data"]]


def signature(study: str, code: str, algorithm: str) -> str:
    """Return what an outline in the address begins with: it belongs to one picture of one run."""
    opened = Store(locate())
    runs = opened.runs().wide()
    run_id = str(runs.index[(runs["study"] == study) & (runs["kind"] == "final")][0])
    plane = latent.kept(opened.table(run_id, Artifact.PROJECTIONS), code, algorithm, run_id, study)
    assert plane is not None
    return latent.signature(code, [plane])


def short(study: str) -> str:
    """Return the letters by which an address names a study."""
    runs = Store(locate()).runs().wide()
    return str(runs.index[(runs["study"] == study) & (runs["kind"] == "study")][0])[:8]


def test_a_store_without_codes_says_which_command_fills_the_page(visit, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(fake_store.build(tmp_path / "no_codes", FEW[:1], trials=2, finals=1)))
    page = visit("latent")
    assert not page.exception
    assert page.code[0].value.startswith("source .venv/bin/activate\npython -m training study faces/")


@pytest.mark.usefixtures("stored")
def test_runs_stand_side_by_side_on_the_same_samples(visit):
    page = visit("latent", spaces=[VANILLA, REGULARISED], code="z_v")
    assert not page.exception
    assert not page.error
    first, second = charts(page)
    assert first["data"][0]["type"] == "scattergl"
    tables = [d.value for d in page.dataframe]
    assert list(tables[0]["sample"]) == list(tables[1]["sample"])
    said = words(page)
    assert "SYNTHETIC" in said
    assert said.count("trustworthiness 0.") == 2
    assert "(Procrustes)" in said
    assert traces(page) == sorted(fake_faces.ANCHORS)
    assert len(second["data"]) == len(first["data"])


@pytest.mark.usefixtures("stored")
def test_the_address_is_the_whole_view(visit):
    asked = {"runs": short(REGULARISED), "code": "z_a", "projection": "UMAP", "colour": "arousal", "find": PICTURED}
    page = visit("latent", **asked)
    assert not page.exception
    assert {key: value[0] if isinstance(value, list) else value for key, value in page.query_params.items()} == asked
    assert "UMAP, neighbours 15" in words(page)
    data = charts(page)[0]["data"]
    assert data[0]["marker"]["colorbar"]["title"]["text"] == "arousal"
    assert data[-1]["name"] == "found"
    again = visit("latent", **asked)
    assert charts(again) == charts(page)


@pytest.mark.usefixtures("stored")
def test_another_perplexity_shows_pca_at_once_and_then_what_was_asked_for(visit):
    asked = {"spaces": [REGULARISED], "code": "z_v", "perplexity": "5", "draw": "2"}
    page = visit("latent", **asked)
    assert not page.exception
    if page.get("progress"):  # else it was there already
        assert "PCA · 288 samples" in words(page)
        for job in projecting.jobs()._jobs.values():
            job.future.result(60)
    page = visit("latent", **asked)
    assert not page.get("progress")
    assert "t-SNE, perplexity 5, seed 2 · 288 samples" in words(page)


@pytest.mark.usefixtures("stored")
def test_a_found_sample_shows_its_picture_and_its_neighbours_in_each_run(visit):
    page = visit("latent", spaces=[VANILLA, REGULARISED], find="person40/0")
    assert PICTURED in [header.value.replace("\\", "") for header in page.header]
    near = [d.value for d in page.dataframe if "distance" in d.value and "part" not in list(d.value)[1:2]]
    assert len(near) == 2
    assert all(len(table) == 10 and PICTURED not in set(table["sample"]) for table in near)
    assert len(page.get("image")) == 6  # real and reconstructed, of each run; and two neighbours in the inputs
    assert "None of these samples has nobody" in words(visit("latent", spaces=[VANILLA], find="nobody"))


def test_peoples_pictures_are_shown_only_where_the_server_allows_it(faces, tmp_path, monkeypatch, visit):
    import sqlite3

    folder = shutil.copytree(faces, tmp_path / "people")
    with sqlite3.connect(folder / "mlflow.db") as store:
        store.execute("UPDATE tags SET value = 'false' WHERE key = 'affectory.synthetic'")
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    page = visit("latent", spaces=[REGULARISED], find=PICTURED)
    assert "REAL data" in words(page)
    assert not page.get("image")
    assert "AFFECTORY_SHOW_FACES=1" in words(page)
    monkeypatch.setenv("AFFECTORY_SHOW_FACES", "1")
    assert len(visit("latent", spaces=[REGULARISED], find=PICTURED).get("image")) == 4


@pytest.mark.usefixtures("stored")
def test_a_circled_area_is_listed_and_one_of_another_picture_is_forgotten(visit):
    page = visit("latent", spaces=[REGULARISED])
    table = page.dataframe[0].value
    half = f"{signature(REGULARISED, 'z_v', 'tsne')}~0~-1e6,-1e6~0,-1e6~0,1e6~-1e6,1e6"
    listed = visit("latent", spaces=[REGULARISED], area=half)
    assert not listed.exception
    circled = listed.dataframe[-1].value
    assert list(circled["sample"]) == list(table.loc[table["x"] < 0, "sample"])
    assert f"{len(circled)} of {len(table)} samples lie inside the selection" in words(listed)
    other = visit("latent", spaces=[REGULARISED], code="z_a", area=half)
    assert "area" not in other.query_params
    assert "inside the selection" not in words(other)


@pytest.mark.usefixtures("stored")
def test_a_circled_area_outlives_the_wait_for_its_picture(visit, monkeypatch):
    asked = {"spaces": [REGULARISED], "code": "z_v", "colour": "emotion", "perplexity": "10", "draw": "4"}
    monkeypatch.setattr(projecting.Jobs, "_run", only_pca(projecting.Jobs._run))
    projecting.jobs.cache_clear()
    half = "abcdef~0~-1e6,-1e6~0,-1e6~0,1e6~-1e6,1e6"
    page = visit("latent", **asked, area=half)
    assert not page.exception
    assert page.query_params["area"] == half
    projecting.jobs.cache_clear()


def test_a_damaged_run_does_not_stop_the_wait_for_another(faces, tmp_path, monkeypatch, visit):
    folder = shutil.copytree(faces, tmp_path / "half")
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    runs = Store(locate()).runs().wide()
    damaged = runs.index[(runs["study"] == VANILLA) & (runs["kind"] == "final")][0]
    for file in folder.rglob(f"{damaged}/**/{Artifact.EMBEDDINGS}"):
        file.write_bytes(b"no parquet")
    projecting.jobs.cache_clear()
    asked = {"spaces": [VANILLA, REGULARISED], "code": "z_v", "perplexity": "10", "draw": "5"}
    monkeypatch.setattr(projecting.Jobs, "_run", only_pca(projecting.Jobs._run))
    page = visit("latent", **asked)
    projecting.jobs.cache_clear()
    assert not page.exception
    assert len(page.error) == 1
    assert page.get("progress")
    assert len(charts(page)) == 1


def only_pca(run):
    """Return what computes PCA and nothing else, so that a page goes on waiting."""
    return lambda self, job, codes, algorithm, *more: (
        run(self, job, codes, algorithm, *more) if algorithm == "pca" else None
    )


def test_a_run_without_kept_projections_is_projected_live(faces, tmp_path, monkeypatch, visit):
    folder = shutil.copytree(faces, tmp_path / "bare")
    for file in folder.rglob(Artifact.PROJECTIONS):
        file.write_bytes(b"no parquet")
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    damaged = visit("latent", spaces=[REGULARISED], projection="PCA")
    assert not damaged.exception
    assert any(Artifact.PROJECTIONS in e.value.replace("\\", "") for e in damaged.error)
