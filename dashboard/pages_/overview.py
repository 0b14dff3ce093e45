"""The page Overview."""

from __future__ import annotations

from dashboard import widgets

widgets.header("Overview", "Results of studies appear here.")
widgets.empty("python -m training demo")
