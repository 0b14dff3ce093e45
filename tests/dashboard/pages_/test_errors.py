from __future__ import annotations

import shutil
from pathlib import Path

from affect.record import Artifact
from tests.dashboard.looking import Shown, index_of, look, offered

VAE = "lma-vae-latent_size-1-lma"
OTHER = "lma-vae-latent_size-2-lma"
CORRELATED = "pad-to-lma-correlated-synthetic-motion"
READER = "lma-to-pad-synthetic-motion"


def features(shown: Shown) -> list[str]:
    return shown.figures[0]["layout"]["yaxis"]["categoryarray"]


def test_features_stand_in_the_order_that_was_chosen(filled):
    by_range, by_name = (look(filled, "errors", VAE, sort=order) for order in ("MAE over range", "name"))
    assert features(by_name) == sorted(features(by_name))
    assert features(by_range) != features(by_name)
    assert features(by_range)[-1] == "avg_chest_pelvis_distance"
    assert by_range.figures[0]["data"][0]["y"] == features(by_range)


def test_what_was_published_on_the_same_data_stands_beside(filled):
    names = [trace["name"] for trace in look(filled, "errors", VAE, figure="MAE").figures[0]["data"]]
    assert names[0] == VAE
    assert any(name.startswith("published on lma") for name in names)
    without = [trace["name"] for trace in look(filled, "errors", OTHER, figure="MAE").figures[0]["data"]]
    assert not any("published" in name for name in without)


def test_two_studies_are_compared_in_one_heat_map(filled):
    shown = look(filled, "errors", VAE, OTHER)
    heat = next(figure for figure in shown.figures if figure["data"][0]["type"] == "heatmap")
    assert {f"A {VAE}", f"B {OTHER}"} <= {trace.get("name") for trace in heat["data"]}
    assert "in" in shown.ask.asked  # whose errors they are sorted by


def test_a_view_appears_only_where_a_run_has_its_artifact(filled):
    common = ["Samples", "Over time", "Truth and prediction"]
    assert offered(filled, "errors", VAE) == ["Feature errors", *common, "Sensitivity", "Diagnostics"]
    expected = ["Feature errors", *common, "Correlations", "Round trip", "Diagnostics"]
    assert offered(filled, "errors", CORRELATED) == expected
    assert offered(filled, "errors", READER) == [*common, "Diagnostics"]


def test_every_view_of_two_runs_shows_both(filled):
    for view, figures in (
        ("Samples", 0),
        ("Over time", 1),
        ("Truth and prediction", 2),
        ("Sensitivity", 2),
        ("Diagnostics", 0),
    ):
        shown = look(filled, "errors", VAE, OTHER, view=view)
        assert len(shown.figures) >= figures, view
        assert not shown.messages("error"), view
    assert len(look(filled, "errors", VAE, OTHER, view="Diagnostics").tables) == 2
    assert len(look(filled, "errors", CORRELATED, view="Round trip").figures) == 2
    assert len(look(filled, "errors", CORRELATED, view="Correlations").figures) == 1


def test_diagnostics_say_that_they_are_never_ranked(filled):
    assert "Never ranked" in look(filled, "errors", CORRELATED, view="Diagnostics").said


def test_a_damaged_table_is_named_and_the_other_views_work(filled, tmp_path: Path):
    folder = Path(shutil.copytree(filled, tmp_path / "damaged"))
    for file in folder.rglob(Artifact.FEATURE_ERRORS):
        file.write_bytes(b"no parquet")
    shown = look(folder, "errors", VAE)
    assert any(Artifact.FEATURE_ERRORS in text for text in shown.messages("error"))
    assert len(look(folder, "errors", VAE, view="Over time").figures) == 1


def test_one_damaged_run_of_two_is_left_out_and_named(filled, tmp_path: Path):
    folder = Path(shutil.copytree(filled, tmp_path / "half"))
    index, _ = index_of(folder)
    (study,) = index.asked([VAE])[0]
    for run in index.final_ids(study):
        next(folder.rglob(f"{run}/artifacts/{Artifact.PREDICTIONS}")).write_bytes(b"no parquet")
    shown = look(folder, "errors", VAE, OTHER, view="Truth and prediction")
    assert len(shown.figures) == 1
    assert any(VAE in text and Artifact.PREDICTIONS in text for text in shown.messages("error"))
    assert len(look(folder, "errors", VAE).figures) == 3  # the feature errors are sound


def test_a_table_of_the_right_form_and_the_wrong_content_is_named(filled, tmp_path: Path):
    import pandas as pd

    folder = Path(shutil.copytree(filled, tmp_path / "odd"))
    for file in folder.rglob(Artifact.PREDICTIONS):
        table = pd.read_parquet(file)
        table.drop(columns=[c for c in table if c.startswith(("true_", "pred_"))]).to_parquet(file)
    shown = look(folder, "errors", VAE, view="Truth and prediction")
    assert any(VAE in text for text in shown.messages("error"))
    empty = Path(shutil.copytree(filled, tmp_path / "empty"))
    for file in empty.rglob(Artifact.ROUND_TRIP):
        pd.read_parquet(file).head(0).to_parquet(file)
    assert "no rows" in look(empty, "errors", CORRELATED, view="Round trip").said
