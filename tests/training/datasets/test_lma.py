"""The LMA reader: what it makes of a good file, and one clear sentence for each way in which a file can be bad.

Lines are counted as in the file: the header is line 1.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training.contract import UserError
from training.datasets import lma

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.data import Dataset

HEADER = ["clip", "window", "label", *lma.FEATURES, *lma.PAD]
LABELS = {"waltz": "happy", "creep": "afraid"}
PAD = {"happy": (0.6, 0.5, 0.2), "afraid": (-0.35, 0.7, -0.8)}


def value(row: int, feature: str) -> float:
    return round(0.1 + 0.013 * row + 0.02 * lma.FEATURES.index(feature), 4)


def rows(windows: int = 3) -> list[list[str]]:
    """Two clips of `windows` windows each, all features rising."""
    made = []
    for clip, label in LABELS.items():
        for window in range(windows):
            numbers = [value(len(made), feature) for feature in lma.FEATURES]
            made.append([clip, str(window), label, *map(str, numbers), *map(str, PAD[label])])
    return made


def text(
    header: list[str] | None = None, body: list[list[str]] | None = None, separator: str = ",", end: str = "\n"
) -> str:
    lines = [header or HEADER, *(rows() if body is None else body)]
    return "".join(separator.join(line) + end for line in lines)


def changed(row: int, column: str, cell: str) -> str:
    """A good file but for one cell."""
    body = rows()
    body[row][HEADER.index(column)] = cell
    return text(body=body)


def without(*columns: str, body: list[list[str]] | None = None) -> str:
    keep = [i for i, name in enumerate(HEADER) if name not in columns]
    return text([HEADER[i] for i in keep], [[row[i] for i in keep] for row in (rows() if body is None else body)])


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Dataset]:
    """Write a file and read it."""

    def read(content: str | bytes, features: str = "all", name: str = "motion.csv", **settings: str) -> Dataset:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return lma.read(file, {"features": features, **settings})

    return read


@pytest.fixture
def complaint(read: Callable[..., Dataset], tmp_path: Path) -> Callable[..., str]:
    """Read a bad file and return what the reader says, with FILE for its path."""

    def complaint(content: str | bytes, features: str = "all", name: str = "motion.csv") -> str:
        with pytest.raises(UserError) as caught:
            read(content, features, name)
        said = str(caught.value)
        assert said.startswith(str(tmp_path / name)), "every message begins with the file"
        assert "\n" not in said
        return said.replace(str(tmp_path / name), "FILE")

    return complaint


# ------------------------------------------------------------------------------------------------ good files


def test_a_row_is_a_sample_and_a_clip_is_a_group(read):
    data = read(text())
    assert data.sample.tolist() == [f"{clip}:{window}" for clip in LABELS for window in range(3)]
    assert data.group.tolist() == ["waltz"] * 3 + ["creep"] * 3
    assert data.sequence.tolist() == data.group.tolist()
    assert data.label.tolist() == ["happy"] * 3 + ["afraid"] * 3
    assert data.time.tolist() == [0, 1, 2, 0, 1, 2]
    assert (data.name, data.group_kind, data.synthetic) == ("lma", "clip", False)
    assert not data.persons_known


def test_values_are_those_of_the_file_in_the_published_order(read):
    shuffled = np.random.default_rng(0).permutation(len(HEADER))
    data = read(text([HEADER[i] for i in shuffled], [[row[i] for i in shuffled] for row in rows()]))
    features, pad = data.blocks["features"], data.blocks["pad"]
    assert features.columns == lma.FEATURES
    assert features.values.tolist() == [[value(row, feature) for feature in lma.FEATURES] for row in range(6)]
    assert pad.columns == ("pleasure", "arousal", "dominance")
    assert (pad.low, pad.high) == (-1, 1)
    assert pad.values.tolist() == [list(PAD[label]) for label in data.label]


KINDS = ("all", "no_acceleration", "with_jerk")


def test_the_setting_features_chooses_columns(read):
    jerky = text([*HEADER, *lma.JERK], [row + ["0.5"] * 15 for row in rows()])
    assert {f: read(jerky, f).blocks["features"].values.shape for f in KINDS} == {
        "all": (6, 27),
        "no_acceleration": (6, 22),
        "with_jerk": (6, 42),
    }
    kept = read(jerky, "no_acceleration").blocks["features"].columns
    assert not [name for name in kept if "acceleration" in name]
    assert read(jerky, "with_jerk").blocks["features"].columns == lma.FEATURES + lma.JERK


def test_a_file_without_accelerations_is_read_with_the_setting_for_it(read, complaint):
    content = without(*lma.ACCELERATIONS)
    assert read(content, "no_acceleration").blocks["features"].values.shape == (6, 22)
    assert "l_hand_acceleration_magnitude" in complaint(content)
    assert complaint(content).endswith("a file without them is read with --set features=no_acceleration")


def test_further_columns_are_left_alone_even_twice(read):
    data = read(text([*HEADER, "comment", "comment", ""], [[*row, "fine, so far"[:4], "", "nan"] for row in rows()]))
    assert np.array_equal(data.blocks["features"].values, read(text()).blocks["features"].values)
    assert data.summary["ignored_columns"] == ["", "comment"]


@pytest.mark.parametrize(
    "content",
    [
        text().encode("utf-8-sig"),
        text(end="\r\n").encode(),
        text(end="\r").encode(),
        text().rstrip("\n").encode(),
        ("\n\n" + text().replace("\ncreep,0", "\n\ncreep,0")).encode(),
        text(separator=", ").encode(),
        text().replace("waltz", '"waltz"').encode(),
        gzip.compress(text().encode()),
    ],
    ids=["byte order mark", "CRLF", "CR", "no last break", "empty lines", "blanks", "quotes", "gzip"],
)
def test_what_programs_write_differently_reads_the_same(read, content):
    data, plain = read(content), read(text())
    assert data.sample.tolist() == plain.sample.tolist()
    assert data.label.tolist() == plain.label.tolist()
    assert np.array_equal(data.blocks["features"].values, plain.blocks["features"].values)
    assert np.array_equal(data.blocks["pad"].values, plain.blocks["pad"].values)


def test_names_may_be_of_any_script_and_quoted(read):
    data = read(text().replace("waltz", '"Вальс, 1"').replace("happy", "froh"))
    assert data.group[0] == "Вальс, 1"
    assert data.label[0] == "froh"


# --------------------------------------------------------------------------------------------------- version


def test_the_version_is_the_contents(read):
    version = read(text()).version
    assert read(text(), name="elsewhere.csv").version == version
    assert read(gzip.compress(text().encode()), name="packed.csv.gz").version == version
    assert read(changed(4, "EMOTION_D", "-0.79")).version != version


def rewritten(table: str, write) -> str:
    lines = [line.split(",") for line in table.splitlines()]
    return "\n".join(",".join(cells) for cells in write(lines)) + "\n"


@pytest.mark.parametrize(
    "write",
    [
        lambda table: table.replace("\n", "\r\n"),
        lambda table: "\ufeff" + table,
        lambda table: table.rstrip("\n") + "\n\n\n",
        lambda table: rewritten(table, lambda lines: [cells[::-1] for cells in lines]),
        lambda table: rewritten(table, lambda lines: [[f'"{cell}"' for cell in cells] for cells in lines]),
        lambda table: rewritten(
            table, lambda lines: [lines[0], *([re.sub(r"^(-?\d+\.\d+)$", r"\g<1>00", c) for c in r] for r in lines[1:])]
        ),
        lambda table: rewritten(
            table, lambda lines: [[*lines[0], "comment"], *([*cells, f"seen {i}"] for i, cells in enumerate(lines[1:]))]
        ),
    ],
    ids=["Windows", "byte order mark", "empty lines", "columns", "quotes", "digits", "a column left alone"],
)
def test_the_version_follows_values_and_not_bytes(read, write):
    assert read(write(text()), name="again.csv").version == read(text()).version


def test_other_values_are_another_version(read):
    version = read(text()).version
    assert read(changed(4, "label", "bored")).version != version
    assert read(changed(4, "neck_speed", "0.123456")).version != version
    lines = text().splitlines()
    assert read("\n".join([lines[0], *lines[:0:-1]]) + "\n").version != version, (
        "of rows that are not numbered, order tells"
    )


def test_pad_on_another_scale_is_refused_with_the_sum(read):
    lines = [line.split(",") for line in text().splitlines()]
    for cells in lines[1:]:
        for name in lma.PAD:
            at = lines[0].index(name)
            cells[at] = f"{5 + 4 * float(cells[at]):g}"
    with pytest.raises(UserError, match=r"expected a number in \[-1, 1\], found .*write \(v − 5\) / 4"):
        read("\n".join(map(",".join, lines)) + "\n")


def test_the_version_is_not_of_the_chosen_columns(read):
    """Methods that are given other features of one file are compared with each other."""
    jerky = text([*HEADER, *lma.JERK], [row + ["0.5"] * 15 for row in rows()])
    assert len({read(jerky, features).version for features in KINDS}) == 1


# ------------------------------------------------------------------------------------------- without clip, label


def test_without_clips_a_run_ends_where_the_windows_start_again(read):
    body = [[*row[:2], "happy", *row[3:]] for row in rows()]
    data = read(without("clip", body=body))
    assert data.group.tolist() == ["run 1"] * 3 + ["run 2"] * 3
    assert data.group_kind == data.summary["group_kind"] == "run of windows"
    assert data.summary["notes"][0] == "no column clip: a group is a run of neighbouring windows"
    assert len(data.summary["notes"]) == 1


def test_frames_that_start_again_end_a_run_too(read):
    header = ["frame_counter", *HEADER[3:]]
    body = [[frame, *row[3:]] for frame, row in zip(["125", "250", "375", "125", "250", "125"], rows(), strict=True)]
    data = read(text(header, body))
    assert Counter(data.group.tolist()) == {"run 1": 3, "run 2": 2, "run 3": 1}
    assert data.time is None, "frames are not seconds"


def test_without_clips_and_counters_a_run_is_one_label_on_end_and_the_doubt_is_said(read):
    data = read(without("clip", "window"))
    assert data.group.tolist() == ["run 1"] * 3 + ["run 2"] * 3
    assert any("of the same label that follow one another cannot be told apart" in n for n in data.summary["notes"])


def test_without_labels_a_constant_pad_triple_serves_as_one(read):
    data = read(without("clip", "window", "label", body=[*rows(4)[:4], *rows(4)[4:]]))
    assert data.group.tolist() == ["run 1"] * 4 + ["run 2"] * 4
    assert data.label is None


def test_pad_rated_over_time_parts_no_recording(read):
    body = rows()
    for i, row in enumerate(body):
        row[-3] = str(i / 10)
    data = read(without("clip", "window", "label", body=body))
    assert set(data.group.tolist()) == {"run 1"}, "nothing tells recordings apart: better none to split than a leak"
    assert "one group only: it cannot be split into train, validation and test" in data.summary["notes"]


def test_rows_out_of_order_without_clips_are_pointed_out(read):
    data = read(without("clip", body=[rows()[i] for i in (0, 3, 1, 4, 2, 5)]))
    assert any("add a column clip" in note for note in data.summary["notes"])


def test_without_windows_samples_are_numbered_within_their_clip(read):
    body = rows()
    body[1], body[4] = body[4], body[1]
    assert read(without("window", body=body)).sample.tolist() == [
        "waltz:0", "creep:0", "waltz:1", "creep:1", "waltz:2", "creep:2",
    ]  # fmt: skip


def test_one_clip_reads_and_the_summary_says_that_it_cannot_be_split(read):
    data = read(text(body=rows()[:3]))
    assert data.summary["groups"] == 1
    assert "one group only: it cannot be split into train, validation and test" in data.summary["notes"]


# --------------------------------------------------------------------------------------------------- summary


def test_the_summary_counts_and_is_json(read):
    summary = json.loads(json.dumps(read(text()).summary))
    assert (summary["rows"], summary["groups"], summary["pad_triples"], summary["skipped"]) == (6, 2, 2, 0)
    assert summary["rows_by_label"] == {"afraid": 3, "happy": 3}
    assert summary["groups_by_label"] == {"afraid": 1, "happy": 1}
    assert summary["file"] == "motion.csv", "the name alone: a path tells of a person's machine"


def test_a_constant_feature_is_reported(read):
    body = rows()
    for row in body:
        row[HEADER.index("avg_chest_pelvis_distance")] = "0.286151"
    summary = read(text(body=body)).summary
    assert summary["constant_features"] == ["avg_chest_pelvis_distance"]
    assert any("avg_chest_pelvis_distance" in note for note in summary["notes"])


def copied() -> list[list[str]]:
    """Return the rows of two clips of which one has a window of the other."""
    body = rows()
    body[4][3:-3] = body[1][3:-3]
    return body


def test_a_recording_under_two_names_is_one_group(read):
    body = copied()
    for row in body:  # one label and one PAD: nothing contradicts
        row[HEADER.index("label")] = body[0][HEADER.index("label")]
        row[-3:] = body[0][-3:]
    data = read(text(body=body), contradicting="left_out")
    assert data.group.tolist() == ["creep = waltz"] * 6
    assert data.sequence.tolist() == ["waltz"] * 3 + ["creep"] * 3
    assert data.summary["copied_windows"] == 0, "no copy is in two groups"
    assert any("recordings under several names, each one group: creep = waltz" in n for n in data.summary["notes"])


def test_a_recording_whose_labels_contradict_each_other_is_left_out_and_named(read):
    body = [*copied(), *(["third", *row[1:]] for row in rows()[:3])]
    for row in body[6:]:
        row[5] = "0.123"  # another recording
    kept, out = (read(text(body=body), contradicting=choice) for choice in ("kept", "left_out"))
    assert len(kept.sample) == 9
    assert set(kept.group.tolist()) == {"creep = waltz", "third"}
    assert set(out.group.tolist()) == {"third"}
    assert out.summary["skipped_rows"][lma.AGAINST] == {
        "count": 6,
        "first": [f"{clip}:{window}" for clip in ("waltz", "creep") for window in range(3)],
    }
    assert any("contradicting=kept takes them): 6 (waltz:0" in note for note in out.summary["notes"])
    assert out.version == kept.version
    assert [len(of) for of in (out.label, out.time, out.sequence, out.blocks["pad"].values)] == [3] * 4


def test_a_table_of_contradictions_alone_is_refused(read):
    with pytest.raises(UserError, match="every recording is there twice, with labels that contradict each other"):
        read(text(body=copied()), contradicting="left_out")


def test_windows_that_stand_in_two_clips_are_reported(read):
    body = rows()
    body[4][3:-3] = body[1][3:-3]
    summary = read(text(body=body)).summary
    assert summary["copied_windows"] == 1
    assert any("creep = waltz" in note for note in summary["notes"])
    assert read(text()).summary["copied_windows"] == 0


# ------------------------------------------------------------------------------------------------- bad columns


def test_a_misspelt_column_is_named_with_the_nearest(complaint):
    said = complaint(text().replace("neck_speed", "neck_sped"))
    assert said.startswith("FILE, line 1: expected column 'neck_speed' (nearest: 'neck_sped'")
    assert "; found clip, window, label, max_hand_distance" in said


def test_a_column_in_another_case_is_the_nearest(complaint):
    assert "expected column 'EMOTION_P' (nearest: 'emotion_p'" in complaint(text().replace("EMOTION_P", "emotion_p"))


def test_another_table_is_recognised_as_such(complaint):
    said = complaint("name,age\nAda,36\n")
    assert "'max_hand_distance', 'avg_l_hand_hip_distance'" in said
    assert said.endswith("26 more; found name, age")


@pytest.mark.parametrize("written", ["Clip", "clips", " CLIP"])
def test_a_misspelt_optional_column_is_not_overlooked(complaint, written):
    said = complaint(text().replace("clip,", f"{written},", 1))
    assert f"found a column {written.strip()!r}, expected 'clip' if that is what it holds" in said


def test_raw_label_is_not_taken_for_a_misspelt_label(read):
    assert read(text().replace(",label,", ",raw_label,")).label is None


def test_jerk_asked_for_and_not_there(complaint):
    said = complaint(text(), "with_jerk")
    assert "l_hand_movement_jerk_x" in said
    assert said.endswith("a file without them is read with --set features=all")


def test_a_column_that_stands_twice(complaint):
    header = [*HEADER, "neck_speed"]
    said = complaint(text(header, [[*row, "1"] for row in rows()]))
    assert said == (
        f"FILE, line 1: expected each column once, found 'neck_speed' 2 times "
        f"(columns {HEADER.index('neck_speed') + 1}, {len(header)})"
    )


@pytest.mark.parametrize(
    ("separator", "word"), [(";", "semicolons (';')"), ("\t", r"tabs ('\t')"), ("|", "vertical bars ('|')")]
)
def test_another_separator_is_named(complaint, separator, word):
    said = complaint(text(separator=separator))
    assert said == f"FILE, line 1: expected columns separated by commas and a decimal point, found {word}"


def test_a_decimal_comma_beside_semicolons_is_named(complaint):
    said = complaint(text(separator=";").replace(".", ","))
    assert said.endswith("found semicolons (';') and numbers with a decimal comma ('0,1')")


# --------------------------------------------------------------------------------------------------- bad cells


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("fast", "expected a number, found 'fast'"),
        ("", "expected a number, found ''"),
        ("1_000", "expected a number, found '1_000'"),
        ("NA", "expected a number, found 'NA'"),
        ('"0,5"', "expected a number with a decimal point, found '0,5'"),
        ("nan", "expected a finite number, found 'nan'"),
        ("-inf", "expected a finite number, found '-inf'"),
        ("1e999", "expected a finite number, found '1e999'"),
    ],
)
def test_what_is_no_number_is_named_with_its_line_and_column(complaint, cell, problem):
    assert complaint(changed(4, "l_foot_speed", cell)) == f"FILE, line 6, column l_foot_speed: {problem}"


def test_lines_are_those_of_an_editor(complaint):
    body = rows()
    body[0][2] = '"a label\nof two lines"'
    content = "\n" + text(body=body).replace("\nwaltz,1", "\n\nwaltz,1")
    # an empty line, the header, a row of two lines, an empty line: the second row is on line 6
    assert content.splitlines()[5].startswith("waltz,1")
    assert complaint(content.replace("waltz,1", "waltz,one")).startswith("FILE, line 6, column window:")


def test_a_long_cell_is_quoted_in_short(complaint):
    said = complaint(changed(0, "neck_speed", "x" * 5000))
    assert said.endswith("x…'")
    assert len(said) < 200


@pytest.mark.parametrize(("cell", "axis"), [("1.5", "EMOTION_P"), ("-1.0001", "EMOTION_D"), ("7", "EMOTION_A")])
def test_pad_outside_its_range(complaint, cell, axis):
    assert complaint(changed(2, axis, cell)) == (
        f"FILE, line 4, column {axis}: expected a number in [-1, 1], found {cell!r}"
    )


def test_pad_on_another_scale_is_said_once_with_a_count(complaint):
    said = complaint(text().replace("0.7", "7"))
    assert said.endswith(
        "column EMOTION_A: expected a number in [-1, 1], found '7' (and 2 more like it in this column)"
    )


def test_the_ends_of_the_range_belong_to_it(read):
    assert read(changed(0, "EMOTION_P", "-1")).blocks["pad"].values[0, 0] == -1


@pytest.mark.parametrize("column", ["clip", "label"])
def test_an_empty_name(complaint, column):
    said = complaint(changed(1, column, " "))
    assert said == f"FILE, line 3, column {column}: expected a name, found ' '"


def test_too_few_and_too_many_fields(complaint):
    count = len(HEADER)
    body = rows()
    body[1].append("9")
    assert complaint(text(body=body)) == f"FILE, line 3: expected {count} fields as in the header, found {count + 1}"
    body[1] = body[1][:-2]
    assert complaint(text(body=body)) == f"FILE, line 3: expected {count} fields as in the header, found {count - 1}"


def test_a_quote_that_never_ends(complaint):
    assert complaint(changed(1, "label", '"happy')).startswith("FILE, line 3: expected")


def test_a_window_that_stands_twice(complaint):
    said = complaint(text(body=[*rows(), rows()[1]]))
    assert said == "FILE, line 8, column window: expected each window of clip waltz once (line 3 has it too), found '1'"


# --------------------------------------------------------------------------------------------------- bad files


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file(complaint, content):
    assert complaint(content) == "FILE is empty: expected a line of column names and a row for each sample"


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_column_names_alone(complaint, end):
    assert complaint(",".join(HEADER) + end) == "FILE has column names and no rows: expected a row for each sample"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (text().replace("waltz", "Wälzer").encode("latin-1"), ", line 2: expected text in UTF-8, found the byte 0xe4"),
        (text().encode("utf-16"), ": expected CSV text in UTF-8, found UTF-16"),
        (text().encode("utf-16-le"), ", line 1: expected CSV text in UTF-8, found a zero byte"),
        (b"PK\x03\x04 and so on", ": expected CSV text in UTF-8, found a zip archive or a workbook"),
        (b"PAR1 and so on", ": expected CSV text in UTF-8, found Parquet"),
    ],
    ids=["latin-1", "UTF-16", "UTF-16 without a mark", "xlsx", "parquet"],
)
def test_what_is_not_utf8_text(complaint, content, found):
    assert complaint(content).startswith("FILE" + found)


def test_a_download_that_broke_off(complaint):
    whole = gzip.compress(text().encode())
    said = complaint(whole[:-30], name="motion.csv.gz")
    assert said.startswith(f"FILE is damaged: expected a whole gzip file, found {len(whole) - 30} bytes that do not")
    assert "copy or download it again" in said


def test_a_flipped_byte_in_a_gzip_file(complaint):
    whole = bytearray(gzip.compress(text().encode()))
    whole[len(whole) // 2] ^= 0xFF
    assert complaint(bytes(whole)).startswith("FILE is damaged")


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        lma.read(path, {"features": "all"})
    return str(caught.value)


def test_no_root(tmp_path):
    with pytest.raises(UserError, match="--root FILE"):
        lma.read(None, {"features": "all"})


def test_a_folder_instead_of_a_file(tmp_path):
    assert refused(tmp_path).endswith("is a folder: expected a file (.csv or .csv.gz); it holds no CSV file")
    (tmp_path / "dance.csv.gz").touch()
    assert refused(tmp_path).endswith("in it: dance.csv.gz")


def test_a_missing_file_and_the_nearest_names(tmp_path):
    (tmp_path / "dance_1sec.csv.gz").touch()
    (tmp_path / "notes.txt").touch()
    said = refused(tmp_path / "dance_1sec.csv")
    assert said == f"{tmp_path / 'dance_1sec.csv'} does not exist; nearest in {tmp_path}: dance_1sec.csv.gz"


def test_a_missing_folder(tmp_path):
    assert refused(tmp_path / "nowhere" / "a.csv").endswith(f"does not exist, and {tmp_path / 'nowhere'} is no folder")


def test_a_path_that_the_system_refuses(tmp_path):
    assert refused(tmp_path / ("x" * 300)).endswith("cannot be read: File name too long")


# ------------------------------------------------------------------------------------------- rows to predict for


def test_new_rows_need_only_what_a_method_is_given(tmp_path):
    file = tmp_path / "new.csv"
    file.write_text(without("clip", "window", "label", *lma.PAD))
    rows = lma.read_inputs(file, ("features",), {"features": "all"})
    assert rows.blocks["features"].values.tolist() == [
        [value(row, feature) for feature in lma.FEATURES] for row in range(6)
    ]
    assert rows.names == {}
    assert list(rows.blocks) == ["features"]
    rows = lma.read_inputs(file, ("features",), {"features": "no_acceleration"})
    assert rows.blocks["features"].values.shape == (6, 22)

    file.write_text("EMOTION_D,EMOTION_A,EMOTION_P\n-0.8,0.7,-0.35\n")
    rows = lma.read_inputs(file, ("pad",), {"features": "all"})
    assert rows.blocks["pad"].values.tolist() == [list(PAD["afraid"])]


def test_new_rows_keep_their_names_and_need_no_label(tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("clip,label,EMOTION_P,EMOTION_A,EMOTION_D\nwaltz,,0,0,0\njive,sad,0,0,0\n")
    names = lma.read_inputs(file, ("pad",), {"features": "all"}).names
    assert {name: cells.tolist() for name, cells in names.items()} == {"clip": ["waltz", "jive"], "label": ["", "sad"]}


def test_new_rows_are_checked_as_strictly(tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("EMOTION_P,EMOTION_A,EMOTION_D\n0,0,0\n0,2,0\n")
    with pytest.raises(UserError, match=r"line 3, column EMOTION_A: expected a number in \[-1, 1\], found '2'"):
        lma.read_inputs(file, ("pad",), {"features": "all"})
    with pytest.raises(UserError, match=r"expected columns 'max_hand_distance'.*; the run's method takes features"):
        lma.read_inputs(file, ("features",), {"features": "all"})


# ----------------------------------------------------------------------------------------------- the real table


@pytest.fixture
def table(real_data: Path) -> Path:
    return real_data / "motion" / "dance_walk_kin_1sec.csv.gz"


@pytest.mark.realdata
def test_the_real_table(table):
    data = lma.read(table, {"features": "all"})
    assert (data.summary["rows"], data.summary["groups"], data.summary["pad_triples"]) == (13_215, 1_021, 14)
    assert len(set(data.sample.tolist())) == 13_215
    assert data.summary["constant_features"] == ["avg_chest_pelvis_distance"]
    assert data.summary["groups_by_label"]["nervous"] == data.summary["groups_by_label"]["bored"] == 1
    assert np.isfinite(data.blocks["features"].values).all()
    # three takes stand in the table twice, under two names; one of them under two labels
    assert data.summary["copied_windows"] == 157
    assert any("happy_0_walk = relaxed_0_walk" in note for note in data.summary["notes"])


@pytest.mark.realdata
def test_the_real_tables_recordings_are_one_group_each(table):
    data = lma.read(table, {"features": "all", "contradicting": "left_out"})
    names = sorted(name for name in set(data.group.tolist()) if " = " in name)
    assert names == ["sad_0_dance = sad_dance2_0", "tired_1_dance = tired_dance2_4"]
    assert (len(data.sample), len(set(data.group.tolist())), data.summary["copied_windows"]) == (13_203, 1_017, 0)
    assert data.summary["skipped_rows"][lma.AGAINST]["count"] == 12
    kept = lma.read(table, {"features": "all", "contradicting": "kept"})
    assert (len(kept.sample), len(set(kept.group.tolist()))) == (13_215, 1_018)


@pytest.mark.realdata
@pytest.mark.parametrize(("features", "width"), [("all", 27), ("no_acceleration", 22), ("with_jerk", 42)])
def test_the_real_table_in_each_setting(table, features, width):
    assert lma.read(table, {"features": features}).blocks["features"].values.shape == (13_215, width)


@pytest.mark.realdata
def test_the_real_table_is_the_published_one(table):
    """Always the mean scores 0.1685 MAE over all features of the table, in raw units."""
    values = lma.read(table, {"features": "all"}).blocks["features"].values
    assert np.abs(values - values.mean(axis=0)).mean() == pytest.approx(0.1685, abs=5e-4)


@pytest.mark.realdata
def test_the_real_table_without_its_clips_keeps_them_apart(table, tmp_path):
    """Runs found by the counter of windows are the clips themselves."""
    content = gzip.decompress(table.read_bytes()).decode()
    header, _, body = content.partition("\n")
    stripped = tmp_path / "unnamed.csv"
    stripped.write_text(header.replace("clip,", "take,", 1) + "\n" + body)
    found = lma.read(stripped, {"features": "all"})
    known = lma.read(table, {"features": "all"})
    assert found.group_kind == "run of windows"
    assert len(set(zip(found.group.tolist(), known.group.tolist(), strict=True))) == found.summary["groups"] == 1_021
