import mmap

import numpy as np
import pytest
import torch

from training.datasets._images import Chosen
from training.networks import batches, fitted
from training.networks.batches import Batches, Chunks, Masked, Scattered, Sequences, Shuffled, Together
from training.views import View, whole


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# -------------------------------------------------------------------------------------------------- row numbers


@pytest.mark.parametrize(
    ("n", "size", "sizes"),
    [
        (128, 32, [32] * 4),
        (129, 32, [33, 32, 32, 32]),  # never a batch of one
        (130, 32, [33, 33, 32, 32]),
        (144, 32, [32] * 4 + [16]),  # half a batch stands by itself
        (35, 8, [9, 9, 9, 8]),
        (19, 8, [10, 9]),  # more remaining rows than batches
        (3, 8, [3]),
        (1, 8, [1]),  # there is no other
        (5, 2, [3, 2]),
    ],
)
def test_a_small_remainder_is_spread_over_the_other_batches(n, size, sizes):
    made = Shuffled(n, size).epoch(generator())
    assert [len(rows) for rows in made] == sizes
    assert sorted(torch.cat(made).tolist()) == list(range(n))


def test_a_loss_may_ask_for_more_rows():
    """CCC says little on a few."""
    assert [len(rows) for rows in Shuffled(144, 32, smallest=20).epoch(generator())] == [36] * 4
    assert [len(rows) for rows in Shuffled(144, 32, smallest=3).epoch(generator())] == [32] * 4 + [16]


RECORDINGS = np.array(["b", "a", "b", "a", "b", "b", "c"])
TIME = np.array([2.0, 0.5, 1.0, 0.1, 4.0, 3.0, 0.0])
ROWS = {"b": [2, 0, 5, 4], "a": [3, 1], "c": [6]}


def test_rows_of_a_recording_are_in_time_order():
    assert [rows.tolist() for rows in batches.in_time_order(RECORDINGS, TIME)] == list(ROWS.values())


def test_scattered_rows_are_from_all_of_each_of_a_few_recordings():
    sequence = np.repeat(["a", "b", "c"], [100, 100, 7])
    source, drawn = Scattered(sequence, 16, 1), generator()
    first, second = source.epoch(drawn), source.epoch(drawn)
    for made in (first, second):
        assert sorted(torch.cat(made).tolist()) == list(range(207)), "every row once"
        assert all(len({*sequence[rows].tolist()}) == 1 for rows in made)
        assert sorted(map(len, made)) == [7, *[16] * 4, *[17] * 8]
        # successive rows would span 17
        assert all(int(rows.max() - rows.min()) > 50 for rows in made if len(rows) > 7)
    assert {tuple(rows.tolist()) for rows in first}.isdisjoint(tuple(rows.tolist()) for rows in second)
    assert [len(rows) for rows in Scattered(sequence, 50, 5).epoch(drawn)] == [207]


def test_sequences_are_whole_and_padded():
    made = Sequences(RECORDINGS, TIME, 2).epoch(generator())
    seen = [[int(k) for k in row if k >= 0] for rows in made for row in rows]
    assert sorted(seen) == sorted(ROWS.values())
    for rows in made:
        assert rows.shape[1] == max(int((row >= 0).sum()) for row in rows), "as long as the longest of the batch"
        for row in rows.tolist():
            assert row == [k for k in row if k >= 0] + [-1] * row.count(-1), "padding stands at the end"
    orders = {
        tuple(int(row[0]) for rows in Sequences(RECORDINGS, TIME, 2).epoch(generator(s)) for row in rows)
        for s in range(9)
    }
    assert len(orders) > 1


def test_chunks_are_successive_rows_cut_at_other_places_each_epoch():
    source = Chunks(RECORDINGS, TIME, 2, 2)
    drawn, pairs = generator(), set()
    for _ in range(20):
        made = source.epoch(drawn)
        assert sorted(int(k) for rows in made for k in rows.flatten() if k >= 0) == list(range(7))
        for rows in made:
            assert rows.shape[1] == 2
            for row in rows.tolist():
                whole = [k for k in row if k >= 0]
                assert any(of[i : i + len(whole)] == whole for of in ROWS.values() for i in range(len(of)))
                if len(whole) == 2:
                    pairs.add(tuple(whole))
    assert pairs == {(2, 0), (0, 5), (5, 4), (3, 1)}, "every pair of neighbours is together at some time"


def test_no_batch_of_chunks_has_a_few_rows_alone():
    """Batch norm and CCC are not defined for one row, and 1 + 32 chunks would leave one chunk over."""
    sequence, time = np.repeat(["a", "b", "c"], 44), np.tile(np.arange(44.0), 3)
    drawn = generator()
    for _ in range(20):
        made = Chunks(sequence, time, 4, 16).epoch(drawn)
        assert min(int((rows >= 0).sum()) for rows in made) >= 16
        assert sorted(int(k) for rows in made for k in rows.flatten() if k >= 0) == list(range(132))


# --------------------------------------------------------------------------------------------------------- rows


def kinds(n: int = 50) -> dict:
    """Return the same (n, 3) bytes as a tensor, an array and a view of other rows."""
    values = np.arange(3 * n, dtype=np.uint8).reshape(n, 3)
    return {"tensor": torch.from_numpy(values), "array": values, "view": View(values[::-1], np.arange(n)[::-1])}


@pytest.mark.parametrize("limit", [batches.WHOLE_BYTES, 0])
@pytest.mark.parametrize("kind", ["tensor", "array", "view"])
def test_small_and_large_items_give_the_same_batches(kind, limit, monkeypatch):
    """Shuffled as a whole or gathered batch by batch; rows of several items stay together, and bytes stay bytes."""
    monkeypatch.setattr(batches, "WHOLE_BYTES", limit)
    made = list(Batches(Shuffled(50, 8), [kinds()[kind], torch.arange(50)], "cpu").epoch(generator()))
    order = torch.cat(Shuffled(50, 8).epoch(generator()))
    assert torch.equal(torch.cat([rows for _, rows in made]), order)
    assert torch.equal(torch.cat([x for x, _ in made]), kinds()["tensor"][order])
    assert made[0][0].dtype == torch.uint8


def test_floats_are_single():
    (batch,) = Batches(Shuffled(4, 4), [np.zeros((4, 2))], "cpu").epoch(generator())
    assert batch[0].dtype == torch.float32


def test_a_view_of_windows_gives_values_and_mask():
    values = np.arange(1, 6, dtype=np.float32)[:, None]
    view = View(values, np.array([[-1, 0], [0, 1], [3, 4]]))
    (batch,) = Batches(Shuffled(3, 3), [view, torch.arange(3)], "cpu").epoch(generator())
    window, rows = batch
    assert isinstance(window, Masked)
    expected = torch.tensor([[0.0, 1], [1, 2], [4, 5]])[rows]
    assert torch.equal(window.values.squeeze(-1), expected)
    assert torch.equal(window.mask, expected > 0)


@pytest.mark.parametrize("limit", [batches.WHOLE_BYTES, 0])
def test_a_source_of_sequences_gives_padded_rows_and_a_mask(limit, monkeypatch):
    monkeypatch.setattr(batches, "WHOLE_BYTES", limit)
    x = np.arange(1, 8, dtype=np.float32)[:, None]
    windows = View(x, np.stack([np.full(7, -1), np.arange(7)], axis=1))
    made = Batches(Sequences(RECORDINGS, TIME, 3), [x, whole(x), windows], "cpu").epoch(generator())
    (batch,) = list(made)
    values, viewed, window, mask = batch
    assert values.shape == (3, 4, 1)
    assert torch.equal(viewed, values)
    assert torch.equal(values[..., 0] > 0, mask)
    by_length = {int(m.sum()): v[m].flatten().tolist() for v, m in zip(values, mask, strict=True)}
    assert by_length == {len(rows): [k + 1.0 for k in rows] for rows in ROWS.values()}
    assert window.values.shape == (3, 4, 2, 1)
    assert torch.equal(window.mask[..., 1], mask)
    assert not window.mask[..., 0].any()


def test_items_of_unlike_length_are_refused():
    with pytest.raises(ValueError, match="items have 3, 4 rows"):
        Batches(Shuffled(3, 2), [torch.zeros(3), torch.zeros(4)], "cpu")


def test_labelled_and_unlabelled_batches_come_in_pairs():
    """An epoch is one of the labelled; the fewer unlabelled begin anew, in another order."""
    labelled = Batches(Shuffled(40, 4), [torch.arange(40)], "cpu")
    unlabelled = Batches(Shuffled(8, 4), [100 + torch.arange(8)], "cpu")
    pairs = list(Together(labelled, unlabelled).epoch(generator()))
    assert sorted(torch.cat([first[0] for first, _ in pairs]).tolist()) == list(range(40))
    others = torch.cat([second[0] for _, second in pairs]).view(5, 8)
    assert all(sorted(epoch.tolist()) == list(range(100, 108)) for epoch in others)
    assert len({tuple(epoch.tolist()) for epoch in others}) > 1


# ------------------------------------------------------------------------------------------------------ memory


def resident_mb() -> float:
    with open("/proc/self/status") as status:
        (line,) = (one for one in status if one.startswith("VmRSS:"))
    return int(line.split()[1]) / 1e3


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system cannot give pages back")
def test_a_file_larger_than_what_is_kept_of_it_is_read_through(tmp_path, monkeypatch):
    """Pages of a memory-mapped file are given back: 60 MB are read, and less than 30 stay."""
    monkeypatch.setattr(batches, "WHOLE_BYTES", 0)
    monkeypatch.setattr(batches, "MAPPED_BYTES", 2_000_000)
    n = 5000
    made = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (n, 3, 64, 64))
    made[:] = (np.arange(n) % 251)[:, None, None, None]
    made.flush()
    del made
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    for item in (whole(images), images):
        source = Batches(Shuffled(n, 32), [item, torch.arange(n)], "cpu")
        held = []
        for x, rows in source.epoch(generator()):
            assert torch.equal(x[:, 0, 0, 0].long(), rows % 251)
            held.append(resident_mb())
        # the first batch brings pages of torch itself
        assert max(held) - held[0] < 30
    before = resident_mb()
    predicted = fitted.run(torch.nn.Linear(1, 1), lambda x: x[:, 0, 0, 0], [whole(images)])
    assert (predicted == np.arange(n) % 251).all()
    assert resident_mb() - before < 30


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system cannot give pages back")
def test_the_file_behind_chosen_rows_is_found(tmp_path):
    """As readers hand over those images of a file that have labels."""
    np.save(tmp_path / "images.npy", np.zeros((4, 3, 2, 2), np.uint8))
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    rows = np.array([0, 2])
    for values in (images, images[1:], Chosen(images, rows), Chosen(images[1:], rows)):
        assert len(batches.Mapped([whole(values)]).maps) == 1
    assert not batches.Mapped([whole(np.zeros(3)), whole(Chosen(np.zeros(3), rows)), torch.zeros(3)]).maps
