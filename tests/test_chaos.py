"""A few of the faults that `make chaos` brings about by the hundred."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import chaos, forked


@pytest.fixture(scope="module")
def forge() -> Iterator[forked.Forge]:
    with forked.Forge() as started:
        yield started


@pytest.mark.parametrize(("kind", "number"), [("commit", 12), ("commit", 75), ("commit", 150), ("rename", 9)])
def test_nothing_is_lost_when_a_worker_is_killed_between_two_writes(forge, kind, number):
    row = chaos.killed(forge, kind, number)
    assert row.sound, row
    assert row.restarts == 1  # it was killed


def test_a_worker_goes_on_where_one_in_another_time_zone_was_killed(forge):
    row = chaos.zones(forge)
    assert row.sound, row


@pytest.mark.slow
def test_many_writers_share_a_store_that_a_dashboard_reads(forge):
    row = chaos.writers(forge)
    assert row.sound, row
    assert row.expected == row.found


def test_a_loss_is_seen():
    assert not chaos.Row("x", times=1, lost=1).sound
    assert not chaos.joined([chaos.Row("x", times=1), chaos.Row("x", times=1, orphans=1)]).sound
    assert not chaos.Row("nothing was brought about").sound
