"""The page Study."""

from __future__ import annotations

from dashboard import widgets

widgets.header("Study", "Results of studies appear here.")
widgets.empty("python -m training demo")
