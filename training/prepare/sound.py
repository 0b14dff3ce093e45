"""The sound of a recording: decoded to one channel at one rate, and measured in windows by openSMILE or librosa."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training import messages
from training.contract import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

RATE = 16_000
"""Samples a second to which all sound is brought, so that recordings of any rate are measured alike."""

SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".aac", ".opus")
EGEMAPS, LIBROSA = "egemaps", "librosa"
PACKAGES = {EGEMAPS: "opensmile", LIBROSA: "librosa"}


class Measure(NamedTuple):
    """Names of features (f,), and the function from one window of sound (k,) to them."""

    columns: tuple[str, ...]
    of: Callable[[Sound], NDArray[np.float64]]


def decode(file: Path) -> Sound | None:
    """Return a file's sound (k,) at `RATE`, channels averaged, from its beginning; None where it has no sound.

    Sound that begins after the recording does, as in a video, begins with zeros. Raises UserError for a file that
    cannot be decoded.
    """
    import av

    try:
        with av.open(str(file)) as container:
            if not container.streams.audio:
                return None
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp", rate=RATE)
            begin = (container.start_time or 0) / av.time_base
            parts: list[Any] = []
            first: float | None = None
            for frame in container.decode(stream):
                if first is None:
                    first = 0.0 if frame.time is None else frame.time - begin
                parts += [one.to_ndarray().mean(axis=0) for one in resampler.resample(frame)]
            parts += [one.to_ndarray().mean(axis=0) for one in resampler.resample(None)]
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{file}: expected a recording that can be decoded, found: {reason}") from None
    late = max(0, round((first or 0.0) * RATE))
    return np.concatenate([np.zeros(late, np.float32), *parts]).astype(np.float32)


def measure(name: str) -> Measure:
    """Return the measure of a name; UserError for an unknown one, and where its package is not installed."""
    if name not in PACKAGES:
        raise UserError(f"--sound: {messages.unknown(name, PACKAGES, 'measure of sound')}")
    try:
        package = importlib.import_module(PACKAGES[name])
    except ImportError:
        raise UserError(
            f"--sound {name} needs the package {PACKAGES[name]}, which is not installed: "
            "pip install -r requirements-sound.txt"
        ) from None
    return _egemaps(package) if name == EGEMAPS else _librosa(package)


def _egemaps(opensmile: Any) -> Measure:
    """Return eGeMAPS v02, 88 functionals (Eyben et al., IEEE Transactions on Affective Computing 7, 2016)."""
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    return Measure(
        tuple(smile.feature_names), lambda sound: smile.process_signal(sound, RATE).to_numpy(np.float64).reshape(-1)
    )


def _librosa(librosa: Any) -> Measure:
    """Return mean and standard deviation of 13 MFCC, loudness (RMS), zero crossings and spectral centroid."""
    names = (*(f"mfcc_{i}" for i in range(13)), "rms", "zero_crossings", "centroid_hz")

    def of(sound: Sound) -> NDArray[np.float64]:
        feature = librosa.feature
        rows = np.concatenate(
            [
                feature.mfcc(y=sound, sr=RATE, n_mfcc=13),
                feature.rms(y=sound),
                feature.zero_crossing_rate(sound),
                feature.spectral_centroid(y=sound, sr=RATE),
            ]
        )
        return np.concatenate([rows.mean(axis=1), rows.std(axis=1)]).astype(np.float64)

    return Measure((*(f"{name}_mean" for name in names), *(f"{name}_sd" for name in names)), of)


def windows(sound: Sound, seconds: float, measured: Measure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the starts (m,) of whole windows that do not overlap, in seconds, and their features (m, f)."""
    length = round(seconds * RATE)
    count = len(sound) // length
    values = [measured.of(sound[i * length : (i + 1) * length]) for i in range(count)]
    return np.arange(count, dtype=np.float64) * seconds, np.array(values).reshape(count, len(measured.columns))
