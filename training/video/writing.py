"""A video being written, frame by frame, with the sound of another: H.264 and AAC in mp4, which browsers play."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from training import cache
from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.video.reading import Pixels

TICKS = 90_000
"""Time stamps a second, as in MPEG."""
OPTIONS = {"crf": "20", "preset": "veryfast"}


class VideoFile:
    """A video being written. Use it as a context manager; the file takes its name when the block ends.

    Parameters
    ----------
    out : its name, which ends in .mp4.
    rate : frames a second, where frames come without their times.
    sound : a video whose sound is written along, or None.  `silent` says afterwards why it was not, or is "".

    Raises UserError where no video can be written there.
    """

    def __init__(self, out: Path, rate: float, sound: Path | None = None) -> None:
        if out.suffix.lower() != ".mp4":
            raise UserError(f"--out {out}: expected a name that ends in .mp4")
        self.out, self.rate, self._sound, self.silent = out, rate, sound, ""
        self._open, self._count, self._last = ExitStack(), 0, -1
        self._container: Any = None
        self._stream: Any = None
        self._audio: Any = None
        self._waiting: Any = None

    def __enter__(self) -> VideoFile:
        import av

        cache.check_new(self.out, "--out")
        part = self._open.enter_context(cache.whole(self.out))
        try:
            file = self._open.enter_context(part.open("wb"))
        except OSError as error:
            self._open.close()
            raise UserError(f"--out {self.out}: no video can be written there ({error.strerror})") from None
        self._container = av.open(file, "w", format="mp4")
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with self._open:  # an error in here, or handed on, leaves no file
            if kind is None and self._stream is None:
                raise UserError(f"--out {self.out}: there was no frame to write")
            if kind is None:
                self._container.mux(self._stream.encode())
                self._write_sound(float("inf"))
            self._close(kind)
            if error is not None:
                raise error.with_traceback(trace)

    def _close(self, kind: Any) -> None:
        import av

        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            if kind is None:
                raise

    def show(self, frame: Pixels, time: float | None = None) -> None:
        """Write one frame (h, w, 3) RGB, shown from `time` seconds on; all have the size of the first."""
        import av

        if self._stream is None:
            self._begin(frame.shape[1], frame.shape[0])
        # H.264 halves the colours' resolution: an odd side has its last pixel twice
        odd = [(0, side % 2) for side in frame.shape[:2]]
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(frame, [*odd, (0, 0)], mode="edge")))
        at = round(TICKS * (self._count / self.rate if time is None else time))
        picture.pts, picture.time_base = max(at, self._last + 1), Fraction(1, TICKS)
        self._count, self._last = self._count + 1, picture.pts
        self._container.mux(self._stream.encode(picture))
        self._write_sound(picture.pts / TICKS)

    def _begin(self, width: int, height: int) -> None:
        self._stream = self._container.add_stream(
            "libx264", rate=Fraction(self.rate).limit_denominator(1001), options=OPTIONS
        )
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, TICKS)
        if self._sound is not None:
            self._waiting = self._encoded(self._sound)
            self._audio = next(self._waiting, None)

    def _write_sound(self, until: float) -> None:
        while self._audio is not None and self._audio[0] <= until:
            self._container.mux(self._audio[1])
            self._audio = next(self._waiting, None)

    def _encoded(self, source: Path) -> Iterator[tuple[float, Any]]:
        """Yield the sound of a video as packets with their seconds, from the beginning of its first frame."""
        import av

        try:
            with av.open(str(source)) as container:
                if not container.streams.audio:
                    return
                stream = container.streams.audio[0]
                begin = (container.start_time or 0) / av.time_base
                out = self._container.add_stream("aac", rate=stream.rate)
                for frame in container.decode(stream):
                    time = 0.0 if frame.time is None else float(frame.time) - begin
                    if time < 0:
                        continue
                    frame.pts, frame.time_base = round(time * stream.rate), Fraction(1, stream.rate)
                    for packet in out.encode(frame):
                        yield time, packet
                for packet in out.encode(None):
                    yield 0.0, packet
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.silent = f"its sound cannot be decoded to the end ({getattr(error, 'strerror', None) or error})"
