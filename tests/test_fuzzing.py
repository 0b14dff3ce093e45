"""Odd input ends in a sentence, never in a traceback; ``make fuzz`` tries 20,000 inputs."""

from __future__ import annotations

from tests import fuzzing


def test_odd_input_ends_in_a_sentence():
    for name, count in fuzzing.fuzz(400).items():
        assert count.inputs > 5, name
        assert not count.tracebacks, f"{name}: {count.first}"
        assert not count.markup, f"{name}: {count.first}"
        assert not count.outside, f"{name}: {count.outside}"
