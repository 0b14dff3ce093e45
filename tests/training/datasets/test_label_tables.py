"""Labels in files of their own: the four layouts of docs/fusion.md on real data, and each way in which they can be bad.

Lines are counted as in the file: the header is line 1.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import data_folder
from training import protocols, views
from training.contract import UserError
from training.datasets import embeddings

DOCUMENT = (Path(__file__).parents[3] / "docs/fusion.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"```toml\n# (\w+)\n(.*?)```", DOCUMENT, re.DOTALL))


def real(name: str) -> Path:
    folder = data_folder() / "fusion" / name
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (AFFECTORY_DATA=FOLDER)")
    return folder


def example(name: str, source: Path, target: Path) -> Path:
    """Write the document's example beside links to the real files."""
    for file in source.iterdir():
        (target / file.name).symlink_to(file)
    toml = target / f"{name}.toml"
    toml.write_text(EXAMPLES[name], encoding="utf-8")
    return toml


def notes(data) -> str:
    return " | ".join(data.summary["notes"])


def refused(root: Path) -> str:
    with pytest.raises(UserError) as caught:
        embeddings.read(root, {})
    return str(caught.value).replace(str(root.parent), "FOLDER")


# ----------------------------------------------------------------------------------------------------------- real files


@pytest.mark.realdata
def test_labels_of_sewa_as_published_are_those_of_the_frames(tmp_path):
    """frames.csv has every second label of the published files; three of its recordings have such a file."""
    toml = example("sewa", real("sewa_de"), tmp_path)
    data, ours = embeddings.read(toml, {}), embeddings.read(real("sewa_de"), {})
    assert (data.group_kind, data.persons_known) == ("person", True)
    of = np.isin(data.sequence, ["Devel_DE_01", "Devel_DE_02", "Devel_DE_03"])
    labelled = np.isfinite(data.blocks["va"].values).all(axis=1)
    assert labelled[of].mean() > 0.99
    assert not labelled[~of].any()
    assert np.allclose(data.blocks["va"].values[labelled], ours.blocks["va"].values[labelled], atol=1e-6)
    assert "11 recordings" in notes(data)
    assert "without label" in notes(data)


@pytest.mark.realdata
def test_utterances_of_iemocap_are_recordings_of_one_window(tmp_path):
    content = np.load(real("iemocap_gemaps") / "iemocap_gemaps47_vad.npz")
    features, vad = content["features"][:400], content["valence_arousal_dominance"][:400].copy()
    vad[7, 0] = 5.5
    header = ["utterance", "valence", "arousal", *(f"gemaps_{i}" for i in range(features.shape[1]))]
    rows = [[f"u{i:05d}", *map(str, vad[i, :2].tolist()), *map(str, features[i].tolist())] for i in range(400)]
    (tmp_path / "utterances.csv").write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    toml = tmp_path / "iemocap.toml"
    toml.write_text(EXAMPLES["iemocap"])
    data = embeddings.read(toml, {})
    assert "1 label outside [1, 5] taken as unlabelled, the first on line 9 (valence 5.5)" in notes(data)
    assert len(data.sample) == 399
    place = {name: i for i, name in enumerate(data.sequence.tolist())}
    for window in (1, 4):
        seen = views.inputs(data.blocks, ("audio",), len(data.sample), data.sequence, data.time, window)
        values, mask = seen["audio"][:]
        assert mask.all()
        assert mask.shape[1] == 1
        constant = [f"gemaps_{i}" for i in range(features.shape[1])] == list(data.blocks["audio"].columns)
        assert constant
        assert np.allclose(values[place["u00123"], 0], features[123], rtol=1e-6)
    assert data.blocks["va"].values[place["u00123"]] == pytest.approx((vad[123, :2] - 3) / 2)
    toml.write_text(EXAMPLES["iemocap"].replace('outside = "unlabelled"\n', ""))
    assert refused(toml) == (
        f"FOLDER/utterances.csv, line 9, column valence: expected a number in [1, 5], the scale that "
        f"{toml} declares, found '5.5'".replace(str(tmp_path), "FOLDER")
    )


@pytest.mark.realdata
def test_songs_with_labels_and_no_sound_are_named(tmp_path):
    toml = example("songs", real("music_va"), tmp_path)
    for seconds in (1, 4):
        lines = ["filename,start,end,loudness"]
        for song in ("2", "3", "5"):
            lines += [f"{song}.mp3,{t},{t + seconds},{t * 0.1}" for t in range(0, 45 - seconds, seconds)]
        (tmp_path / f"audio_{seconds}s.csv").write_text("\n".join(lines) + "\n")
    data = embeddings.read(toml, {})
    assert len(data.sample) == 4 * 61
    assert data.time.min() == 15
    assert data.time.max() == 45
    assert set(data.blocks) == {"va", "audio_1s", "audio_4s"}
    first = np.flatnonzero((data.sequence == "2") & (data.time == 15))
    assert data.blocks["va"].values[first[0]] == pytest.approx([-0.0733412307857912, -0.109387732373192])
    assert "(7) not in audio_1s.csv; 61 frames without audio" in notes(data)


@pytest.mark.realdata
def test_events_of_studyforrest_overlap_and_have_streams_of_other_lengths(tmp_path):
    data = embeddings.read(example("studyforrest", real("studyforrest"), tmp_path), {})
    assert np.unique(data.group).tolist() == [f"run-{i}" for i in range(1, 6)]
    assert len(data.sample) == 938, "as its README counts"
    assert data.blocks["video"].values.shape == (938, 8)
    va = data.blocks["va"].values
    mean_predictor = [np.abs(va[data.group == g] - va[data.group != g].mean(axis=0)) for g in np.unique(data.group)]
    assert np.concatenate(mean_predictor).mean(axis=0) == pytest.approx([0.577, 0.524], abs=5e-4)
    said = notes(data)
    assert re.search(r"\d+ of 938 events overlap an earlier one, \d+ of them one of the same character", said)
    assert "video and audio differ in rows in" in said


# ---------------------------------------------------------------------------------------------------------- made files


FRAMES = ["path,timestamp,emb_0"] + [f"{r}/{i}.png,{i / 5},{i + 10 * k}" for k, r in enumerate("ab") for i in range(5)]
LABELS = ["name;timestamp;valence;arousal"] + [f"'{r}';{i / 10};{i / 10};-0.{i}" for r in "ba" for i in range(7)]
TOML = """
[frames]
[labels]
separator = ";"
quote = "'"
"""


def write(folder: Path, labels: list[str], toml: str = TOML, frames: list[str] = FRAMES) -> Path:
    (folder / "frames.csv").write_text("\n".join(frames) + "\n")
    (folder / "labels.csv").write_text("\n".join(labels) + "\n")
    (folder / "embeddings.toml").write_text(toml)
    return folder / "embeddings.toml"


def test_labels_in_another_order_go_by_name_and_time(tmp_path):
    data = embeddings.read(write(tmp_path, LABELS), {})
    for name in "ab":
        valence = data.blocks["va"].values[data.sequence == name, 0]
        assert valence[:4] == pytest.approx([0, 0.2, 0.4, 0.6])
        assert np.isnan(valence[4])
    assert "2 frames after the last label of their recording, unlabelled" in notes(data)
    assert "6 labels that no frame is nearest to, not used" in notes(data)
    reordered = embeddings.read(write(tmp_path, LABELS, frames=[FRAMES[0], *FRAMES[6:], *FRAMES[1:6]]), {})
    assert reordered.version == data.version


def test_recordings_with_labels_or_features_alone_are_named(tmp_path):
    data = embeddings.read(write(tmp_path, [*LABELS[:8], *(row.replace("'a'", "'c'") for row in LABELS[8:])]), {})
    assert "the labels: 1 recording (c) not in frames.csv; 7 labels left out" in notes(data)
    assert "frames.csv: 1 recording (a) not in the labels; 5 frames without label" in notes(data)


@pytest.mark.parametrize(
    ("labels", "toml", "expected"),
    [
        (
            [LABELS[0], *LABELS[1:3], LABELS[2]],
            TOML,
            "labels.csv, line 4, column timestamp: expected each time of b once",
        ),
        ([LABELS[0], "'b';0;5.5;0"], TOML, "labels.csv, line 2, column valence: expected a number in [-1, 1]"),
        ([LABELS[0], "'x';0;0.5;0"], TOML, "no recording of the labels is in frames.csv; found 'x' here and 'a' there"),
        (
            [LABELS[0], "'a';99;0.5;0"],
            TOML,
            "no label goes with a frame of frames.csv; labels of a are from 99 to 99 s",
        ),
        ([LABELS[0], "'a';-1;0.5;0"], TOML, "line 2, column timestamp: expected a time from the recording's beginning"),
        ([LABELS[0], "'a';0;good;0"], TOML, "labels.csv, line 2, column valence: expected a number, found 'good'"),
        (LABELS, TOML.replace('quote = "\'"', ""), 'expected a name without quotes (quote = "\'" under [labels]'),
        (LABELS, TOML + 'valence = "valense"', "expected column 'valense' (nearest: 'valence')"),
        (LABELS, TOML + 'layout = "wyde"', "[labels], layout: expected one of 'rows', 'wide', 'events', found 'wyde'"),
        (LABELS, TOML + 'file = "*.tsv"', "[labels]: no file matches FOLDER/*.tsv; its folder has"),
        (LABELS, TOML + 'duratoin = "x"', "unknown key 'duratoin'; did you mean duration"),
        (
            LABELS,
            TOML.replace("[labels]", 'file = "f*.csv"\n[labels]'),
            "found the pattern 'f*.csv', expected one file",
        ),
        (
            LABELS,
            TOML + 'path = ""\nrecording = "(?P<recording>x)"',
            "expected a file's name in which '(?P<recording>x)'",
        ),
    ],
)
def test_bad_labels_are_refused_in_one_sentence(tmp_path, labels, toml, expected):
    assert expected in refused(write(tmp_path, labels, toml))


EVENTS = ["onset;duration;who;v;w;arousal", "0;0.5;x;0.5;0.25;0", "0.2;0.6;y;1;0;0", "0.4;0.4;x;0;1;0.5"]
EVENTS_TOML = """
[frames]
path = "path"
[labels]
layout = "events"
separator = ";"
path = ""
recording = '(?P<recording>a)'
valence = "v - w"
who = "who"
"""


def test_events_have_mean_and_deviation_of_what_is_in_them(tmp_path):
    data = embeddings.read(write(tmp_path, EVENTS, EVENTS_TOML), {})
    assert data.sample.tolist() == ["a event 1:0.5", "a event 2:0.6", "a event 3:0.4"]
    assert data.group.tolist() == ["a"] * 3
    assert data.blocks["va"].values[:, 0].tolist() == [0.25, 1, -1]
    assert data.blocks["video"].columns == ("emb_0_mean", "emb_0_sd")
    assert data.blocks["video"].values[0] == pytest.approx([1, np.std([0, 1, 2])])
    assert data.blocks["video"].values[2] == pytest.approx([2.5, 0.5]), "the end does not belong to an event"
    assert "2 of 3 events overlap an earlier one, 1 of them one of the same who (the first: a, x at 0.4 s)" in notes(
        data
    )


def test_events_without_duration_or_frames_are_refused_or_counted(tmp_path):
    assert "labels.csv, line 3, column duration: expected a duration above 0, found '0'" in refused(
        write(tmp_path, [*EVENTS[:2], "1;0;x;0;0;0"], EVENTS_TOML)
    )
    data = embeddings.read(write(tmp_path, [*EVENTS, "7;1;x;0;0;0", "0;1;x;;0;"], EVENTS_TOML), {})
    assert "video: 1 event without any row in it, left out" in notes(data)
    assert "1 event without valence and arousal left out" in notes(data)
    assert data.summary["skipped"] == 2


WIDE = '[labels]\nlayout = "wide"\npath = "id"\ntime = \'at_(?P<time>\\d+)ms\'\ntime_unit = "ms"\n'


def wide(folder: Path, valence: str, arousal: str) -> Path:
    (folder / "valence.csv").write_text(valence)
    (folder / "arousal.csv").write_text(arousal)
    (folder / "embeddings.toml").write_text(WIDE)
    return folder / "embeddings.toml"


def test_rows_of_two_wide_tables_in_another_order_are_matched_by_name(tmp_path):
    data = embeddings.read(
        wide(tmp_path, "id,at_0ms,at_500ms\n7,0.1,0.2\n9,0.3,\n", "id,at_500ms,at_0ms\n9,,0.7\n7,0.5,0.4\n8,0,0\n"), {}
    )
    assert data.sample.tolist() == ["7:0", "7:0.5", "8:0", "8:0.5", "9:0"]
    assert data.blocks["va"].values[[0, 1, 4]].tolist() == [[0.1, 0.4], [0.2, 0.5], [0.3, 0.7]]
    assert "arousal.csv: 1 recording (8) not in valence.csv" in notes(data)


@pytest.mark.parametrize(
    ("valence", "expected"),
    [
        ("id,t\n7,0.1\n", "valence.csv, line 1: expected columns such as 'at_"),
        ("id,at_0ms\n7,0.1\n7,0.2\n", "valence.csv, line 3, column id: expected each recording once, as on line 2"),
        ("id,at_0ms\n7,3\n", "valence.csv, line 2, column at_0ms: expected a number in [-1, 1]"),
    ],
)
def test_bad_wide_tables_are_refused(tmp_path, valence, expected):
    assert expected in refused(wide(tmp_path, valence, "id,at_0ms\n7,0.1\n"))


def test_512_empty_columns_are_named_and_left_out(tmp_path):
    frames = [FRAMES[0] + "".join(f",emb_{i}" for i in range(1, 513)), *(row + "," * 512 for row in FRAMES[1:])]
    data = embeddings.read(write(tmp_path, LABELS, frames=frames), {})
    assert data.blocks["video"].columns == ("emb_0",)
    assert "512 columns without any number left out: emb_1, emb_2" in notes(data)
    assert len(data.summary["empty_columns"]) == 512


# ---------------------------------------------------------------------------------------------------------- leak guard


@pytest.mark.realdata
@pytest.mark.parametrize("folds", [None, 5, "loso"])
def test_no_recording_and_no_run_of_events_is_in_two_parts(tmp_path, folds):
    """Events of one run overlap in time: a split between them would show a test event's sound in training."""
    data = embeddings.read(example("studyforrest", real("studyforrest"), tmp_path), {})
    one = protocols.make(data, "va", test_folds=folds)
    for part in one.folds or (one,):
        for names in (data.group, data.sequence):
            pairs = {*zip(names.tolist(), part.part.tolist(), strict=True)}
            assert len(pairs) == len(np.unique(names))


@pytest.mark.parametrize("folds", [None, 3, "loso"])
def test_no_frame_of_a_recording_is_in_another_part(tmp_path, folds):
    names = "abcdef"
    frames = [FRAMES[0]] + [f"{r}/{i}.png,{i / 5},{i}" for i in range(5) for r in names]  # frames of all take turns
    labels = [LABELS[0]] + [f"'{r}';{i / 5};0.{i};0" for r in names for i in range(5)]
    one = protocols.make(embeddings.read(write(tmp_path, labels, frames=frames), {}), "va", test_folds=folds)
    for part in one.folds or (one,):
        pairs = {*zip(one.data.sequence.tolist(), part.part.tolist(), strict=True)}
        assert len(pairs) == len(names)
