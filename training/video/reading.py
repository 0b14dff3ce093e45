"""Videos, decoded frame by frame with PyAV: a frame's own time stamp says when it is, never the header's rate or count.

    video = Video(path)
    for time, pixels in video.frames():      # seconds from the beginning, RGB (h, w, 3) uint8
        ...
    video.notes                              # sentences on what was wrong with the file, once it was read

What of a damaged file can be decoded is used, and what was lost is counted in `Video.notes`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from training import messages
from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

MOST_ERRORS = 100
"""Packets that may fail to decode before the rest of a file is given up."""

LONGEST_SIDE = 8192
"""Pixels. A header that says more is damaged, or made to fill the memory."""


class NoVideo(UserError):
    """A file that can be decoded and has no frames: sound alone."""


@dataclass
class Video:
    """A video file.

    Parameters
    ----------
    path : the file.  width, height : of the frames as they are shown, in pixels.
    header_rate, header_frames : what the header says, for comparison alone; 0 where it says nothing.
    notes : sentences on what was wrong, complete after `frames` has come to its end.
    decoded : frames that `frames` has yielded.

    Made by `open_video`.
    """

    path: Path
    width: int
    height: int
    header_rate: float
    header_frames: int
    notes: list[str] = field(default_factory=list)
    decoded: int = 0

    def frames(self) -> Iterator[tuple[float, Pixels]]:
        """Yield the time of each frame, in seconds from the beginning of the file, and its RGB pixels (h, w, 3) uint8.

        Times rise. A frame without a time stamp is put one step after the one before it; frames whose time does not
        rise are left out; both are counted in `notes`. UserError where no frame can be decoded.
        """
        self.notes.clear()
        self.decoded = 0
        unstamped, backwards, broken, steps = 0, 0, 0, _Steps(self.header_rate)
        last = -np.inf
        with _quiet(), _container(self.path) as container:
            stream = _stream(container, self.path)
            stream.thread_type = "AUTO"
            begin = _begin(container)
            for frame in _decoded(container, stream):
                if frame is None:
                    broken += 1
                    if broken > MOST_ERRORS:
                        self.notes.append(f"the rest after frame {self.decoded} was given up: it is damaged")
                        break
                    continue
                if frame.time is None:
                    unstamped += 1
                    time = max(last, -steps.seconds) + steps.seconds
                else:
                    time = float(frame.time) - begin
                if time <= last:
                    backwards += 1
                    continue
                steps.add(time - last)
                last = time
                self.decoded += 1
                yield time, _upright(frame)
        if broken:
            self.notes.append(f"{messages.counted(broken, 'packet')} could not be decoded")
        if unstamped:
            self.notes.append(f"{messages.counted(unstamped, 'frame')} without a time stamp: one step after the last")
        if backwards:
            self.notes.append(f"{messages.counted(backwards, 'frame')} left out: their time does not rise")
        if self.header_frames and self.header_frames != self.decoded:
            self.notes.append(f"the header says {self.header_frames:,} frames, {self.decoded:,} were decoded")
        if not self.decoded:
            raise UserError(f"{self.path}: expected a video, found none of its frames can be decoded")


def open_video(path: Path) -> Video:
    """Return a video by its header.

    UserError for a file that is no video, is empty, or cannot be decoded; `NoVideo` for one of sound alone.
    """
    if not path.is_file():
        near = messages.nearest(path.name, [other.name for other in _beside(path)], cutoff=0.5)
        raise UserError(f"{path} is no file: expected a video{near}")
    if not path.stat().st_size:
        raise UserError(f"{path}: expected a video, found an empty file")
    with _quiet(), _container(path) as container:
        stream = _stream(container, path)
        width, height = stream.codec_context.width, stream.codec_context.height
        if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
            raise UserError(f"{path}: expected frames of 1 to {LONGEST_SIDE} pixels a side, found {width}×{height}")
        first = next((frame for frame in _decoded(container, stream) if frame is not None), None)
        if first is None:
            raise UserError(f"{path}: expected a video, found none of its frames can be decoded")
        if round(first.rotation / 90) % 2:
            width, height = height, width
        rate = stream.average_rate or stream.guessed_rate or Fraction(0)
        return Video(path, width, height, float(rate), _header_frames(stream))


def _header_frames(stream: Any) -> int:
    """Return the number of frames that a header says; Matroska has it as a tag. 0 where it says none."""
    if stream.frames:
        return int(stream.frames)
    said = next((text for name, text in stream.metadata.items() if name.upper().startswith("NUMBER_OF_FRAMES")), "")
    return int(said) if said.isdecimal() and len(said) < 10 else 0


def _beside(path: Path) -> list[Path]:
    try:
        return sorted(path.parent.iterdir())
    except OSError:
        return []


@dataclass
class _Steps:
    """The usual time between two frames: of those seen so far the median, before that what the header says."""

    rate: float
    seen: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        if self.seen:
            return float(np.median(self.seen))
        return 1 / self.rate if self.rate > 0 else 1 / 25

    def add(self, step: float) -> None:
        if np.isfinite(step) and len(self.seen) < 100:
            self.seen.append(step)


class _quiet:
    """Keep what FFmpeg says of damaged files off the terminal: messages say it in our own words."""

    def __enter__(self) -> None:
        import av.logging

        logging.getLogger("libav").setLevel(logging.CRITICAL)
        self.level = av.logging.get_level()
        av.logging.set_level(av.logging.PANIC)

    def __exit__(self, *raised: object) -> None:
        import av.logging

        av.logging.set_level(self.level)


def _container(path: Path) -> Any:
    import av

    try:
        return av.open(str(path))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{path}: expected a video that can be decoded, found: {reason}") from None


def _stream(container: Any, path: Path) -> Any:
    if not container.streams.video:
        kinds = sorted({stream.type for stream in container.streams})
        raise NoVideo(f"{path}: expected a video, found {' and '.join(kinds) or 'nothing'} alone")
    return container.streams.video[0]


def _begin(container: Any) -> float:
    import av

    return float((container.start_time or 0) / av.time_base)


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the frames of a stream, and None for each packet that cannot be decoded."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError, ValueError):
            yield None  # the file ends within a packet: nothing comes after it
            return
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, OSError, ValueError):
            yield None
            continue
        yield from frames


def _upright(frame: Any) -> Pixels:
    pixels: Pixels = frame.to_ndarray(format="rgb24")
    quarter = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarter)) if quarter else pixels
