from __future__ import annotations

import math

import pandas as pd
import pytest

from dashboard.results import names


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (90_061, "1 d 1 h"),
        (math.nan, "unknown"),
        (None, "unknown"),
    ],
)
def test_durations_have_two_units_at_most(seconds, text):
    assert names.duration(seconds) == text


def test_how_long_ago_is_rough_and_a_date_after_a_week():
    now = pd.Timestamp("2026-03-10", tz="UTC")
    ago = [names.ago(now - pd.Timedelta(t), now) for t in ("5s", "1min", "2h", "3D", "30D")]
    assert ago == ["just now", "1 minute ago", "2 hours ago", "3 days ago", "8 Feb 2026 (UTC)"]
    assert names.ago(pd.NaT, now) == ""


def test_targets_are_named_where_they_are_few():
    assert names.target_list(["p_x", "a"]) == "p x, a"
    assert names.target_list(["a", "b", "c", "d", "e"]) == "5 values (a, b …)"
    assert names.target_list(()) == "unknown targets"


def test_groups_are_counted_in_words():
    assert [names.count(n, noun) for n, noun in ((1, "clip"), (5, "person"), (2, "identity"))] == [
        "1 clip",
        "5 persons",
        "2 identities",
    ]


def test_a_dirty_commit_is_called_so():
    assert names.code("0123456789abcdef+") == "0123456789 (uncommitted changes)"
    assert names.code("0123456789abcdef") == "0123456789"
    assert names.code("") == "unknown commit"
