"""A lock that was lost while its process lives: taken again, or said to be another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training.tracking import locks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "TESTED_S", 0.1)


def remove_files(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def test_lock_whose_file_was_removed_is_taken_again(tmp_path: Path) -> None:
    own, other = locks.Files(tmp_path), locks.Files(tmp_path)
    with own.trying("final") as free:
        assert free
        remove_files(tmp_path)
        own.keep()
        with other.trying("final") as theirs:
            assert not theirs
    assert not [*tmp_path.iterdir()]
    with other.trying("final") as free:
        assert free


def test_lock_that_another_process_has_meanwhile_is_lost(tmp_path: Path) -> None:
    own, other = locks.Files(tmp_path), locks.Files(tmp_path)
    with own.trying("final"):
        remove_files(tmp_path)
        with other.trying("final") as theirs:
            assert theirs
            with pytest.raises(locks.LockLost, match="final"):
                own.keep()
        own.keep()
    assert not [*tmp_path.iterdir()]


def test_giving_a_lost_lock_back_leaves_the_other_process_its_own(tmp_path: Path) -> None:
    own, other, third = (locks.Files(tmp_path) for _ in range(3))
    with own.trying("final"):
        remove_files(tmp_path)
        theirs = other.trying("final")
        assert theirs.__enter__()
    with third.trying("final") as free:
        assert not free
    theirs.__exit__(None, None, None)


def test_waiting_for_a_lock_of_ones_own_is_refused(tmp_path: Path) -> None:
    own = locks.Files(tmp_path)
    with own.waiting("study"), pytest.raises(RuntimeError, match="its own lock 'study'"), own.waiting("study"):
        pass


def test_what_killed_processes_left_is_swept_and_held_locks_stay(tmp_path: Path) -> None:
    mine, other = locks.Files(tmp_path), locks.Files(tmp_path)
    left = tmp_path / "0123456789abcdef01234567.lock"
    left.touch()
    with mine.waiting("mine"), other.waiting("another's"):
        mine.sweep()
        assert not left.exists()
        for name in ("mine", "another's"):
            with locks.Files(tmp_path).trying(name) as free:
                assert not free
