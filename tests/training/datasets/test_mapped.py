from __future__ import annotations

import numpy as np
import pytest

from affect import cache_folder
from training.datasets import _mapped


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path))
    return tmp_path


def blocks(asked: list[int]):
    for k in range(3):
        asked.append(k)
        yield np.full((2, 4), k, np.uint8)


EXPECTED = np.repeat(np.arange(3, dtype=np.uint8), 2)[:, None].repeat(4, axis=1)


def test_blocks_are_asked_for_once(folder):
    asked: list[int] = []
    for _ in range(2):
        array = _mapped.array("set/one", (6, 4), np.uint8, lambda: blocks(asked))
        np.testing.assert_array_equal(array, EXPECTED)
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert asked == [0, 1, 2]
    assert [path.name for path in (folder / "set").iterdir()] == ["one.npy"]


@pytest.mark.parametrize("damage", [lambda content: content[:-3], lambda content: b"", lambda content: b"x" * 200])
def test_a_damaged_file_is_made_again(folder, damage):
    _mapped.array("one", (6, 4), np.uint8, lambda: blocks([]))
    file = folder / "one.npy"
    file.write_bytes(damage(file.read_bytes()))
    np.testing.assert_array_equal(_mapped.array("one", (6, 4), np.uint8, lambda: blocks([])), EXPECTED)
    assert len(file.read_bytes()) == 128 + 24


def test_a_file_of_another_shape_is_made_again():
    _mapped.array("one", (6, 4), np.uint8, lambda: blocks([]))
    assert _mapped.array("one", (6, 4), np.float32, lambda: blocks([])).dtype == np.float32


def test_blocks_that_are_too_few_leave_nothing_behind(folder):
    with pytest.raises(ValueError, match="expected blocks of 7 rows together, found 6"):
        _mapped.array("one", (7, 4), np.uint8, lambda: blocks([]))
    assert not [*folder.iterdir()]


def test_a_disk_that_fills_up_on_the_way_costs_memory_and_is_told(folder, monkeypatch, caplog):
    def full(*given):
        raise OSError(28, "No space left on device")

    asked: list[int] = []

    def failing():
        # the first of these is written, the second finds the disk full
        for block in blocks(asked):
            yield block
            monkeypatch.setattr(np, "ascontiguousarray", full)

    np.testing.assert_array_equal(_mapped.array("one", (6, 4), np.uint8, failing), EXPECTED)
    assert "the cache cannot be written ([Errno 28] No space left on device)" in caplog.text
    assert asked == [0, 1, 0, 1, 2]
    assert not [*folder.iterdir()]


def test_blocks_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected blocks of shape \('…', 5\), found \(2, 4\)"):
        _mapped.array("one", (6, 5), np.uint8, lambda: blocks([]))


def test_without_a_cache_the_array_lies_in_memory(monkeypatch):
    def nowhere(user: int) -> None:
        raise OSError("no folder can be made")

    monkeypatch.setenv("AFFECTORY_CACHE", "/proc/none")
    monkeypatch.setattr(cache_folder, "_temporary", nowhere)
    array = _mapped.array("one", (6, 4), np.uint8, lambda: blocks([]))
    np.testing.assert_array_equal(array, EXPECTED)
    assert not isinstance(array, np.memmap)
    assert not array.flags.writeable
