"""Features of Laban Movement Analysis of the windows of a recording: as published, or plain.

``published`` follows the rules behind the published table, quirks included, so that its rows come out to their last
digit. ``plain`` is the same quantities done simply: on the recording's own skeleton, in units of its height, over the
whole window; turning or moving the recording changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from affect.body import JOINTS
from training.contract import UserError
from training.motion_capture import humanoid
from training.motion_capture.names import FEATURES, PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.motion_capture.bvh import Recording
    from training.motion_capture.skeletons import Skeleton

    Floats = NDArray[np.float64]

PRESETS = ("published", "plain")
MOVERS = ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "neck")
"""In the order of the table's hand, foot and neck speeds."""

QUIRKS = (
    "a window of 1 s holds as many samples of 1/150 s as the recording has frames in 1 s: 120 frames a second make "
    "windows of 0.8 s",
    "avg_neck_rotation_w holds x of the neck's quaternion, _x holds y, _y holds z, and _z holds w",
    "avg_l_elbow_hip_distance and avg_r_elbow_hip_distance are distances of the elbows to the chest",
    "avg_chest_pelvis_distance is the same in every window: all recordings are put on one humanoid",
    "speeds are net displacement by time, accelerations the change from the window before (0 before the first)",
    "the first window begins with the pose at time 0; the published one begins with a pose at a random time, so that "
    "its first row, and the accelerations of its second, cannot be had again",
)
"""What a person should know of the published features."""


@dataclass(frozen=True)
class Windows:
    """Features of successive windows.

    Parameters
    ----------
    names : of the columns.  values : (w, f).
    time : (w,) seconds at which each window begins.
    frame : (w,) the column frame_counter: samples (published) or frames (plain) up to the window's end.
    seconds : of motion in a window.
    """

    names: tuple[str, ...]
    values: Floats
    time: Floats
    frame: NDArray[np.int64]
    seconds: float


def windows(
    recording: Recording, skeleton: Skeleton, preset: str, window: float, hop: float, file: Path | str
) -> Windows:
    """Return the features of a recording's windows of `window` seconds, one every `hop` seconds.

    Raises UserError where the recording is shorter than one window, or windows of the published features overlap.
    """
    if len(recording) < 2 or recording.seconds + recording.frame_time < window:
        frames = len(recording)
        raise UserError(
            f"{file}: expected at least one window of {window:g} s, found {frames} frame{'s' * (frames != 1)} of "
            f"{recording.frame_time:g} s"
        )
    if preset == "plain":
        return _plain(recording, skeleton, window, hop, file)
    if hop != window:
        raise UserError(f"published windows follow one another: expected --hop {window:g}, found {hop:g}")
    return _published(recording, skeleton, window, file)


# ------------------------------------------------------------------------------------------------------ published


def _published(recording: Recording, skeleton: Skeleton, window: float, file: Path | str) -> Windows:
    poses = humanoid.sample(humanoid.retarget(recording, skeleton, file), recording.frame_time)
    placed = humanoid.place(poses)
    links = placed.centres if skeleton.measured == "centres" else placed.origins
    # 1e-6: a frame time of .008333 s is meant as 1/120 s
    return published(links, placed.neck, int(window / recording.frame_time + 1e-6), window, skeleton.first_window)


def published(links: Floats, neck: Rotation, size: int, window: float, more: int) -> Windows:
    """Return the 27 published features from the links' places at 150 samples a second.

    Parameters
    ----------
    links : (15, n, 3) in the order of `humanoid.LINKS`.
    neck : the neck's world rotation in each sample.
    size : samples of a window.
    window : its nominal length in seconds, which speeds are divided by.
    more : samples that the first window has more at its beginning (1), or less (-1: its first sample counts twice).
    """
    count = (links.shape[1] - more) // size
    # where the windows begin: the first at the beginning whatever `more` says
    begin = np.arange(count) * size + more
    end = begin + size
    begin[0] = 0
    track = {name: links[place] for place, name in enumerate(JOINTS)}

    def distance(a: str, b: str) -> Floats:
        gap: Floats = np.linalg.norm(track[a] - track[b], axis=1)
        return gap

    def area(a: str, b: str, c: str) -> Floats:
        return _area(track[a], track[b], track[c])

    def mean(values: Floats) -> Floats:
        of = [values[a:b].mean(axis=0) for a, b in zip(begin, end, strict=True)]
        if more < 0:
            of[0] = np.concatenate([values[:1], values[: end[0]]]).mean(axis=0)
        return np.array(of)

    def largest(values: Floats) -> Floats:
        return np.array([values[a:b].max() for a, b in zip(begin, end, strict=True)])

    velocity = {name: (track[name][end - 1] - track[name][begin]) / window for name in MOVERS}
    quaternion = neck.as_quat()
    # the sign of a quaternion is arbitrary: w is positive, or where that is small the largest of the others
    sure = 4 * quaternion[:, 3] ** 2 > 1
    largest_part = np.take_along_axis(quaternion, np.abs(quaternion[:, :3]).argmax(axis=1)[:, None], axis=1)[:, 0]
    quaternion *= np.where(np.where(sure, quaternion[:, 3], largest_part) < 0, -1.0, 1.0)[:, None]
    columns = [
        largest(distance("left_wrist", "right_wrist")),
        mean(distance("left_wrist", "root")),
        mean(distance("right_wrist", "root")),
        largest(distance("left_ankle", "right_ankle")),
        mean(distance("left_wrist", "chest")),
        mean(distance("right_wrist", "chest")),
        mean(distance("left_elbow", "chest")),
        mean(distance("right_elbow", "chest")),
        mean(distance("chest", "root")),
        mean(distance("neck", "chest")),
        *mean(quaternion).T,
        mean(np.ptp(links, axis=0).prod(axis=1)),
        mean(area("left_wrist", "right_wrist", "neck")),
        mean(area("left_ankle", "right_ankle", "root")),
        *(np.linalg.norm(v, axis=1) for v in velocity.values()),
        *(np.linalg.norm(np.diff(v, axis=0, prepend=0), axis=1) / window for v in velocity.values()),
    ]
    time = np.maximum(begin, 0) / humanoid.RATE
    return Windows(FEATURES, np.column_stack(columns), time, (np.arange(count) + 1) * size, size / humanoid.RATE)


def _area(a: Floats, b: Floats, c: Floats) -> Floats:
    area: Floats = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return area


# ---------------------------------------------------------------------------------------------------------- plain


def height(recording: Recording, places: Mapping[str, int]) -> float:
    """Return the height of a recording's skeleton in the file's unit: its bones from the ankle over the neck up."""
    length = np.linalg.norm(recording.offsets, axis=1)

    def chain(low: int, high: int) -> float:
        """Return the length of the bones from the joint `low` up to, and without, the joint `high` above it."""
        total = 0.0
        while low not in (high, -1):
            total += float(length[low])
            low = recording.parents[low]
        return total

    legs = [chain(places[f"{side}_ankle"], places[f"{side}_hip"]) for side in ("left", "right")]
    top = places["neck"]
    while (child := recording.child(top)) >= 0:
        top = child
    return sum(legs) / 2 + chain(top, places["pelvis"])


def _plain(recording: Recording, skeleton: Skeleton, window: float, hop: float, file: Path | str) -> Windows:
    places = skeleton.places(recording, file)
    tall = height(recording, places)
    if not tall > 0:
        raise UserError(f"{file}: the skeleton's bones have no length")
    positions, _ = recording.poses(places["pelvis"])
    track = {role: positions[:, place] / tall for role, place in places.items()}
    for side in ("left", "right"):
        hand = recording.child(places[f"{side}_elbow"])
        if hand < 0:
            raise UserError(f"{file}: expected a hand below {recording.names[places[f'{side}_elbow']]}, found none")
        track[f"{side}_wrist"] = positions[:, hand] / tall
    top = recording.child(places["neck"])
    if top < 0:
        raise UserError(f"{file}: expected a joint or end site below {recording.names[places['neck']]}, found none")
    track["head"] = positions[:, top] / tall
    body = _body(track, file)
    joints = np.stack([*track.values()])  # (j, n, 3)
    # the box is along the body, so that a turn of the whole body does not change it
    sides = np.ptp(np.einsum("njk,ink->inj", body.inv().as_matrix(), joints - track["pelvis"]), axis=0)
    neck = (body.inv() * _body(track, file, trunk=("neck", "head"))).as_euler("ZXY")

    size = max(1, round(window / recording.frame_time))
    step = max(1, round(hop / recording.frame_time))
    begin = np.arange(0, len(recording) - size + 1, step)
    # the frame after the last ends the window's motion, where there is one
    end = np.minimum(begin + size, len(recording) - 1)

    def distance(a: str, b: str) -> Floats:
        gap: Floats = np.linalg.norm(track[a] - track[b], axis=1)
        return gap

    def mean(values: Floats) -> Floats:
        return np.array([values[a : b + 1].mean(axis=0) for a, b in zip(begin, end, strict=True)])

    def largest(values: Floats) -> Floats:
        return np.array([values[a : b + 1].max() for a, b in zip(begin, end, strict=True)])

    seconds = (end - begin)[:, None] * recording.frame_time
    half = begin + (end - begin) // 2
    net, path, change = [], [], []
    for mover in MOVERS:
        place = track[mover]
        net.append(np.linalg.norm(place[end] - place[begin], axis=1) / seconds[:, 0])
        walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(place, axis=0), axis=1))])
        path.append((walked[end] - walked[begin]) / seconds[:, 0])
        early = (place[half] - place[begin]) / ((half - begin)[:, None] * recording.frame_time).clip(min=1e-12)
        late = (place[end] - place[half]) / ((end - half)[:, None] * recording.frame_time)
        change.append(np.linalg.norm(late - early, axis=1) / (seconds[:, 0] / 2))
    columns = [
        largest(distance("left_wrist", "right_wrist")),
        mean(distance("left_wrist", "pelvis")),
        mean(distance("right_wrist", "pelvis")),
        largest(distance("left_ankle", "right_ankle")),
        mean(distance("left_wrist", "upper_chest")),
        mean(distance("right_wrist", "upper_chest")),
        mean(distance("left_elbow", "pelvis")),
        mean(distance("right_elbow", "pelvis")),
        mean(distance("upper_chest", "pelvis")),
        mean(distance("neck", "upper_chest")),
        *mean(neck).T,
        mean(sides.prod(axis=1)),
        mean(_area(track["left_wrist"], track["right_wrist"], track["neck"])),
        mean(_area(track["left_ankle"], track["right_ankle"], track["pelvis"])),
        *net,
        *change,
        *path,
    ]
    time = begin.astype(np.float64) * recording.frame_time
    return Windows(PLAIN, np.column_stack(columns), time, end, size * recording.frame_time)


def _body(track: Mapping[str, Floats], file: Path | str, trunk: tuple[str, str] = ("pelvis", "neck")) -> Rotation:
    """Return the frame of the trunk: x forward, y up along it, z to the right, from its bone and the hips' line.

    For the neck and head the line is that of the shoulders. Raises UserError where they span no plane.
    """
    low, high = trunk
    line = "hip" if low == "pelvis" else "shoulder"
    up = track[high] - track[low]
    right = track[f"right_{line}"] - track[f"left_{line}"]
    forward = np.cross(up, right)
    if not (np.linalg.norm(forward, axis=1) > 1e-9).all():
        raise UserError(
            f"{file}: the bone from {low} to {high} and the line of the {line}s span no plane in some frame"
        )
    axes = np.stack([forward, up, np.cross(forward, up)], axis=-1)
    return Rotation.from_matrix(axes / np.linalg.norm(axes, axis=1, keepdims=True))
