from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training import splits
from training.contract import UserError
from training.datasets import ckplus, synthetic_meshes
from training.datasets.ckplus import EMOTIONS

PEOPLE, FRAMES = 10, 2


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    """Ten people, who show two emotions each, in two frames: as an exported file without persons and triangles."""
    faces = synthetic_meshes.generate(recordings={name: 3 for name in EMOTIONS}).blocks["landmarks"].values
    rows = [(p, take, frame) for p in range(PEOPLE) for take in (1, 2) for frame in range(FRAMES)]
    return {
        "landmarks": faces[: len(rows)],
        "filename": np.array([f"S{10 + p:03d}_{take:03d}_{frame + 8:08d}.png" for p, take, frame in rows]),
        "label": np.array([EMOTIONS[(p + take) % 7] for p, take, _ in rows]),
    }


@pytest.fixture
def write(tmp_path, arrays):
    def written(**changes: Any) -> Path:
        np.savez(tmp_path / "faces.npz", **{k: v for k, v in {**arrays, **changes}.items() if v is not None})
        return tmp_path / "faces.npz"

    return written


def changed(values: np.ndarray, row: int, to: Any) -> np.ndarray:
    values = values.astype(object) if isinstance(to, str) else values.copy()
    values[row] = to
    return values.astype(str) if isinstance(to, str) else values


def test_names_tell_person_sequence_and_frame(write, arrays):
    data = ckplus.read(write(), {})
    assert data.sample[5] == "S011_001_00000009"
    assert (data.group[5], data.sequence[5], data.time[5]) == ("S011", "S011_001", 9 / 30)
    np.testing.assert_array_equal(data.blocks["landmarks"].values, arrays["landmarks"])
    assert data.persons_known
    assert data.summary["groups"] == PEOPLE
    assert data.summary["sequences"] == 2 * PEOPLE
    assert sum(data.summary["rows_by_label"].values()) == len(arrays["label"]) == data.summary["rows"]
    json.dumps(data.summary, allow_nan=False)


def test_the_version_is_that_of_the_content(write, arrays, monkeypatch):
    first = ckplus.read(write(), {}).version
    # as though it were exported again another day
    monkeypatch.setattr("time.localtime", lambda *_: (2031, 2, 3, 4, 5, 6, 0, 0, 0))
    assert ckplus.read(write(), {}).version == first
    assert ckplus.read(write(label=changed(arrays["label"], 3, "fear")), {}).version != first
    assert ckplus.read(write(landmarks=arrays["landmarks"] + 1), {}).version != first


def test_without_triangles_the_mean_face_is_triangulated(write):
    data = ckplus.read(write(), {})
    block = data.blocks["landmarks"]
    assert {*block.triangles.ravel().tolist()} == {*range(468)}
    mean = block.values.mean(axis=0)
    a, b, c = (mean[block.triangles[:, i], :2] for i in range(3))
    turns = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (turns <= 1e-3).all(), "all triangles turn in one sense"
    assert any("Delaunay" in note for note in data.summary["notes"])


def test_exported_arrays_go_before_names(write):
    n = PEOPLE * 2 * FRAMES
    given = np.array([[0, 1, 2], [2, 3, 0]])
    file = write(
        filename=np.array([f"{i}.jpg" for i in range(n)]),
        person=np.array([f"p{i % 7}" for i in range(n)]),
        sequence=np.array([f"p{i % 7} film" for i in range(n)]),
        frame=np.arange(n),
        triangles=given.astype(np.int32),
    )
    data = ckplus.read(file, {})
    assert (data.group[8], data.sequence[8], data.time[8], data.sample[8]) == ("p1", "p1 film", 8 / 30, "8")
    np.testing.assert_array_equal(data.blocks["landmarks"].triangles, given)


def test_lost_and_unlabelled_faces_are_left_out_and_counted(write, arrays):
    landmarks = changed(changed(arrays["landmarks"], 3, 0.0), 4, np.nan)
    data = ckplus.read(write(landmarks=landmarks, label=changed(arrays["label"], 7, "")), {})
    assert data.summary["skipped"] == 3
    counts = {why: of["count"] for why, of in data.summary["skipped_rows"].items()}
    assert counts == {"meshes that tracking lost": 2, "meshes without a label": 1}
    assert len(data.sample) == len(arrays["label"]) - 3
    assert np.isfinite(data.blocks["landmarks"].values).all()
    assert any("left out, meshes that tracking lost: 2 (S010_002_00000009.png, " in n for n in notes(data))


def notes(data) -> list[str]:
    return data.summary["notes"]


def test_irises_are_cut_and_that_is_said(write, arrays):
    eyes = np.concatenate([arrays["landmarks"], arrays["landmarks"][:, :10]], axis=1)
    data = ckplus.read(write(landmarks=eyes), {})
    np.testing.assert_array_equal(data.blocks["landmarks"].values, arrays["landmarks"])
    assert any("irises" in note for note in notes(data))


BAD = {
    "normalised": (
        lambda a: {"landmarks": changed(a["landmarks"], 6, a["landmarks"][6] / 320)},
        "row 6: expected pixels, found a face .* normalised coordinates bend the geometry",
    ),
    "too few points": (lambda a: {"landmarks": a["landmarks"][:, :68]}, r"expected \(n, 468, 3\), found \(40, 68, 3\)"),
    "whole numbers": (lambda a: {"landmarks": a["landmarks"].astype(int)}, "expected floating-point pixels, found int"),
    "no person": (
        lambda a: {"filename": changed(a["filename"], 2, "portrait.png")},
        "row 2: expected Sxxx_yyy_frame.png .*, found 'portrait.png'",
    ),
    "an image twice": (
        lambda a: {"filename": changed(a["filename"], 2, a["filename"][0])},
        "'S010_001_00000008' twice",
    ),
    "a misspelt emotion": (lambda a: {"label": changed(a["label"], 1, "surprize")}, "expected 'surprise', found 'surp"),
    "a misspelt array": (lambda a: {"label": None, "labels": a["label"]}, "expected an array 'label', .*'labels'"),
    "too few labels": (lambda a: {"label": a["label"][:-1]}, "array label: expected 40 texts"),
    "most lost": (
        lambda a: {"landmarks": 0 * a["landmarks"]},
        "most meshes cannot be used: 40 meshes that tracking lost, of 40",
    ),
    "no triangle": (
        lambda a: {"triangles": np.zeros((0, 3), int)},
        r"expected whole numbers \(f, 3\), found int64 \(0",
    ),
    "a vertex too many": (lambda a: {"triangles": np.array([[0, 1, 468]])}, "0 … 467, found 0 … 468"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_refused_with_its_place(write, arrays, what):
    change, message = BAD[what]
    file = write(**change(arrays))
    with pytest.raises(UserError, match=message) as error:
        ckplus.read(file, {})
    assert str(file) in str(error.value)


def test_the_image_tree_is_to_be_exported_first(tmp_path):
    (tmp_path / "cohn-kanade-images").mkdir()
    with pytest.raises(UserError, match=f"prepare meshes {tmp_path} meshes.npz"):
        ckplus.read(tmp_path, {})


@pytest.mark.parametrize("content", [b"", b"x,y,z\n", b"PK\x03\x04 cut off"])
def test_what_is_no_npz_is_refused(tmp_path, content):
    file = tmp_path / "faces.npz"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"faces\.npz: expected an npz"):
        ckplus.read(file, {})


def test_an_export_that_was_damaged_on_its_way_is_refused(tmp_path, arrays):
    """What zlib cannot unpack it says before the archive's sum is looked at."""
    file = tmp_path / "faces.npz"
    np.savez_compressed(file, **arrays)
    content = bytearray(file.read_bytes())
    content[len(content) // 3 :: 50] = b"\xff" * len(content[len(content) // 3 :: 50])
    content[-4000:] = file.read_bytes()[-4000:]
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"faces\.npz: expected an npz of plain arrays"):
        ckplus.read(file, {})


def test_objects_are_not_unpickled(write):
    with pytest.raises(UserError, match="expected an npz of plain arrays"):
        ckplus.read(write(label=np.array([object()] * 40, object)), {})


def test_new_meshes_need_neither_label_nor_person(write, arrays):
    rows = ckplus.read_inputs(write(label=None), ("landmarks",), {})
    np.testing.assert_array_equal(rows.blocks["landmarks"].values, arrays["landmarks"])
    assert len(rows) == len(arrays["landmarks"])
    assert rows.names["filename"][0] == "S010_001_00000008.png"
    assert rows.skipped == ()
    lost = ckplus.read_inputs(write(landmarks=changed(arrays["landmarks"], 5, 0.0)), ("landmarks",), {})
    assert len(lost) == len(lost.names["filename"]) == len(rows) - 1
    assert lost.skipped == ("left out, meshes that tracking lost: 1 (S011_001_00000009.png)",)
    with pytest.raises(UserError, match="not finite in all 40 rows"):
        ckplus.read_inputs(write(landmarks=np.zeros_like(arrays["landmarks"])), ("landmarks",), {})


def test_seconds_are_taken_where_the_file_has_them_and_further_arrays_are_told(write, arrays):
    n = len(arrays["label"])
    data = ckplus.read(write(time=np.arange(n) / 25, without_face=np.array(["a.png"]), extra=np.zeros(3)), {})
    assert data.time[5] == 5 / 25
    assert "arrays that are not read: extra" in notes(data)
    assert any("no face was found when the file was made: 1 (a.png)" in note for note in notes(data))
    with pytest.raises(UserError, match="array time: expected 40 seconds"):
        ckplus.read(write(time=np.arange(3)), {})


def test_texts_that_hold_no_characters_are_refused(write, arrays):
    damaged = arrays["label"].astype("<U9")
    damaged.view(np.uint32)[3] = 0x7FFFFFFF
    with pytest.raises(UserError, match="array label: expected texts, found what are no characters"):
        ckplus.read(write(label=damaged), {})


def test_an_encrypted_npz_is_refused(write):
    file = write()
    content = bytearray(file.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1  # the flag of an encrypted member
            at = content.find(mark, at + 1)
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"expected an npz of plain arrays .*encrypted"):
        ckplus.read(file, {})


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "meshes.npz")
    with pytest.raises(UserError, match="expected an npz with landmarks"):
        ckplus.read(tmp_path / "meshes.npz", {})


def test_what_does_not_fit_into_memory_is_said_before_it_is_read(write, monkeypatch):
    file = write()
    monkeypatch.setattr(os, "sysconf", lambda name: 10 if name == "SC_PHYS_PAGES" else 100)
    with pytest.raises(UserError, match=r"its arrays need .*, more memory than this machine has \(1\.0 kB\)"):
        ckplus.read(file, {})


def test_val_of_a_published_split_is_its_test(write, tmp_path):
    data = ckplus.read(write(), {})
    people = np.unique(data.group).tolist()
    file = tmp_path / "split.json"
    file.write_text(json.dumps({"train": people[:7], "val": people[7:]}), "utf-8")
    assert {g for g, part in splits.read(file, data).items() if part == "test"} == {*people[7:]}
    file.write_text(json.dumps({"train": people[:7], "val": people[6:]}), "utf-8")
    with pytest.raises(UserError, match="person 'S016' is in train and in"):
        splits.read(file, data)


@pytest.mark.realdata
def test_the_real_file(real_data):
    data = ckplus.read(real_data / "meshes" / "ckplus_facemesh468.npz", {})
    assert data.summary["skipped"] == 0
    assert {*data.label.tolist()} == {*EMOTIONS}
    assert len(data.sample) == 3 * data.summary["sequences"]
    parts = splits.read(real_data / "meshes" / "split.json", data)
    assert {*parts.values()} == {"train", "test"}
    assert {*data.group.tolist()} <= {*parts}
