from __future__ import annotations

import json
from pathlib import Path

import pytest

from affect.record import Artifact

VAE = "lma-vae-latent_size-1-lma"
OTHER = "lma-vae-latent_size-2-lma"
CORRELATED = "pad-to-lma-correlated-synthetic-motion"


@pytest.fixture
def shared(filled, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(filled))


def words(page) -> str:
    kinds = (page.title, page.subheader, page.caption, page.markdown, page.info, page.warning, page.error)
    return "\n".join(str(element.value).replace("\\", "") for kind in kinds for element in kind)


def charts(page) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def features(page) -> list[str]:
    return charts(page)[0]["layout"]["yaxis"]["categoryarray"]


def sections(page) -> list[str]:
    return next(group.options for group in page.get("button_group") if "Diagnostics" in group.options)


def test_an_empty_store_says_which_command_fills_it(visit):
    page = visit("errors")
    assert not page.exception
    assert "python -m training demo" in page.code[0].value


@pytest.mark.usefixtures("shared")
def test_features_stand_in_the_order_that_the_address_asks_for(visit):
    by_range = visit("errors", runs=VAE, sort="MAE over range")
    by_name = visit("errors", runs=VAE, sort="name")
    assert not by_range.exception
    assert features(by_name) == sorted(features(by_name))
    assert features(by_range) != features(by_name)
    assert features(by_range)[-1] == "avg_chest_pelvis_distance"
    bars = charts(by_range)[0]["data"][0]
    assert bars["y"] == features(by_range)


@pytest.mark.usefixtures("shared")
def test_what_was_published_on_the_same_data_stands_beside(visit):
    names = [trace["name"] for trace in charts(visit("errors", runs=VAE, figure="MAE"))[0]["data"]]
    assert names == [VAE, "always the mean", "mean of the label", "published on lma (latent_size=1)"]
    without = [trace["name"] for trace in charts(visit("errors", runs=OTHER, figure="MAE"))[0]["data"]]
    assert not any("published" in name for name in without)


@pytest.mark.usefixtures("shared")
def test_two_studies_are_compared_in_one_heat_map(visit):
    page = visit("errors", runs=[VAE, OTHER])
    heat = next(c for c in charts(page) if c["data"][0]["type"] == "heatmap")
    assert len(heat["data"][0]["x"]) == 4
    key = [trace["name"] for trace in heat["data"][1:]]
    assert key == [f"A {VAE}", f"B {OTHER}", "C always the mean", "D mean of the label"]
    assert page.selectbox(key="in").options == [VAE, OTHER]


@pytest.mark.usefixtures("shared")
def test_a_run_is_found_by_its_id_as_other_pages_link_it(visit):
    from dashboard.store import Store, locate

    runs = Store(locate()).runs()
    final = runs[(runs["kind"] == "final") & (runs["study"] == VAE)].index[0]
    page = visit("errors", runs=final)
    assert page.multiselect(key="runs").value == [f"{VAE} · seed {runs.at[final, 'seed']}"]


@pytest.mark.usefixtures("shared")
def test_a_run_that_is_not_there_is_said_and_another_is_shown(visit):
    page = visit("errors", runs="nothing of the kind")
    assert not page.exception
    assert "nothing of the kind" in words(page)
    assert page.multiselect(key="runs").value


@pytest.mark.usefixtures("shared")
def test_runs_of_several_protocols_and_kinds_of_data_are_told_apart(visit):
    said = words(visit("errors", runs=[VAE, CORRELATED]))
    assert "REAL and SYNTHETIC data" in said
    assert "no ranking" in said


@pytest.mark.usefixtures("shared")
def test_a_section_appears_only_where_a_run_has_its_artifact(visit):
    common = ["Samples", "Truth and prediction"]
    assert sections(visit("errors", runs=VAE)) == ["Feature errors", *common, "Sensitivity", "Diagnostics"]
    expected = ["Feature errors", *common, "Correlations", "Round trip", "Diagnostics"]
    assert sections(visit("errors", runs=CORRELATED)) == expected
    assert sections(visit("errors", runs="lma-to-pad-synthetic-motion")) == [*common, "Diagnostics"]


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    ("run", "section", "figures"),
    [
        (VAE, "Samples", 1),
        (VAE, "Truth and prediction", 1),
        (VAE, "Sensitivity", 2),
        (CORRELATED, "Correlations", 1),
        (CORRELATED, "Round trip", 2),
        (CORRELATED, "Diagnostics", 0),
    ],
)
def test_every_section_is_reached_by_its_address(visit, run, section, figures):
    page = visit("errors", runs=run, section=section)
    assert not page.exception
    assert not page.error
    assert len(charts(page)) == figures
    assert page.dataframe


@pytest.mark.usefixtures("shared")
def test_diagnostics_say_that_they_are_never_ranked(visit):
    assert "Never ranked" in words(visit("errors", runs=CORRELATED, section="Diagnostics"))


@pytest.mark.usefixtures("shared")
def test_the_recording_of_the_address_is_traced(visit):
    page = visit("errors", runs=VAE, section="Samples")
    names = page.selectbox(key="sequence").options
    other = visit("errors", runs=VAE, section="Samples", sequence=names[-1], targets=["neck_speed"])
    assert [t["value"][0]["sample"] for t in [{"value": other.dataframe[-1].value.to_dict("records")}]] == [
        f"{names[-1]}:0"
    ]
    assert charts(other)[0]["layout"]["annotations"][0]["text"] == "neck_speed"


def test_a_damaged_table_is_named_and_the_other_sections_work(own: Path, visit):
    for file in own.rglob(Artifact.FEATURE_ERRORS):
        file.write_bytes(b"no parquet")
    page = visit("errors", runs=VAE)
    assert not page.exception
    assert any(Artifact.FEATURE_ERRORS in e.value.replace("\\", "") for e in page.error)
    samples = visit("errors", runs=VAE, section="Samples")
    assert not samples.error
    assert len(charts(samples)) == 1


def test_damaged_predictions_leave_the_feature_errors(own: Path, visit):
    for file in own.rglob(Artifact.PREDICTIONS):
        file.write_bytes(b"no parquet")
    assert len(charts(visit("errors", runs=VAE))) == 3
    page = visit("errors", runs=VAE, section="Samples")
    assert any(Artifact.PREDICTIONS in e.value.replace("\\", "") for e in page.error)
