from __future__ import annotations

import doctest

from training import messages


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(messages).attempted > 5
    assert doctest.testmod(messages).failed == 0


def test_a_name_in_another_case_is_the_nearest():
    assert messages.close("FEAR", ["fear", "joy"]) == ["fear"]
    assert messages.nearest("xyz", ["fear"]) == ""
    known = ["motion/lma_vae", "motion/lma"]
    assert messages.unknown("lma_vae", known, "method").endswith("did you mean motion/lma_vae?")
    assert messages.unknown("xyz", ["fear"], "emotion").endswith("known: fear")


def test_long_lists_are_counted():
    assert messages.listed("abc", shown=3) == "a, b, c"
    assert messages.listed("abcd", shown=3) == "a, b, c and 1 more"
