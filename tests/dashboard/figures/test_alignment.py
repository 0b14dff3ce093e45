from __future__ import annotations

import math

import pandas as pd
import pytest

from affect.published import published
from dashboard.figures import alignment, theme
from tests import fake_faces
from tests import fake_results as made

VANILLA, REGULARISED = fake_faces.STUDIES


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    tables = {
        spec.method: [fake_faces.alignment(spec, made.predict(spec, seed)) for seed in (1, 2)]
        for spec in (VANILLA, REGULARISED)
    }
    paper = alignment.published_rows(published(), [VANILLA.method, REGULARISED.method])
    return pd.concat([alignment.collect(tables), paper], ignore_index=True)


def test_a_studys_figure_is_the_mean_over_its_finals():
    tables = [fake_faces.alignment(REGULARISED, made.predict(REGULARISED, seed)) for seed in (1, 2)]
    rows = alignment.collect({"study": tables})
    wanted = [t.query("predictor == 'chunk_mean' and metric == 'mse' and target == 'combined'") for t in tables]
    values = [float(t["value"].iloc[0]) for t in wanted]
    row = rows.query("predictor == 'chunk_mean' and metric == 'mse' and target == 'combined'").iloc[0]
    assert row["value"] == pytest.approx(sum(values) / 2)
    assert row["sd"] == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2))


def test_vanilla_and_regularised_stand_beside_what_was_published_of_each(found):
    rows = alignment.of_task(found, "alignment", "mse")
    table = alignment.wide(rows)
    assert list(table.columns) == [
        "of",
        "predictor",
        *(c for spec in (VANILLA, REGULARISED) for c in (spec.method, f"± sd, {spec.method}")),
        "face_vae, published on imfdb",
        "face_vae_continuous, published on imfdb",
    ]
    stated = table[(table["of"] == "combined") & (table["predictor"] == "reading not stated")].iloc[0]
    assert stated["face_vae, published on imfdb"] == 13.267
    assert stated["face_vae_continuous, published on imfdb"] == 0.83
    assert alignment.data_of(rows) == {"imfdb"}


def test_trivial_rows_stand_last_and_what_cannot_be_has_its_reason(found):
    emotion = alignment.wide(alignment.of_task(found, "emotion_power", "accuracy"))
    of_one = emotion[emotion["code"] == "z_v"]["predictor"].tolist()
    assert of_one == ["decision tree", "SVM", "fully connected net", "chance", "most frequent class"]
    said = alignment.notes(alignment.of_task(found, "alignment", "mse"))
    assert f"{VANILLA.method}: not applicable: this method trains no projection" in said


def test_a_published_metric_is_found_under_our_name_for_it(found):
    rows = alignment.of_task(found, "regressive_power", "ev")
    paper = rows[(rows["kind"] == alignment.PUBLISHED) & (rows["predictor"] == "ridge") & (rows["code"] == "z_v")]
    assert sorted(paper["value"]) == [0.005, 0.037]
    assert alignment.metrics_of(found, "regressive_power") == ["ev", "r2", "accuracy"]


def test_a_figure_marks_publications_by_open_markers_and_missing_values_not_at_all(found):
    methods = {spec.method: spec.method for spec in (VANILLA, REGULARISED)}
    figure = alignment.draw(alignment.of_task(found, "alignment", "mse"), methods, "mse")
    by_name = {trace.name: trace for trace in figure.data}
    assert by_name["face_vae, published on imfdb"].marker.symbol.endswith("-open")
    ours = by_name[VANILLA.method]
    assert not str(ours.marker.symbol).endswith("-open")
    assert "valence · trained projection" not in ours.y
    assert ours.marker.color == by_name["face_vae, published on imfdb"].marker.color
    assert figure.layout.xaxis.type == "log"  # 13.3 beside 0.01


def test_a_name_from_a_table_is_drawn_letter_by_letter():
    table = fake_faces.alignment(VANILLA, made.predict(VANILLA, 1)).assign(predictor="<b>x</b>")
    rows = alignment.of_task(alignment.collect({"<i>run</i>": [table]}), "alignment", "mse")
    assert "<b>x" not in str(alignment.draw(rows, {}, "mse").layout.yaxis.ticktext)
    assert "<i>run" not in alignment.draw(rows, {}, "mse").data[0].name
    odd = alignment.of_task(alignment.collect({"run": [table.assign(metric="<b>m</b>")]}), "alignment", "<b>m</b>")
    assert "<b>m" not in alignment.draw(odd, {}, "<b>m</b>").layout.xaxis.title.text


def test_long_names_of_runs_are_cut_at_their_end(found):
    legend = alignment.draw(alignment.of_task(found, "alignment", "mse"), {}, "mse").layout.legend
    assert (legend.xref, legend.x, legend.xanchor) == ("container", 0, "left")


def test_a_study_of_whose_finals_none_could_be_read_is_left_out():
    assert alignment.collect({"lost": []}).empty
    table = fake_faces.alignment(VANILLA, made.predict(VANILLA, 1))
    assert set(alignment.collect({"lost": [], "there": [table]})["column"]) == {"there"}


def test_methods_have_their_colours_of_every_page():
    table = fake_faces.alignment(VANILLA, made.predict(VANILLA, 1))
    rows = alignment.of_task(alignment.collect({"run": [table]}), "alignment", "mse")
    known = ["motion/first", VANILLA.method]
    figure = alignment.draw(rows, {"run": VANILLA.method}, "mse", known=known)
    assert figure.data[0].marker.color == theme.looks(known)[VANILLA.method].colour
