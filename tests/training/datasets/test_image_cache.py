"""Decoded images in the cache: a process that was killed goes on where it was, and of several one decodes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.datasets import _image_cache, _images


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_image_cache, "PART", 4)


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    """Eleven images, of which two cannot be read."""
    files = []
    for k in range(11):
        file = tmp_path / f"{k}.png"
        if k in (2, 9):
            file.write_bytes(b"no image")
        else:
            Image.new("RGB", (8, 8), (20 * k, 0, 0)).save(file)
        files.append(file)
    return files


def colours(found: _images.Loaded) -> list[int]:
    return (np.asarray(found.images)[:, 0, 0, 0] // 20).tolist()


def test_parts_are_one_array(paths, tmp_path):
    found = _images.load(paths, whole=True)
    assert colours(found) == found.kept.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 10]
    assert [*found.failed] == [2, 9]
    assert isinstance(found.images, np.memmap)
    again = _images.load(paths, whole=True)
    assert colours(again) == colours(found)
    assert not [*(tmp_path / "cache" / "images").glob("*.parts")]


@pytest.mark.parametrize(("killed", "kept"), [(3, 0), (4, 4), (7, 4), (10, 8)])
def test_what_was_decoded_before_a_kill_is_not_decoded_again(paths, monkeypatch, killed, kept):
    decoded: list[str] = []
    decode = _images.decode

    def until_killed(path, *rest):
        if len(decoded) == killed:
            raise KeyboardInterrupt
        decoded.append(path.name)
        return decode(path, *rest)

    monkeypatch.setattr(_images, "CHUNK", 1)  # decoded one after the other
    monkeypatch.setattr(_images, "decode", until_killed)
    with pytest.raises(KeyboardInterrupt):
        _images.load(paths, whole=True)
    monkeypatch.setattr(_images, "decode", lambda path, *rest: (decoded.append(path.name), decode(path, *rest))[1])
    del decoded[:]
    found = _images.load(paths, whole=True)
    assert sorted(decoded, key=lambda name: int(name[:-4])) == [path.name for path in paths[kept:]]
    assert colours(found) == found.kept.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 10]
    assert [*found.failed] == [2, 9]


def test_a_part_whose_pixels_are_not_all_there_is_decoded_again(paths, tmp_path):
    whole = _images.load(paths, whole=True)
    (file,) = (tmp_path / "cache" / "images").glob("*.npz")
    place = file.with_suffix(".parts")
    place.mkdir()
    for name, rows in (("0.npz", slice(0, 3)), ("1.npz", slice(3, 7))):
        known = {key: getattr(whole, key)[rows] for key in _image_cache.ARRAYS}
        _image_cache._write_known(place / name, known, {2: "no image"} if name == "0.npz" else {})
    pixels = file.with_suffix(".npy").read_bytes()
    (place / "images.npy").write_bytes(pixels[: len(pixels) // 2])
    file.unlink()
    file.with_suffix(".npy").unlink()
    found = _images.load(paths, whole=True)
    assert colours(found) == found.kept.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 10]


def _load(paths, queue):
    decoded = []
    decode = _images.decode
    _images.decode = lambda *rest: (decoded.append(1), decode(*rest))[1]
    found = _images.load(paths, whole=True)
    queue.put((len(decoded), found.kept.tolist()))


def test_of_several_processes_one_decodes(paths):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_load, args=(paths, queue)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sorted(count for count, _ in found) == [0, 0, 11]
    assert all(kept == [0, 1, 3, 4, 5, 6, 7, 8, 10] for _, kept in found)
