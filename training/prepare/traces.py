"""Traces of an annotation tool: seconds and the value of one axis, from a file to a value for each frame of a video.

A trace has time steps of its own, and some faults are common: two values at one time, values beyond the range of the
joystick, a stuck joystick, gaps. What is done about each is a policy, and each case is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from training import messages
from training.contract import UserError
from training.datasets import _number_lines, _scales
from training.views import TOLERANCE_S

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

CHOICES: dict[str, tuple[str, ...]] = {
    "duplicates": ("last", "first", "mean", "refuse"),
    "beyond": ("clip", "drop", "refuse"),
    "stuck": ("keep", "drop"),
    "still": ("refuse", "keep"),
    "gaps": ("interpolate", "hold"),
    "ends": ("hold", "drop"),
    "backwards": ("refuse", "sort"),
}
"""Policies and their choices, the default first."""

LONGEST_GAP_S = 5.0
"""Seconds that a value is trusted beyond its sample, unless another limit is given."""


@dataclass(frozen=True)
class Policies:
    """What is done about the faults of traces. Every field stands in the record.

    Parameters
    ----------
    low, high : the values of the joystick that become −1 and 1.
    duplicates : which of several values at one time is taken: last, first, their mean; or the trace is refused.
    beyond : values beyond low … high are clipped, dropped (the trace is then interpolated), or the trace is refused.
    stuck : what becomes of one value, at the end of the range or beyond it, for longer than `stuck_s` seconds: it is
        kept, or its frames have no label.
    still : a trace that has one value from beginning to end is refused, or kept.
    gaps : within a step longer than `gap_s` seconds values are interpolated, or the last one is held.
    max_gap_s : frames within a longer step, and frames farther from the first or last sample, have no label; None for
        no limit.
    ends : before the first and after the last sample its value is held, or frames have no label.
    backwards : a trace whose time goes back is refused, or its rows are sorted by time.
    hold : the trace was written only when its value changed: between samples the last value holds.
    shift_s : seconds that the annotator needed to react: a frame has the value of so much later.
    """

    low: float = -1000.0
    high: float = 1000.0
    duplicates: str = "last"
    beyond: str = "clip"
    stuck: str = "keep"
    stuck_s: float = 10.0
    still: str = "refuse"
    gaps: str = "interpolate"
    gap_s: float = 1.0
    max_gap_s: float | None = LONGEST_GAP_S
    ends: str = "hold"
    backwards: str = "refuse"
    hold: bool = False
    shift_s: float = 0.0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise UserError(f"--{name}: {messages.unknown(value, choices, 'policy')} (one of {', '.join(choices)})")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UserError(f"--scale: expected the lowest and the highest value, found {self.low:g} {self.high:g}")
        for option, seconds in {
            "stuck-after": self.stuck_s,
            "gap-after": self.gap_s,
            "max-gap": self.max_gap_s,
        }.items():
            if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
                raise UserError(f"--{option}: expected seconds from 0, found {seconds:g}")
        if not math.isfinite(self.shift_s):
            raise UserError(f"--shift: expected seconds, found {self.shift_s:g}")


@dataclass(frozen=True)
class Trace:
    """One axis of one annotator, ready to be read at frames.

    seconds : (n,) rising.  value : (n,), −1 and 1 at the ends of the range.
    unknown : (k, 2) seconds between which there is no value.
    counts : what was found in it → how often, or how long in seconds.
    """

    file: Path
    seconds: Numbers
    value: Numbers
    unknown: Numbers
    counts: dict[str, Any] = field(default_factory=dict)


def read(file: Path, policies: Policies) -> Trace:
    """Read a trace, a text of seconds and value, and apply the policies that concern its samples.

    Blanks, tabs, commas or semicolons may separate them, and a first line of names may stand above. Raises UserError,
    with file and line, for what is no such text and for what a policy refuses.
    """
    numbers, line = _number_lines.read(file, ("seconds", "value"), "0.541 -408")
    seconds, raw = numbers.T
    counts: dict[str, Any] = {"samples": len(seconds)}
    seconds, raw, line = _in_order(file, seconds, raw, line, policies, counts)
    middle, half = (policies.low + policies.high) / 2, (policies.high - policies.low) / 2
    value = (raw - middle) / half
    _check_scale(file, raw, value, policies)
    still = float(np.ptp(raw)) == 0
    if still and policies.still == "refuse":
        raise UserError(
            f"{file}: expected a trace that moves, found {raw[0]:g} in each of its "
            f"{messages.counted(len(raw), 'sample')}; --still keep takes it as it is"
        )
    counts["never moves"] = still
    unknown, stuck = _stuck(seconds, value, policies, counts)
    if policies.stuck == "drop":
        seconds, raw, line, value = seconds[~stuck], raw[~stuck], line[~stuck], value[~stuck]
    outside = np.abs(value) > 1
    counts["samples beyond the range"] = int(outside.sum())
    if outside.any():
        farthest = int(np.argmax(np.abs(value)))
        counts["farthest value"] = float(raw[farthest])
        if policies.beyond == "refuse":
            row = int(np.flatnonzero(outside)[0])
            more = int(outside.sum()) - 1
            raise UserError(
                f"{file}, line {line[row]}: expected a value in {policies.low:g} … {policies.high:g}, found "
                f"{raw[row]:g}"
                + (f" (and {more} more like it)" if more else "")
                + "; --beyond clip or drop takes the rest, --scale gives another range"
            )
    if policies.beyond == "drop":
        seconds, line, value = seconds[~outside], line[~outside], value[~outside]
    seconds, value = _once(file, seconds, value, line, policies, counts)
    if not len(seconds):
        raise UserError(f"{file}: every sample is dropped by --beyond {policies.beyond} and --stuck {policies.stuck}")
    counts["first second"], counts["last second"] = float(seconds[0]), float(seconds[-1])
    steps = np.diff(seconds)
    counts["longest step in seconds"] = round(float(steps.max(initial=0.0)), 3)
    counts["gaps"] = 0 if policies.hold else int((steps > policies.gap_s).sum())
    return Trace(file, seconds, value, unknown, counts)


def at_frames(trace: Trace, frames: int, fps: float, policies: Policies) -> tuple[Numbers, dict[str, int]]:
    """Return the value in −1 … 1 at frames 1 … n, NaN where there is none, and what was met → number of frames.

    A sample at s seconds lies at frame s × `fps`, so that 0.541 s at 30 frames a second is frame 16.23; between samples
    values are interpolated linearly, or held, and then clipped.
    """
    at = np.arange(1, frames + 1) / fps + policies.shift_s
    seconds, value = trace.seconds, trace.value
    before, after = at < seconds[0], at > seconds[-1]
    left = np.clip(np.searchsorted(seconds, at, side="right") - 1, 0, len(seconds) - 1)
    right = np.minimum(left + 1, len(seconds) - 1)
    at_sample = np.abs(at - seconds[left]) < TOLERANCE_S
    step = np.where(before | after | at_sample, 0.0, seconds[right] - seconds[left])
    held = value[left]
    in_gap = step > policies.gap_s
    if policies.hold:
        values = held
    else:
        values = np.interp(at * fps, seconds * fps, value)
        values = np.where(in_gap, held, values) if policies.gaps == "hold" else values
    lost = np.zeros(frames, bool)
    found: dict[str, int] = {}

    def unlabelled(what: str, where: NDArray[np.bool_]) -> None:
        found[what] = int((where & ~lost).sum())
        lost[where] = True

    found["before the first sample"], found["after the last sample"] = int(before.sum()), int(after.sum())
    if not policies.hold:
        found["in a gap"] = int(in_gap.sum())
    if len(trace.unknown):
        within = (at >= trace.unknown[:, :1]) & (at <= trace.unknown[:, 1:])
        unlabelled("unlabelled while the stick is stuck", np.asarray(within.any(axis=0)))
    if policies.ends == "drop":
        # with hold nothing changed after the last sample
        unlabelled("unlabelled at the ends", before if policies.hold else before | after)
    if policies.max_gap_s is not None:
        off = np.maximum(seconds[0] - at, at - seconds[-1])
        unlabelled("unlabelled beyond the limit of a gap", (step > policies.max_gap_s) | (off > policies.max_gap_s))
    found["samples after the last frame"] = int((seconds > at[-1]).sum()) if frames else len(seconds)
    return np.where(lost, np.nan, np.clip(values, -1, 1)), found


# ------------------------------------------------------------------------------------------------------ one file


def _in_order(
    file: Path,
    seconds: Numbers,
    raw: Numbers,
    line: NDArray[np.int64],
    policies: Policies,
    counts: dict[str, Any],
) -> tuple[Numbers, Numbers, NDArray[np.int64]]:
    back = np.flatnonzero(np.diff(seconds) < 0)
    counts["steps back in time"] = len(back)
    if not len(back):
        return seconds, raw, line
    if policies.backwards == "refuse":
        row = int(back[0]) + 1
        raise UserError(
            f"{file}, line {line[row]}: expected a time that is not before that of the line above, found "
            f"{seconds[row]:g} s after {seconds[row - 1]:g} s"
            + (f" (and {len(back) - 1} more like it)" if len(back) > 1 else "")
            + "; --backwards sort puts the rows in the order of time"
        )
    order = np.argsort(seconds, kind="stable")
    return seconds[order], raw[order], line[order]


def _check_scale(file: Path, raw: Numbers, value: Numbers, policies: Policies) -> None:
    """Raise UserError for a trace that moves within a thousandth of the range: it was written on another scale."""
    span = float(np.ptp(raw))
    if len(raw) >= _scales.ENOUGH and 0 < span <= (policies.high - policies.low) / 1000:
        scales = _scales.holding(raw)
        hint = f"; --scale {scales[0][0]} {scales[0][1]} takes it as such" if scales else ""
        raise UserError(
            f"{file}: expected values in {policies.low:g} … {policies.high:g}, found only such in {raw.min():g} … "
            f"{raw.max():g}, a thousandth of that{hint}"
        )


def _stuck(
    seconds: Numbers, value: Numbers, policies: Policies, counts: dict[str, Any]
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return from when to when the stick is stuck (k, 2), where that takes labels away, and at which samples (n,)."""
    start = np.flatnonzero(np.diff(value, prepend=np.nan) != 0)
    stop = np.append(start[1:], len(value)) - 1
    until = np.minimum(stop + 1, len(value) - 1) if policies.hold else stop
    long = seconds[until] - seconds[start] > policies.stuck_s
    runs = np.flatnonzero(long & (np.abs(value[start]) >= 1))
    at = np.zeros(len(value), bool)
    for run in runs:
        at[start[run] : stop[run] + 1] = True
    spans = np.column_stack([seconds[start[runs]], seconds[until[runs]]])
    counts["times the stick is stuck"] = len(runs)
    counts["seconds the stick is stuck"] = round(float((spans[:, 1] - spans[:, 0]).sum()), 3)
    return (spans if policies.stuck == "drop" else np.empty((0, 2))), at


def _once(
    file: Path,
    seconds: Numbers,
    value: Numbers,
    line: NDArray[np.int64],
    policies: Policies,
    counts: dict[str, Any],
) -> tuple[Numbers, Numbers]:
    """Return each time once, with the value that the policy for duplicates takes."""
    times, first, number = np.unique(seconds, return_index=True, return_counts=True)
    counts["samples at a time that another has"] = len(seconds) - len(times)
    if len(times) == len(seconds):
        counts["times with different values"] = 0
        return seconds, value
    low, high = np.minimum.reduceat(value, first), np.maximum.reduceat(value, first)
    different = np.flatnonzero(high > low)
    counts["times with different values"] = len(different)
    if policies.duplicates == "refuse" and len(different):
        row = int(first[different[0]])
        raise UserError(
            f"{file}, line {line[row]}: expected one value at each time, found {number[different[0]]} rows at "
            f"{seconds[row]:g} s with different values"
            + (f" (and {len(different) - 1} more such times)" if len(different) > 1 else "")
            + "; --duplicates last, first or mean takes one"
        )
    if policies.duplicates == "mean":
        return times, np.add.reduceat(value, first) / number
    return times, value[first + number - 1] if policies.duplicates == "last" else value[first]
