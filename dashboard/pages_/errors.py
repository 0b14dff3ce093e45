"""The page Errors."""

from __future__ import annotations

from dashboard import widgets

widgets.header("Errors", "Results of studies appear here.")
widgets.empty("python -m training demo")
