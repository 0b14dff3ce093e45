from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from affect.record import Artifact
from tests.dashboard.looking import Shown, index_of, look

VAE = "lma-vae-latent_size-1-lma"
OTHER = "lma-vae-latent_size-2-lma"
READER = "lma-to-pad-synthetic-motion"


def over_time(store: Path, *runs: str, **answers: object) -> Shown:
    return look(store, "errors", *runs, view="Over time", **answers)


def test_the_worst_recording_is_shown_first_and_any_can_be_chosen_by_name(filled):
    shown = over_time(filled, VAE)
    scores = shown.tables[-1]
    assert shown.headings[0] == scores["recording"].iloc[0]
    means = scores["CCC, mean of 27 targets"]
    assert means.is_monotonic_increasing
    assert means.iloc[0] < means.iloc[-1]
    last = scores["recording"].iloc[-1]
    chosen = over_time(filled, VAE, sequence=last)
    assert chosen.headings[0] == last
    assert set(chosen.tables[0]["sample"].str.partition(":")[0]) == {last}


def test_recordings_can_be_sorted_by_their_absolute_error(filled):
    scores = over_time(filled, VAE, worst_by="mae_over_range").tables[-1]
    assert scores["recording"].tolist() != over_time(filled, VAE).tables[-1]["recording"].tolist()


def test_where_the_truth_varies_in_no_recording_the_absolute_error_decides_and_the_page_says_so(filled):
    shown = over_time(filled, READER)
    scores = shown.tables[-1]
    assert not [column for column in scores if column.startswith("CCC")]
    assert "the truth does not vary in any of them" in shown.said
    assert scores["MAE over range, mean of 3 targets"].is_monotonic_decreasing


def test_a_target_is_chosen_by_name(filled):
    shown = over_time(filled, VAE, targets=["neck_speed"])
    assert [note["text"] for note in shown.figures[0]["layout"]["annotations"]] == ["neck speed"]
    assert "CCC, neck speed" in shown.tables[-1]


def test_two_runs_are_one_figure_with_a_table_that_names_them(filled):
    shown = over_time(filled, VAE, OTHER, targets=["neck_speed"])
    assert len(shown.figures) == 1
    assert [trace["name"] for trace in shown.figures[0]["data"]] == ["truth", VAE, OTHER]
    styles = {(trace["line"]["color"], trace["line"]["dash"]) for trace in shown.figures[0]["data"]}
    assert len(styles) == 3  # of one method: one colour, and another dash
    assert set(shown.tables[0]["run"]) == {VAE, OTHER} == set(shown.tables[-1]["run"])


def test_a_run_without_the_recording_is_named(filled):
    shown = over_time(filled, VAE, READER)
    recording = shown.headings[0]
    drawn = set(shown.tables[0].get("run", {VAE, READER}))
    for name in {VAE, READER} - drawn:
        assert f"no test sample of {recording}: {name}" in shown.said


def test_photographs_have_no_course_over_time(faces):
    shown = over_time(faces, "face-vae-synthetic-faces")
    samples = look(faces, "errors", "face-vae-synthetic-faces", view="Samples").tables[0]
    assert samples["sequence"].nunique() < len(samples) or "no course over time" in shown.said


@pytest.fixture
def with_gaps(filled, tmp_path: Path) -> Path:
    """Return a store in which the second to fourth of six windows of each recording were not predicted."""
    folder = Path(shutil.copytree(filled, tmp_path / "gaps"))
    index, _ = index_of(folder)
    (study,) = index.asked([READER])[0]
    for run in index.final_ids(study):
        file = next(folder.rglob(f"{run}/artifacts/{Artifact.PREDICTIONS}"))
        table = pd.read_parquet(file).sort_values(["sequence", "time"], kind="stable")
        place = table.groupby("sequence").cumcount()
        long = table.groupby("sequence")["time"].transform("size") > 5
        table[~(long & place.isin([1, 2]))].to_parquet(file)
    return folder


def test_a_stretch_without_samples_is_shaded_and_counted(with_gaps):
    whole, shown = over_time(with_gaps, VAE), over_time(with_gaps, READER)
    assert "Grey" not in whole.said
    assert "Grey: no sample or no label: 1 stretch, " in shown.said
    assert any(shape["type"] == "rect" for shape in shown.figures[0]["layout"]["shapes"])


def test_samples_without_a_label_are_told_from_missing_ones(with_gaps):
    recording = over_time(with_gaps, READER).headings[0]
    time = over_time(with_gaps, READER, sequence=recording).tables[0]["time"].sort_values()
    step = time.diff().median()
    label = [float(time.iloc[0] + step), float(time.iloc[0] + 2 * step)]
    for file in with_gaps.rglob(Artifact.DATA_SUMMARY):
        summary = json.loads(file.read_text("utf-8"))
        file.write_text(json.dumps({**summary, "unlabelled_times": {recording: [label]}}), "utf-8")
    said = over_time(with_gaps, READER, sequence=recording).said
    assert f"Grey: no label: 1 stretch, {2 * step:.1f} s." in said
    assert "Samples without a label are not predicted" in said


def test_times_that_are_damaged_hide_no_figure(with_gaps):
    for file in with_gaps.rglob(Artifact.DATA_SUMMARY):
        file.write_text('{"unlabelled_times": [1, 2]}', "utf-8")
    assert len(over_time(with_gaps, READER).figures) == 1
