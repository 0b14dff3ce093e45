"""Recordings of motion capture from BVH files (.bvh or .bvh.gz).

A BVH file has a HIERARCHY of joints with offsets and channels, and a MOTION with a row of numbers a frame. Whatever is
wrong with one is refused with its line: what stands there, and what is expected.
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from scipy.spatial.transform import Rotation

from training.contract import UserError
from training.messages import short

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".bvh", ".bvh.gz")
CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")


@dataclass(frozen=True)
class Recording:
    """One recording.

    Parameters
    ----------
    names : of the joints, each after its parent; an end site is called after its joint, with `` end``.
    parents : place of each joint's parent, -1 for the root.
    offsets : (j, 3) of each joint from its parent at rest, in the file's unit.
    channels : names of each joint's channels, in the file's order.
    frame_time : seconds between two frames.
    values : (n, c) the channels of all joints, a row a frame; angles in degrees.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray[np.float64]
    channels: tuple[tuple[str, ...], ...]
    frame_time: float
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def seconds(self) -> float:
        """Return the time from the first to the last frame."""
        return (len(self) - 1) * self.frame_time

    def child(self, joint: int) -> int:
        """Return the first child of a joint, or its end site; -1 where it has none."""
        return next((place for place, parent in enumerate(self.parents) if parent == joint), -1)

    def poses(self, root: int = 0) -> tuple[NDArray[np.float64], list[Rotation]]:
        """Return the world positions (n, j, 3) and rotations (of n frames, one each joint) by forward kinematics.

        Joints above `root` are left out: it hangs in the world itself. Rotations are multiplied in the order of the
        channels; a joint with channels of position is at its offset plus these. Joints that are not below `root` stay
        at the origin.
        """
        n = len(self)
        positions = np.zeros((n, len(self.names), 3))
        rotations = [Rotation.identity(n)] * len(self.names)
        below = {root}
        start = 0
        for joint, (parent, channels) in enumerate(zip(self.parents, self.channels, strict=True)):
            values = self.values[:, start : start + len(channels)]
            start += len(channels)
            if joint != root and parent not in below:
                continue
            below.add(joint)
            local, place = _local(channels, values, self.offsets[joint])
            if joint == root:
                positions[:, joint], rotations[joint] = place, local
            else:
                positions[:, joint] = positions[:, parent] + rotations[parent].apply(place)
                rotations[joint] = rotations[parent] * local
        return positions, rotations


def _local(
    channels: Sequence[str], values: NDArray[np.float64], offset: NDArray[np.float64]
) -> tuple[Rotation, NDArray[np.float64]]:
    """Return a joint's rotation and place against its parent, for every frame."""
    place = np.tile(offset, (len(values), 1))
    axes = ""
    angles = []
    for name, column in zip(channels, values.T, strict=True):
        if name.endswith("position"):
            place[:, "XYZ".index(name[0])] += column
        else:
            axes += name[0]
            angles.append(column)
    if not axes:
        return Rotation.identity(len(values)), place
    return Rotation.from_euler(axes, np.column_stack(angles), degrees=True), place


def read(path: Path) -> Recording:
    """Read a BVH file. Raises UserError with file and line for what is no recording."""
    return _Parser(path, _lines(path)).recording()


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
        if path.name.endswith(".gz"):
            content = gzip.decompress(content)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    return content.decode("utf-8", "replace").splitlines()


class _Parser:
    """Reads the lines of one file, and knows at which it is."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        self.path, self.lines = path, lines
        self.line = 0
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.channels: list[tuple[str, ...]] = []

    def refuse(self, expected: str, found: str, line: int | None = None) -> NoReturn:
        where = self.line if line is None else line
        raise UserError(f"{self.path}, line {where}: expected {expected}, found {short(found, 200)}")

    def words(self) -> list[str]:
        """Return the words of the next line that has any; none at the end of the file."""
        while self.line < len(self.lines):
            self.line += 1
            words = self.lines[self.line - 1].split()
            if words:
                return words
        return []

    def recording(self) -> Recording:
        first = self.words()
        if first[:1] != ["HIERARCHY"]:
            self.refuse("HIERARCHY, which a BVH file begins with", " ".join(first)[:40] or "nothing")
        self._hierarchy()
        frames, frame_time = self._header()
        values = self._motion(frames)
        if not self.names:
            self.refuse("a ROOT in HIERARCHY", "none", 1)
        offsets = np.array(self.offsets)
        return Recording(tuple(self.names), tuple(self.parents), offsets, tuple(self.channels), frame_time, values)

    def _hierarchy(self) -> None:
        open_: list[int] = []
        while True:
            words = self.words()
            if not words:
                self.refuse("MOTION, the part with the frames", "the end of the file", len(self.lines))
            head = words[0]
            if head == "MOTION":
                if open_:
                    self.refuse(f"}} that closes joint {self.names[open_[-1]]}", "MOTION")
                return
            if head in ("ROOT", "JOINT", "End"):
                self._joint(words, open_[-1] if open_ else -1)
                if self.words() != ["{"]:
                    self.refuse("{ after the name of a joint", self.lines[self.line - 1].strip()[:40])
                open_.append(len(self.names) - 1)
            elif head == "}" and open_:
                open_.pop()
            elif head == "OFFSET" and open_:
                self.offsets[open_[-1]] = self._numbers(words[1:], 3, "three numbers after OFFSET")
            elif head == "CHANNELS" and open_:
                self._channels(words, open_[-1])
            else:
                self.refuse("JOINT, End Site, OFFSET, CHANNELS, } or MOTION", " ".join(words)[:40])

    def _joint(self, words: list[str], parent: int) -> None:
        if words[0] == "End":
            name = f"{self.names[parent]} end"
        elif len(words) < 2:
            self.refuse(f"a name after {words[0]}", "none")
        else:
            name = " ".join(words[1:])
            if name in self.names:
                self.refuse("each joint once", f"{name} again")
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        self.channels.append(())

    def _channels(self, words: list[str], joint: int) -> None:
        names = tuple(words[2:])
        if not words[1:] or not words[1].isdecimal() or int(words[1]) != len(names):
            self.refuse("CHANNELS, how many, and their names", " ".join(words)[:80])
        for name in names:
            if name not in CHANNELS:
                self.refuse(f"a channel of {', '.join(CHANNELS)}", name)
        if len(set(names)) < len(names):
            self.refuse(f"each channel of joint {self.names[joint]} once", " ".join(names))
        self.channels[joint] = names

    def _header(self) -> tuple[int, float]:
        words = self.words()
        if words[:1] != ["Frames:"] or len(words) < 2 or not words[1].isdecimal():
            self.refuse("Frames: and their number", " ".join(words)[:40] or "the end of the file")
        frames = int(words[1])
        words = self.words()
        text = words[2] if words[:2] == ["Frame", "Time:"] and len(words) > 2 else ""
        try:
            frame_time = float(text)
        except ValueError:
            self.refuse("Frame Time: and seconds", " ".join(words)[:40] or "the end of the file")
        if not (math.isfinite(frame_time) and frame_time > 0):
            self.refuse("a frame time above 0 s", text)
        return frames, frame_time

    def _motion(self, frames: int) -> NDArray[np.float64]:
        width = sum(map(len, self.channels))
        left = self.lines[self.line :]
        try:
            values = np.fromstring(" ".join(left), sep=" ")
        except ValueError:
            values = np.empty(0)
        lines = [line for line in left if line.strip()]
        regular = all(len(line.split()) == width for line in (*lines[:1], *lines[-1:]))
        if len(lines) == frames and values.size == frames * width and regular and np.isfinite(values).all():
            return values.reshape(frames, width)
        # line by line, to say which is wrong
        rows: list[list[float]] = []
        while len(rows) < frames and (words := self.words()):
            rows.append(self._numbers(words, width, f"{width} numbers, one a channel"))
        if len(rows) < frames:
            self.refuse(f"{frames} frames, as Frames: says", f"{len(rows)}", len(self.lines))
        return np.array(rows).reshape(frames, width)

    def _numbers(self, words: Sequence[str], count: int, expected: str) -> list[float]:
        if len(words) != count:
            self.refuse(expected, f"{len(words)}")
        try:
            numbers = [float(word) for word in words]
        except ValueError:
            bad = next(word for word in words if not _is_number(word))
            self.refuse(expected, bad[:40])
        if not all(map(math.isfinite, numbers)):
            place = next(k for k, number in enumerate(numbers) if not math.isfinite(number))
            self.refuse(expected, f"{words[place]} as number {place + 1}")
        return numbers


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
