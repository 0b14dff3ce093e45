"""Traces: the published example, what is done about each fault, and real ones against figures computed elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from training.contract import UserError
from training.prepare import traces
from training.prepare.traces import Policies


def trace(tmp_path, text: str, **policies):
    file = tmp_path / "trace.txt"
    file.write_text(text)
    return traces.read(file, Policies(**policies)), Policies(**policies)


def values(tmp_path, text: str, frames: int, fps: float = 10.0, **policies):
    read, chosen = trace(tmp_path, text, **policies)
    return traces.at_frames(read, frames, fps, chosen)


def test_the_published_example(tmp_path):
    """At 30 frames a second 0.541 s is frame 16.23, and −408 is −0.408."""
    read, policies = trace(tmp_path, "0.000 0\n0.541 -408\n1.041 -408\n1.541 92\n")
    assert read.value[1] == pytest.approx(-0.408)
    assert read.seconds[1] * 30 == pytest.approx(16.23)
    at, _ = traces.at_frames(read, 46, 30, policies)
    assert at[15] == pytest.approx(-0.408 * 16 / 16.23)
    np.testing.assert_allclose(at[16:31], -0.408)
    assert at[45] == pytest.approx(-0.408 + 0.5 * (46 - 31.23) / 15)


@pytest.mark.parametrize("between", [" ", "\t", ",", ";", ", ", "   "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_a_header_and_line_ends(tmp_path, between, end):
    text = end.join([f"Time(sec){between}Data", f"0.1{between}100", "", f"0.2{between}-2e2", ""])
    file = tmp_path / "trace.csv"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    read = traces.read(file, Policies())
    assert read.seconds.tolist() == [0.1, 0.2]
    assert read.value.tolist() == [0.1, -0.2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no row of numbers: expected lines of seconds and value, such as 0.541 -408"),
        ("time value\n", "has no row of numbers: expected lines of seconds and value, such as 0.541 -408"),
        ("0.1 100\n0.2\n", r"line 2: expected two numbers, seconds and value, found '0\.2'"),
        ("0.1 100\n0,2 100\n", "line 2: expected two numbers, seconds and value, found '0,2 100'"),
        ("t v\nt v\n0.1 100\n", "line 2: expected two numbers.*found 't v'"),
        ("0.1 100\n0.2 nan\n", r"line 2: .*found '0\.2 nan'"),
        ("0.1 1e999\n", r"line 1: .*found '0\.1 1e999'"),
        ("0.1 5\n\n0.3 7\n0.2 1\n0.1 0\n", r"line 4: .*found 0\.2 s after 0\.3 s \(and 1 more.*--backwards sort"),
        ("0.1 5\n0.2 5\n", "expected a trace that moves, found 5 in each of its 2 samples; --still keep"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as raised:
        trace(tmp_path, text)
    assert str(tmp_path / "trace.txt") in str(raised.value)


def test_other_files_are_named(tmp_path):
    (tmp_path / "wide.txt").write_bytes("0.1 5\n".encode("utf-16"))
    with pytest.raises(UserError, match=r"wide\.txt: expected UTF-8 text, found the byte 0xff"):
        traces.read(tmp_path / "wide.txt", Policies())
    with pytest.raises(UserError, match=r"gone\.txt cannot be read: no such file"):
        traces.read(tmp_path / "gone.txt", Policies())


def test_another_scale(tmp_path):
    read, _ = trace(tmp_path, "0 0\n1 0.5\n2 1\n", low=0.0, high=1.0)
    assert read.value.tolist() == [-1, 0, 1]
    text = "".join(f"{i / 10} {i / 40}\n" for i in range(40))
    with pytest.raises(UserError, match=r"found only such in 0 … 0\.975, a thousandth of that; --scale 0 1"):
        trace(tmp_path, text)
    with pytest.raises(UserError, match="--scale: expected the lowest and the highest value, found 1 1"):
        Policies(low=1, high=1)


@pytest.mark.parametrize(("policy", "expected"), [("first", 0.1), ("last", 0.4), ("mean", 0.25)])
def test_of_two_values_at_one_time_the_policy_takes_one(tmp_path, policy, expected):
    text = "0 0\n0.1 100\n0.1 100\n0.1 400\n0.1 400\n0.2 0\n"
    read, _ = trace(tmp_path, text, duplicates=policy)
    assert read.value[1] == pytest.approx(expected)
    assert read.counts["samples at a time that another has"] == 3
    assert read.counts["times with different values"] == 1
    with pytest.raises(UserError, match=r"line 2: expected one value at each time, found 4 rows at 0\.1 s"):
        trace(tmp_path, text, duplicates="refuse")


def test_values_beyond_the_range(tmp_path):
    text = "0.1 0\n0.2 2000\n0.3 0\n0.4 500\n"
    clipped, _ = values(tmp_path, text, 4)
    np.testing.assert_allclose(clipped, [0, 1, 0, 0.5], atol=1e-9)
    dropped, _ = values(tmp_path, text, 4, beyond="drop")
    np.testing.assert_allclose(dropped, [0, 0, 0, 0.5], atol=1e-9)
    read, _ = trace(tmp_path, text)
    assert (read.counts["samples beyond the range"], read.counts["farthest value"]) == (1, 2000)
    with pytest.raises(UserError, match="line 2: expected a value in -1000 … 1000, found 2000; --beyond"):
        trace(tmp_path, text, beyond="refuse")
    with pytest.raises(UserError, match="every sample is dropped by --beyond drop"):
        trace(tmp_path, "0 2000\n1 3000\n", beyond="drop")


def test_a_stuck_stick(tmp_path):
    text = "0.1 0\n" + "".join(f"{i / 10:.1f} 1000\n" for i in range(2, 40)) + "4.0 0\n"
    kept, _ = values(tmp_path, text, 40, stuck_s=2)
    assert np.isfinite(kept).all()
    dropped, found = values(tmp_path, text, 40, stuck_s=2, stuck="drop")
    assert np.flatnonzero(np.isnan(dropped)).tolist() == list(range(1, 39))
    assert found["unlabelled while the stick is stuck"] == 38
    read, _ = trace(tmp_path, text, stuck_s=2)
    assert (read.counts["times the stick is stuck"], read.counts["seconds the stick is stuck"]) == (1, 3.7)
    # one value within the range for long is what people do
    still, _ = trace(tmp_path, text.replace("1000", "400"), stuck_s=2)
    assert still.counts["times the stick is stuck"] == 0


def test_gaps_are_interpolated_or_held_and_have_a_limit(tmp_path):
    text = "0.1 0\n2.1 800\n2.2 800\n"
    np.testing.assert_allclose(values(tmp_path, text, 21)[0], np.linspace(0, 0.8, 21))
    held, found = values(tmp_path, text, 22, gaps="hold")
    np.testing.assert_allclose(held, [0] * 20 + [0.8, 0.8], atol=1e-9)
    assert found["in a gap"] == 19
    limited, found = values(tmp_path, text, 22, max_gap_s=1.5)
    assert np.isnan(limited[1:20]).all()
    assert limited[0] == 0, "a frame at a sample has its value"
    assert found["unlabelled beyond the limit of a gap"] == 19
    np.testing.assert_allclose(limited[20:], 0.8)


def test_a_trace_shorter_or_longer_than_the_video(tmp_path):
    text = "0.5 100\n1.0 200\n"
    held, found = values(tmp_path, text, 80)
    np.testing.assert_allclose(held[[0, 4, 9, 20]], [0.1, 0.1, 0.2, 0.2])
    assert np.isnan(held[60:]).all(), "5 s after the last sample nothing is known"
    assert np.isfinite(held[:60]).all()
    assert (found["before the first sample"], found["after the last sample"]) == (4, 70)
    dropped, _ = values(tmp_path, text, 20, ends="drop")
    assert np.flatnonzero(np.isfinite(dropped)).tolist() == [4, 5, 6, 7, 8, 9]
    assert values(tmp_path, text, 7)[1]["samples after the last frame"] == 1


def test_traces_that_are_written_only_when_the_value_changes(tmp_path):
    text = "0.1 100\n3.0 -500\n"
    held, found = values(tmp_path, text, 100, hold=True, max_gap_s=None)
    np.testing.assert_allclose(held, [0.1] * 29 + [-0.5] * 71)
    assert not any(count for what, count in found.items() if what.startswith("unlabelled"))


def test_a_shift_takes_the_value_of_later(tmp_path):
    text = "".join(f"{i / 10} {i}\n" for i in range(100))
    plain, _ = values(tmp_path, text, 50)
    shifted, _ = values(tmp_path, text, 50, shift_s=1.5)
    np.testing.assert_allclose(shifted[:30], plain[15:45])


def test_times_that_go_back_are_sorted_when_asked(tmp_path):
    read, _ = trace(tmp_path, "0.2 20\n0.1 10\n0.3 30\n", backwards="sort")
    assert read.seconds.tolist() == [0.1, 0.2, 0.3]
    assert read.value.tolist() == [0.01, 0.02, 0.03]
    assert read.counts["steps back in time"] == 1


@pytest.mark.parametrize(
    ("name", "option"), [("stuck_s", "stuck-after"), ("gap_s", "gap-after"), ("max_gap_s", "max-gap")]
)
def test_seconds_that_are_none_are_refused(name, option):
    with pytest.raises(UserError, match=f"--{option}: expected seconds from 0, found -1"):
        Policies(**{name: -1.0})
    with pytest.raises(UserError, match="--shift: expected seconds, found nan"):
        Policies(shift_s=float("nan"))


def test_an_unknown_policy_is_named():
    with pytest.raises(UserError, match="--beyond: unknown policy 'clop'; did you mean clip"):
        Policies(beyond="clop")


@pytest.mark.realdata
def test_real_traces_give_the_reference_values(real_data):
    """numpy.interp at frames 1 … 1800 of times × 30, computed apart from this code."""
    folder = real_data / "frames" / "traces_ceap"
    policies = Policies()
    expected = {
        ("valence", "P1_V1"): ([0, 0.4679, 0.3353, 0, 0], 0.2330),
        ("arousal", "P1_V1"): ([0, 0.9509, 0.988, 0.826, 0.6107], 0.7722),
        ("valence", "P2_V7"): ([0, 0, -1, -1, -1], -0.8),
    }
    for (axis, video), (at, mean) in expected.items():
        found, _ = traces.at_frames(traces.read(folder / axis / f"{video}.txt", policies), 1800, 30, policies)
        np.testing.assert_allclose(found[[0, 299, 899, 1499, 1799]], at, atol=5e-5)
        assert found.mean() == pytest.approx(mean, abs=5e-5)
    # twice the range holds what the stick says beyond it
    wide = Policies(low=-2000, high=2000)
    stuck = traces.read(folder / "valence" / "P2_V7.txt", wide)
    found = 2 * traces.at_frames(stuck, 1800, 30, wide)[0]
    np.testing.assert_allclose(found[[299, 899, 1499]], [0, -1.721, -1.721], atol=5e-5)
    assert found.mean() == pytest.approx(-1.3762, abs=5e-5)


@pytest.mark.realdata
def test_what_is_wrong_with_real_traces_is_counted(real_data):
    folder = real_data / "frames" / "traces_ceap"
    files = [file for axis in ("valence", "arousal") for file in sorted((folder / axis).glob("*.txt"))]
    read = {file: traces.read(file, Policies()) for file in files}
    beyond = [one.counts["samples beyond the range"] for one in read.values()]
    assert (len(read), sum(one.counts["samples"] for one in read.values())) == (96, 47_980)
    assert (sum(beyond), sum(count > 0 for count in beyond)) == (4_365, 28)
    stuck = [file.name for file, one in read.items() if one.counts["times the stick is stuck"]]
    assert stuck == ["P2_V7.txt"]
    assert min(one.counts.get("farthest value", 0) for one in read.values()) == -1721
