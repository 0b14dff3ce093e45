"""Agreement of annotators: known numbers, and a delay that was put in is found."""

from __future__ import annotations

import numpy as np
import pytest

from affect import metrics
from training.prepare import agreement


def wave(frames: int = 900, delay: int = 0) -> np.ndarray:
    at = (np.arange(frames) - delay) / 30
    return np.sin(at) + 0.4 * np.sin(2.7 * at)


def test_alpha_is_that_of_the_formula():
    values = np.array([[1.0, 2, 3, 4], [1, 3, 2, 4], [2, 2, 4, 4]])
    # item variances 1.25, 1.25, 1; the sums 4, 7, 9, 12 have variance 8.5
    assert agreement.cronbach_alpha(values) == pytest.approx(1.5 * (1 - 3.5 / 8.5))
    assert agreement.cronbach_alpha(np.stack([wave(), wave()])) == pytest.approx(1)
    assert agreement.cronbach_alpha(wave()[None]) is None
    assert agreement.cronbach_alpha(np.ones((2, 5))) is None


@pytest.mark.parametrize("frames", [0, 21, -12])
def test_a_delay_is_found(frames):
    found = agreement.delay(wave(delay=frames), wave(), fps=30)
    assert found.seconds == pytest.approx(frames / 30)
    assert found.r == pytest.approx(1)


def test_a_delay_is_found_between_frames_without_a_value():
    late, reference = wave(delay=15), wave()
    late[100:130] = np.nan
    reference[400:420] = np.nan
    assert agreement.delay(late, reference, fps=30).seconds == pytest.approx(0.5)
    assert agreement.delay(np.zeros(900), reference, fps=30) is None
    assert agreement.delay(late[:20], reference[:20], fps=30) is None


def test_annotators_are_held_against_the_truth_and_the_others():
    traces = {"a": wave(delay=6), "b": wave(delay=12), "c": 0.5 * wave(delay=6) + 0.2}
    said = agreement.of_axis(traces, wave(), 30)
    assert said["frames"] == 900
    for name, trace in traces.items():
        one = said["annotators"][name]
        others = np.mean([other for key, other in traces.items() if key != name], axis=0)
        assert one["ccc_truth"] == pytest.approx(metrics.ccc(wave(), trace), abs=1e-4)
        assert one["ccc_mean_of_the_others"] == pytest.approx(metrics.ccc(others, trace), abs=1e-4)
    assert [one["delay_s"] for one in said["annotators"].values()] == [0.2, 0.4, 0.2]
    pairs = [metrics.ccc(traces[one], traces[other]) for one, other in ("ab", "ac", "bc")]
    assert said["pairwise_ccc"] == pytest.approx(np.mean(pairs), abs=1e-4)


def test_one_annotator_alone_has_nothing_to_agree_with():
    assert agreement.of_axis({"a": wave()}, None, 30) == {}
    assert "pairwise_ccc" not in agreement.of_axis({"a": wave()}, wave(), 30)
    few = agreement.of_axis({"a": wave(20), "b": wave(20)}, None, 30)
    assert "fewer than 30 frames" in few["note"]
