"""The page Run."""

from __future__ import annotations

from dashboard import widgets

widgets.header("Run", "Results of studies appear here.")
widgets.empty("python -m training demo")
