from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect import metrics
from dashboard.figures import predictions, recordings, theme
from dashboard.figures.recordings import MISSING, UNLABELLED, Stretch

WORDS = {MISSING: "no face", UNLABELLED: "no label"}


def table() -> pd.DataFrame:
    """Return three recordings at 5 frames a second: one is predicted well, one badly, and in one nothing moves."""
    time = np.arange(20) / 5
    wave = np.sin(time)
    each = {
        "good": (wave, wave + 0.1),
        "bad": (wave, -wave),
        "still": (np.full(20, 0.3), wave),
    }
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "sample": [f"{name}/{i}" for i in range(20)],
                    "sequence": name,
                    "time": time,
                    "part": "test",
                    "true_valence": true,
                    "pred_valence": pred,
                    "true_arousal": wave * 100,
                    "pred_arousal": wave * 100,
                }
            )
            for name, (true, pred) in each.items()
        ],
        ignore_index=True,
    )


def test_missing_frames_are_a_stretch_as_long_as_they_would_have_lasted():
    time = np.arange(30) / 5
    without = np.delete(time, np.arange(8, 18))  # ten frames at 5 a second
    (found,) = recordings.stretches(without)
    assert found.kind == MISSING
    assert found.seconds == pytest.approx(2.0)
    assert (found.start, found.end) == (pytest.approx(1.5), pytest.approx(3.5))


def test_one_missing_frame_is_a_stretch_and_an_uneven_step_is_none():
    assert [one.seconds for one in recordings.stretches([0, 0.2, 0.4, 0.8, 1.0])] == [pytest.approx(0.2)]
    assert recordings.stretches([0, 0.19, 0.4, 0.61, 0.8]) == []
    assert recordings.stretches([1.0]) == []


def test_frames_without_a_label_are_told_from_missing_ones():
    # frames at 0 … 1 s, none until 3 s, of which those from 1.2 to 1.6 s have a face and no label
    time = [0, 0.2, 0.4, 0.6, 0.8, 1.0, 3.0, 3.2]
    found = recordings.stretches(time, [[1.2, 1.6]])
    assert [(one.kind, round(one.seconds, 3)) for one in found] == [(UNLABELLED, 0.6), (MISSING, 1.2)]
    assert found[0].end == pytest.approx(found[1].start)
    assert recordings.sentence(found, WORDS) == "Grey: no face: 1 stretch, 1.2 s; no label: 1 stretch, 0.6 s."


def test_a_line_breaks_in_a_gap_and_nowhere_else():
    trace = predictions.trace(table(), "good", ["valence"])
    assert len(recordings.with_breaks(trace)) == len(trace)
    short = trace.drop(index=range(5, 12)).reset_index(drop=True)
    short.attrs["unit"] = "s"
    broken = recordings.with_breaks(short)
    assert len(broken) == len(short) + 1
    assert broken["true_valence"].isna().tolist().index(True) == 5
    figure = predictions.draw_traces({"run": short}, ["valence"], theme.looks(["run"]))
    assert all(np.isnan(trace.y[5]) and not trace.connectgaps for trace in figure.data)


def test_a_wide_stretch_has_its_words_and_each_panel_its_shade():
    trace = predictions.trace(table(), "good", ["valence", "arousal"])
    found = [Stretch(1.0, 3.0, 2.0, MISSING), Stretch(3.5, 3.52, 0.02, UNLABELLED)]
    looks = theme.looks(["run"])
    figure = predictions.draw_traces({"run": trace}, ["valence", "arousal"], looks, None, found, WORDS)
    assert len(figure.layout.shapes) == 4
    words = [note.text for note in figure.layout.annotations]
    assert words == ["valence", "arousal", "no face for 2.0 s"]


def test_recordings_stand_worst_first_by_ccc_with_what_is_undefined_last():
    found = recordings.scores({"run": table()}, ["valence"], recordings.CCC)
    assert found["recording"].tolist() == ["bad", "good", "still"]
    wave = np.sin(np.arange(20) / 5)
    assert found["ccc valence"].tolist()[:2] == pytest.approx([metrics.ccc(wave, -wave), metrics.ccc(wave, wave + 0.1)])
    assert found["ccc valence"].isna().tolist() == [False, False, True]
    assert found["mae valence"].tolist()[1] == pytest.approx(0.1)
    assert found["seconds"].tolist() == pytest.approx([3.8] * 3)
    said = recordings.undefined({"run": table()}, ["bad", "good", "still"], ["valence", "arousal"])
    assert said == "CCC is undefined where the truth does not vary: valence in still."


def test_a_target_of_a_large_unit_does_not_decide_which_recording_is_worst():
    off = table()
    # an error of 1 in 200 is smaller than one of .5 in 2
    off.loc[off["sequence"] == "good", "pred_arousal"] += 1
    off.loc[off["sequence"] == "still", "pred_valence"] = 0.3
    found = recordings.scores({"run": off}, ["valence", "arousal"], recordings.MAE_OVER_RANGE)
    assert found["recording"].tolist() == ["bad", "good", "still"]


def test_frames_without_a_truth_are_left_out_of_the_scores():
    some = table()
    some.loc[(some["sequence"] == "good") & (some["time"] > 2), "true_valence"] = np.nan
    found = recordings.scores({"run": some}, ["valence"]).set_index("recording")
    assert found.loc["good", "mae valence"] == pytest.approx(0.1)


def test_runs_of_one_recording_stand_below_each_other_and_many_targets_as_their_mean():
    found = recordings.scores({"one": table(), "two": table()}, ["valence"])
    assert found["recording"].tolist() == ["bad", "bad", "good", "good", "still", "still"]
    assert found["run"].tolist() == ["one", "two"] * 3
    many = table().assign(**{f"{side}_{n}": 0.0 for side in ("true", "pred") for n in "abcd"})
    columns = recordings.scores({"run": many}, ["valence", *"abcd"]).columns
    assert list(columns) == ["recording", "run", "samples", "seconds", "ccc mean", "mae_over_range mean"]


def test_photographs_have_no_scores_by_recording():
    single = table().groupby("sequence").head(1)
    assert recordings.scores({"run": single}, ["valence"]).empty
