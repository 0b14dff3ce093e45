"""Field case 23 and its kind: a time that a page shows says that it is UTC."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from dashboard.results import tables
from dashboard.results.names import ago
from dashboard.views import view as views
from dashboard.views.ask import Defaults
from dashboard.views.choice import Choice
from dashboard.views.items import Section
from tests.dashboard.looking import index_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOCK = re.compile(r"\d\d:\d\d")


def sections(folder: Path, name: str) -> Iterator[Section]:
    """Yield what all views of a page show of every study of a store."""
    index, store = index_of(folder)
    page = views.load(name)
    for run in index.studies if page.looks_at == "runs" else index.studies[:1]:
        choice = Choice(index, store, [run])
        for view in page.offered(choice):
            if page.looks_at == "store" or view.shows(choice.rows[0]):
                yield from (item for item in view.make(choice, Defaults()) if isinstance(item, Section))


def dates(figure: dict[str, Any]) -> list[str]:
    """Return the titles of a figure's axes of dates."""
    axes = {key: axis for key, axis in figure["layout"].items() if key.startswith(("xaxis", "yaxis"))}
    return [axis.get("title", {}).get("text", "") for axis in axes.values() if axis.get("type") == "date"]


@pytest.mark.parametrize("page", views.names())
def test_every_time_of_a_page_is_called_utc(page, filled):
    columns = 0
    for section in sections(filled, page):
        if section.frame is not None:
            shown = tables.dated(section.frame)
            for column, dtype in shown.dtypes.items():
                if dtype.kind == "M":
                    assert str(column).endswith("(UTC)"), (section.key, column)
                    columns += 1
            for column in shown.select_dtypes(["object", "string"]):
                clocks = [text for text in shown[column].dropna().astype(str) if CLOCK.search(text)]
                assert all("UTC" in text for text in clocks), (section.key, column, clocks[:3])
        if section.fig is not None:
            assert all("UTC" in title for title in dates(json.loads(section.fig.to_json()))), section.key
    if page in ("run", "study", "leaderboard"):
        assert columns


def test_a_time_of_another_zone_is_shown_in_utc():
    tokyo = pd.Timestamp("2026-01-02 08:30", tz="Asia/Tokyo")
    frame = pd.DataFrame({"ended": [tokyo]})
    assert tables.dated(frame)["ended (UTC)"].iloc[0] == pd.Timestamp("2026-01-01 23:30")
    assert "2026-01-01 23:30" in tables.csv(frame)
    assert ago(tokyo, pd.Timestamp("2026-03-01", tz="UTC")) == "1 Jan 2026 (UTC)"
