from __future__ import annotations

import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from affect.facemesh import TRIANGLES
from training import cli
from training.contract import UserError
from training.datasets import ckplus
from training.prepare import meshes

pytestmark = pytest.mark.usefixtures("fake_facemesh")


def test_what_is_exported_of_the_official_tree_is_what_ckplus_reads(tree, tmp_path):
    out = tmp_path / "meshes.npz"
    ran = CliRunner().invoke(cli.app, ["prepare", "meshes", str(tree), str(out), "--last", "0.5"])
    assert ran.exit_code == 0, ran.output
    # five of the ten frames; of the two of four, one is dark
    assert "6 meshes written" in ran.output
    assert "left out, images without a face: 1 (S010_002_00000004.png)" in ran.output
    assert "left out, sequences that have no emotion: 1 (S010_003)" in ran.output
    data = ckplus.read(out, {})
    assert data.sample.tolist() == [f"S005_001_{i:08d}" for i in range(6, 11)] + ["S010_002_00000003"]
    assert data.group.tolist() == ["S005"] * 5 + ["S010"]
    assert (30 * data.time).round(9).tolist() == [6, 7, 8, 9, 10, 3], "frames at 30 a second, in seconds"
    assert data.label.tolist() == ["disgust"] * 5 + ["happy"]
    np.testing.assert_array_equal(data.blocks["landmarks"].triangles, TRIANGLES)
    assert np.load(out, allow_pickle=False)["without_face"].tolist() == ["S010_002_00000004.png"]


def test_a_video_is_exported_frame_by_frame(film, tmp_path, console):
    assert meshes.export(film, tmp_path / "film.npz", console) == 5
    arrays = np.load(tmp_path / "film.npz", allow_pickle=False)
    assert arrays["frame"].tolist() == [0, 1, 3, 4, 5]
    assert arrays["without_face"].tolist() == ["film.mp4:2"]
    np.testing.assert_allclose(arrays["time"], np.array([0, 1, 3, 4, 5]) / 25)
    with pytest.raises(UserError, match="most meshes cannot be used: 5 meshes without a label"):
        ckplus.read(tmp_path / "film.npz", {})


def test_images_are_predicted_for_as_they_are(tmp_path, draw_image, capsys):
    draw_image(tmp_path / "one.png", width=60)
    draw_image(tmp_path / "dark.png", 0)
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    rows = ckplus.read_inputs(tmp_path, ("landmarks",), {})
    assert rows.blocks["landmarks"].values.shape == (1, 468, 3)
    assert rows.names["filename"].tolist() == ["one.png"]
    told = capsys.readouterr()
    assert not told.out, "the predictions go there"
    assert rows.skipped == (
        "left out, images that cannot be read: 1 (broken.jpg: 8 bytes that are no image)",
        "left out, images without a face: 1 (dark.png)",
    )
    alone = ckplus.read_inputs(tmp_path / "one.png", ("landmarks",), {})
    assert alone.names["filename"].tolist() == ["one.png"]
    with pytest.raises(UserError, match="no face was found in any of 1 images"):
        ckplus.read_inputs(tmp_path / "dark.png", ("landmarks",), {})


def test_images_of_ckplus_without_labels_are_refused_before_faces_are_sought(tree, tmp_path, console, monkeypatch):
    shutil.rmtree(tree / "Emotion")
    monkeypatch.setattr(meshes, "Tracker", lambda *_, **__: pytest.fail("faces are sought"))
    with pytest.raises(UserError, match="named as those of CK\\+ and have no label; expected its files Emotion"):
        meshes.export(tree, tmp_path / "out.npz", console)
    assert not (tmp_path / "out.npz").exists()


def test_every_image_of_a_tree_is_predicted_for(tree):
    rows = ckplus.read_inputs(tree, ("landmarks",), {})
    assert len(rows.names["filename"]) == 18, "19 frames of which one is dark, with a label or without"


def test_nothing_is_written_over_and_nowhere_else(tmp_path, tree, console):
    (tmp_path / "there.npz").write_bytes(b"precious")
    for name, message in (("there.npz", "is there already"), ("x.csv", "ends in .npz"), ("no/x.npz", "no folder")):
        with pytest.raises(UserError, match=message):
            meshes.export(tree, tmp_path / name, console)
    assert (tmp_path / "there.npz").read_bytes() == b"precious"


@pytest.mark.slow
@pytest.mark.realdata
def test_the_real_facemesh(real_data, tmp_path, console, monkeypatch):
    """Makes MediaPipe's environment, so it needs a package index and takes a minute."""
    monkeypatch.undo()
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    photographs = sorted((real_data / "faces" / "images").glob("*.jpg"))[:12]
    (tmp_path / "some").mkdir()
    for file in photographs:
        (tmp_path / "some" / file.name).symlink_to(file)
    try:
        faces = meshes.meshes(tmp_path / "some", console)
    except UserError as error:
        if "package index" in str(error):
            pytest.skip(str(error))
        raise
    assert len(faces.images) + len(faces.without) == len(photographs)
    assert len(faces.images) > 6
    width, height, depth = np.ptp(faces.landmarks, axis=1).T
    assert (width > 60).all()
    assert (height / width > 0.8).all()
    assert (depth > 0.3 * width).all()
    assert (faces.landmarks[:, 10, 1] < faces.landmarks[:, 152, 1]).all(), "y points down"
