from __future__ import annotations

import pytest

from dashboard.views.ask import Defaults


def test_nobody_chooses_the_default_else_the_first():
    ask = Defaults()
    assert ask.one("Metric", ["mae", "mse"], "metric") == "mae"
    assert ask.one("Metric", ["mae", "mse"], "metric", default="mse") == "mse"
    assert ask.one("Metric", ["mae", "mse"], "metric", default="gone") == "mae"
    assert ask.many("Methods", ["one"], "method") == []
    assert ask.switch("archived", "archived") is False
    assert ask.text("Find", "find") == ""
    assert ask.range("Years", 1, 3, "years") == (1.0, 3.0)


def test_answers_stand_in_for_a_person():
    ask = Defaults({"metric": "mse", "method": ["one", "gone"], "archived": True})
    assert ask.one("Metric", ["mae", "mse"], "metric") == "mse"
    assert ask.many("Methods", ["one"], "method") == ["one"]
    assert ask.switch("archived", "archived")
    assert ask.asked == ["metric", "method", "archived"]
    with pytest.raises(ValueError, match="no 'mse'; known: mae"):
        ask.one("Metric", ["mae"], "metric")
