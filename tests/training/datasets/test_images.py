"""Images: any kind becomes 64×64 RGB, a damaged one is told, the face is cut out, a second read is the cache's."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests import face_trees
from training.contract import UserError
from training.datasets import _images


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))


def plain(size=(80, 80), mode="RGB", colour: object = (200, 100, 50)) -> Image.Image:
    return Image.new(mode, size, colour)


def only(path: Path, **how) -> np.ndarray:
    found = _images.load([path], **how)
    assert not found.failed
    return found.images[0]


def test_colours_are_rgb_with_channels_first(tmp_path):
    image = only(face_trees.save(plain(), tmp_path / "a.png"))
    assert image.shape == (3, 64, 64)
    assert image.dtype == np.uint8
    assert image[:, 30, 30].tolist() == [200, 100, 50]


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (plain(mode="L", colour=77), [77, 77, 77]),
        (plain(mode="1", colour=1), [255, 255, 255]),
        (plain(mode="I;16", colour=257 * 100), [100, 100, 100]),
        (plain(mode="RGBA", colour=(200, 100, 50, 255)), [200, 100, 50]),
        (plain(mode="RGBA", colour=(200, 100, 50, 0)), [255, 255, 255]),
        (plain(mode="LA", colour=(0, 51)), [204, 204, 204]),
        (plain().convert("P"), [204, 102, 51]),
    ],
    ids=["grey", "bit", "grey of 16 bits", "opaque", "transparent", "grey transparent", "palette"],
)
def test_every_kind_of_image_becomes_rgb(tmp_path, image, colour):
    found = _images.load([face_trees.save(image, tmp_path / "a.png")])
    assert found.images[0][:, 30, 30].astype(int) == pytest.approx(colour, abs=3)
    assert found.grey.tolist() == [image.mode in ("L", "1", "I;16", "LA")]
    assert found.transparent.tolist() == [image.mode in ("RGBA", "LA")]


def test_a_file_that_is_no_image_is_told_and_the_others_are_read(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    good = face_trees.save(Image.fromarray(noise), tmp_path / "good.jpg")
    truncated = tmp_path / "truncated.jpg"
    truncated.write_bytes(good.read_bytes()[:2000])
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    found = _images.load([truncated, good, tmp_path / "missing.jpg", text])
    assert found.kept.tolist() == [1]
    assert "damaged image" in found.failed[0]
    assert "truncated" in found.failed[0]
    assert found.failed[2] == "no file of that name"
    assert found.failed[3] == "8 bytes that are no image"


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((10, 20, 30, 40), (10, 20, 20)),
        ((10, 20, 30, 30), (10, 15, 20)),
        ((-10, 0, 20, 30), (0, 0, 30)),
        ((80, 40, 110, 70), (70, 30, 30)),
        ((0, 0, 100, 60), (20, 0, 60)),
        ((0, 0, 500, 500), (40, 0, 60)),
    ],
)
def test_the_square_around_a_box_lies_in_the_image(box, expected):
    left, top, side = _images.square(box, 100, 60)
    assert (left, top, side) == expected
    assert min(left, top) >= 0
    assert left + side <= 100
    assert top + side <= 60


def test_the_sets_box_is_what_is_cut_out(tmp_path):
    image = plain((200, 100), colour="black")
    ImageDraw.Draw(image).rectangle((120, 20, 159, 59), fill="white")
    path = face_trees.save(image, tmp_path / "a.png")
    assert only(path, boxes=[(120.0, 20.0, 160.0, 60.0)])[:, 2:-2, 2:-2].min() == 255
    for outside in ((300.0, 0.0, 400.0, 50.0), (-50.0, 0.0, -10.0, 50.0), (10.0, 10.0, 10.0, 20.0)):
        found = _images.load([path], [outside])
        assert "face box" in found.failed[0]
        assert "not in the image (200×100)" in found.failed[0]


def test_a_face_is_found_where_the_set_has_no_box_and_said_where_none_is(tmp_path):
    """A face-like pattern in a corner: bright skin with dark eyes, brows and mouth."""
    scene = Image.new("RGB", (320, 240), (90, 90, 90))
    draw = ImageDraw.Draw(scene)
    draw.ellipse((180, 60, 290, 200), fill=(225, 190, 170))
    for x in (212, 258):
        draw.ellipse((x - 13, 108, x + 13, 120), fill=(60, 40, 40))
        draw.rectangle((x - 15, 96, x + 15, 101), fill=(90, 60, 50))
    draw.polygon(((235, 112), (228, 148), (242, 148)), fill=(190, 150, 130))
    draw.ellipse((213, 163, 257, 175), fill=(150, 60, 60))
    found = _images.load([face_trees.save(scene, tmp_path / "a.png"), face_trees.save(plain(), tmp_path / "b.png")])
    assert found.how.tolist() == [_images.DETECTED, _images.CENTRE]
    assert (found.images[0] == 90).all(axis=0).mean() < 0.5, "of the whole image it is 0.84"


def test_a_strip_of_a_image_has_no_face(tmp_path):
    strips = [face_trees.save(plain(size), tmp_path / f"{size[0]}.png") for size in ((1000, 1), (1, 1000))]
    assert _images.load(strips).how.tolist() == [_images.CENTRE] * 2


def test_a_image_that_is_stored_lying_is_stood_up(tmp_path):
    image = plain((80, 80), colour="black")
    ImageDraw.Draw(image).rectangle((0, 0, 79, 39), fill="white")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image.save(tmp_path / "a.jpg", exif=exif)
    image = only(tmp_path / "a.jpg", whole=True)[0]
    assert image[:, 40:].mean() > 250 > 5 > image[:, :24].mean()


def test_a_second_read_decodes_nothing_and_is_the_same(tmp_path, monkeypatch):
    paths = [face_trees.save(image, tmp_path / f"{i}.png") for i, (image, *_) in enumerate(face_trees.faces(5))]
    paths.insert(2, tmp_path / "missing.png")
    first = _images.load(paths)
    monkeypatch.setattr(_images, "decode", lambda *_: pytest.fail("decoded again"))
    again = _images.load(paths)
    for name in _images.ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    assert again.failed == first.failed == {2: "no file of that name"}


def test_a_changed_file_another_cut_and_a_damaged_cache_are_decoded_again(tmp_path):
    path = face_trees.save(plain(), tmp_path / "a.png")
    assert only(path)[0, 0, 0] == 200
    face_trees.save(plain(colour=(10, 10, 10)), path)
    assert only(path)[0, 0, 0] == 10
    assert _images.load([path], whole=True).how.tolist() == [_images.WHOLE]
    for kept in (tmp_path / "cache" / "images").iterdir():
        kept.write_bytes(kept.read_bytes()[:100])
    assert only(path)[0, 0, 0] == 10


def test_without_a_cache_images_are_read_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", "/proc/cache")
    assert only(face_trees.save(plain(), tmp_path / "a.png")).shape == (3, 64, 64)


def test_new_images_are_an_image_or_a_folder(tmp_path):
    for i, (image, *_) in enumerate(face_trees.faces(3)):
        face_trees.save(image, tmp_path / "new" / f"{i}.png")
    (tmp_path / "new" / "notes.txt").write_text("no image")
    rows = _images.read_inputs(tmp_path / "new", ("images",), {})
    assert rows.blocks["images"].values.shape == (3, 3, 64, 64)
    assert rows.names["image"].tolist() == ["0.png", "1.png", "2.png"]
    faces = _images.read_faces(tmp_path / "new" / "1.png", ("images",), {}).blocks["images"].values
    assert np.array_equal(faces[0], np.asarray(face_trees.faces(3)[1][0]).transpose(2, 0, 1)), "a face is not cut again"


@pytest.mark.parametrize(
    ("file", "block", "message"),
    [
        ("nowhere.png", "images", r"nowhere\.png does not exist"),
        (".", "images", "holds no image: expected files .jpg"),
        ("text.png", "images", "text.png: expected an image, found 4 bytes"),
        ("text.png", "va", "the block 'images', and the run's method takes va"),
    ],
)
def test_new_images_that_are_none_are_refused(tmp_path, file, block, message):
    if file == "text.png":
        (tmp_path / file).write_text("text")
    with pytest.raises(UserError, match=message):
        _images.read_inputs(tmp_path / file, (block,), {})


@pytest.mark.parametrize(
    ("values", "mode", "span", "colour"),
    [
        (0.5, "F", "0 … 1", 128),
        (100.0, "F", "0 … 255", 100),
        (257.0 * 100, "F", "0 … 65535", 100),
        (100, "I;16", "0 … 255", 100),
        (4095, "I;16", "0 … 4095", 255),
        (257 * 100, "I;16", "", 100),
        (257 * 100, "I", "", 100),
        (100, "I", "0 … 255", 100),
    ],
)
def test_an_image_of_numbers_is_read_by_its_range(tmp_path, values, mode, span, colour):
    path = tmp_path / "a.tif"
    types = {"F": np.float32, "I": np.int32, "I;16": np.uint16}
    Image.fromarray(np.full((80, 80), values, types[mode])).save(path)
    found = _images.load([path])
    assert found.images[0][:, 30, 30].tolist() == [colour] * 3
    assert found.range.tolist() == [span]
    assert found.grey.tolist() == [True]
    assert [note for note in found.notes() if "hold values" in note] == (
        [f"1 of 1 images hold values {span}, and were read so"] if span else []
    )


@pytest.mark.parametrize(
    ("values", "message"), [(-0.5, "values -0.5"), (70000.0, "70000"), (np.nan, "values that are not finite")]
)
def test_an_image_of_other_numbers_is_refused(tmp_path, values, message):
    Image.fromarray(np.full((80, 80), values, np.float32)).save(tmp_path / "a.tif")
    assert message in _images.load([tmp_path / "a.tif"]).failed[0]


def test_images_with_hardly_anything_in_them_are_told(tmp_path):
    colours = {"black": (3, 5, 2), "white": (250, 255, 252), "fine": (90, 120, 30)}
    found = _images.load([face_trees.save(plain(colour=of), tmp_path / f"{name}.png") for name, of in colours.items()])
    assert found.exposure.tolist() == [_images.BLACK, _images.WHITE, ""]
    assert found.notes() == ["1 of 3 images are nearly black", "1 of 3 images are nearly white"]


def test_images_are_mapped_into_memory_and_those_that_are_left_out_are_not_copied(tmp_path):
    paths = [face_trees.save(image, tmp_path / f"{i}.png") for i, (image, *_) in enumerate(face_trees.faces(5))]
    found = _images.load(paths, whole=True)
    assert isinstance(found.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found.images[0] = 0
    chosen = found.take(np.array([3, 1]))
    assert chosen.images.values is found.images
    assert chosen.images.shape == (2, 3, 64, 64)
    np.testing.assert_array_equal(chosen.images[np.array([1, 0])], found.images[[1, 3]])
    np.testing.assert_array_equal(np.asarray(chosen.images), found.images[[3, 1]])
    assert chosen.content.tolist() == found.content[[3, 1]].tolist()


def test_decoding_holds_no_image_in_memory(tmp_path, monkeypatch):
    """Whatever their number: 3,000 images of 12 kB are decoded with the pixels of a few in memory."""
    import tracemalloc

    path = face_trees.save(face_trees.faces(1)[0][0], tmp_path / "a.png")
    monkeypatch.setattr(_images, "CHUNK", 64)
    cut = _images.decode(path, None, True)
    monkeypatch.setattr(_images, "decode", lambda *_: cut._replace(image=cut.image.copy()))
    _images.load([path], whole=True)  # what is imported at the first use
    tracemalloc.start()
    found = _images.load([path] * 3000, whole=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.images.nbytes == 3000 * 3 * 64 * 64
    assert peak < found.images.nbytes / 4


def test_a_folder_is_read_to_its_depths_and_what_is_left_out_is_named(tmp_path):
    kinds = {
        "a.jfif": "JPEG",
        "b.jpe": "JPEG",
        "c.avif": "AVIF",
        "d.webp": "WEBP",
        "e.JPG": "JPEG",
        "deep/er/f.pgm": "PPM",
    }
    for name, kind in kinds.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        face_trees.faces(1)[0][0].convert("L" if kind == "PPM" else "RGB").save(tmp_path / name, kind)
    for name in ("._a.jfif", ".DS_Store", "deep/Thumbs.db", "notes.txt", "photo.heic", "deep/broken.png"):
        (tmp_path / name).write_bytes(b"no image")
    rows = _images.read_faces(tmp_path, ("images",), {})
    assert rows.names["image"].tolist() == sorted(kinds, key=lambda name: Path(name).parts)
    assert len(rows) == len(kinds)
    assert rows.skipped == (
        "left out, files of macOS or Windows: 3 (.DS_Store, ._a.jfif, deep/Thumbs.db)",
        "left out, files that are no image: 2 (notes.txt, photo.heic)",
        "left out, images that cannot be read: 1 (deep/broken.png: 8 bytes that are no image)",
    )


def test_a_linked_folder_is_read_and_a_circle_ends(tmp_path):
    face_trees.save(plain(), tmp_path / "far" / "a.png")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "new")
    assert _images.read_faces(tmp_path / "new", ("images",), {}).names["image"].tolist() == ["link/a.png"]


@pytest.mark.parametrize("name", ["n" * 300 + ".png", "a\0b.png", "pipe.png"])
def test_names_that_no_file_can_have_and_pipes_are_no_images(tmp_path, name):
    if name == "pipe.png":
        os.mkfifo(tmp_path / name)
    assert _images.load([tmp_path / name]).failed[0]
