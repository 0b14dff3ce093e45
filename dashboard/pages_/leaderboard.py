"""The page Leaderboard."""

from __future__ import annotations

from dashboard import widgets

widgets.header("Leaderboard", "Results of studies appear here.")
widgets.empty("python -m training demo")
