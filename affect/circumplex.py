"""The circumplex: emotions as ellipses in the plane of valence and arousal, angles and radii, error fields.

Conventions. ``va`` is (n, 2): valence and arousal, each in [-1, 1]. Angles are degrees in [0, 360), anticlockwise from
positive valence (90 is positive arousal); the radius is the distance from neutral (0, 0), at most √2 in a corner.
Discrete labels are whole numbers −10 … 10, ten times the continuous ones. Pure NumPy.

*Annotation transfer* gives pictures that have an emotion alone a valence and an arousal: for each emotion the ellipse
whose centre is an annotated set's mean and whose semi-axes are its standard deviations, and in it a uniform draw
(Nagpal et al., The Bridge from D to E).
"""

from __future__ import annotations

import difflib
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

AXES = ("valence", "arousal")
STEPS = 10
"""Discrete labels are −STEPS … STEPS."""

CORNER = float(np.sqrt(2))
"""The largest radius that a point of [-1, 1]² has."""


class Ellipse(NamedTuple):
    """Where an emotion lies: its centre, and the semi-axes along valence and along arousal (all in units of va)."""

    emotion: str
    valence: float
    arousal: float
    valence_axis: float
    arousal_axis: float

    @property
    def centre(self) -> NDArray[np.float64]:
        """Return the centre (2,)."""
        return np.array([self.valence, self.arousal])

    @property
    def axes(self) -> NDArray[np.float64]:
        """Return the semi-axes (2,)."""
        return np.array([self.valence_axis, self.arousal_axis])


ELLIPSES: dict[str, Ellipse] = {
    one.emotion: one
    for one in (
        Ellipse("anger", -0.50, 0.60, 0.20, 0.30),
        Ellipse("boredom", -0.65, -0.60, 0.20, 0.25),
        Ellipse("contempt", -0.35, 0.35, 0.20, 0.25),
        Ellipse("disgust", -0.60, 0.35, 0.20, 0.30),
        Ellipse("fear", -0.65, 0.60, 0.20, 0.30),
        Ellipse("happiness", 0.80, 0.50, 0.20, 0.25),
        Ellipse("neutral", 0.00, 0.00, 0.15, 0.15),
        Ellipse("sadness", -0.65, -0.25, 0.20, 0.30),
        Ellipse("surprise", 0.40, 0.65, 0.30, 0.25),
    )
}
"""Emotion → ellipse, for whom no annotated set is at hand. Centres are rounded to 0.05 and near the mean ratings of
words by Russell and Mehrabian (1977, Evidence for a three-factor theory of emotions); of contempt near their scornful;
neutral is the origin by definition. Semi-axes are of the size of the standard deviations there and are ours. The words
were rated, no face was: ellipses of an annotated set (`ellipses_of`) are to be preferred."""

SPELLINGS: dict[str, str] = {
    "afraid": "fear",
    "angry": "anger",
    "bored": "boredom",
    "contemptuous": "contempt",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "joy": "happiness",
    "sad": "sadness",
    "scared": "fear",
    "surprised": "surprise",
}
"""Other word for an emotion → its name in `ELLIPSES`."""


def name(emotion: str) -> str:
    """Return the one name of an emotion, whatever its spelling: ``" HAPPY"`` is ``happiness``; unknown ones stay."""
    plain = emotion.strip().lower()
    return SPELLINGS.get(plain, plain)


def find(emotion: str, ellipses: Mapping[str, Ellipse] = ELLIPSES) -> Ellipse:
    """Return the ellipse of `emotion`, in any spelling; LookupError with the nearest names where it has none."""
    by_name = {name(one): ellipse for one, ellipse in ellipses.items()}
    wanted = name(emotion)
    if wanted not in by_name:
        close = difflib.get_close_matches(wanted, [*by_name, *SPELLINGS], n=3, cutoff=0.6)
        close = list(dict.fromkeys(near for near in map(name, close) if near in by_name))
        hint = f"nearest: {', '.join(close)}" if close else f"there are {', '.join(sorted(by_name))}"
        raise LookupError(f"no ellipse for the emotion {emotion.strip()!r}; {hint}")
    return by_name[wanted]


def ellipses_of(va: ArrayLike, label: ArrayLike) -> dict[str, Ellipse]:
    """Return emotion → ellipse of an annotated set: centre the mean, semi-axes the standard deviations (divisor n).

    `va` (n, 2), `label` (n,) in any spelling. ValueError where there is no row.
    """
    points = _points(va)
    names = np.array([name(str(one)) for one in np.asarray(label).tolist()], np.str_)
    if len(names) != len(points) or not len(points):
        raise ValueError(f"expected a label for each of one or more points, got {len(names)} for {len(points)}")
    ellipses = {}
    for emotion in np.unique(names).tolist():
        of = points[names == emotion]
        (valence, arousal), (wide, high) = of.mean(axis=0).tolist(), of.std(axis=0).tolist()
        ellipses[emotion] = Ellipse(emotion, valence, arousal, wide, high)
    return ellipses


def contains(ellipse: Ellipse, va: ArrayLike) -> NDArray[np.bool_]:
    """Return which of the points `va` (n, 2) are in the ellipse, its edge included."""
    return _distance(ellipse, _points(va)) <= 1 + 1e-9


def draw(ellipse: Ellipse, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw `n` points (n, 2) uniformly from the ellipse; the same for the same state of `rng`.

    Where an annotated set's ellipse reaches over the edge of [-1, 1]², draws are uniform on what lies within it: what
    falls outside is drawn again, never moved to the edge. ValueError where the centre itself is outside.
    """
    if not (np.abs(ellipse.centre) <= 1).all():
        raise ValueError(f"expected a centre in [-1, 1]², got {ellipse}")
    drawn = np.empty((0, 2))
    while len(drawn) < n:
        radius = np.sqrt(rng.random(n))
        angle = 2 * np.pi * rng.random(n)
        points = ellipse.centre + ellipse.axes * radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        drawn = np.concatenate([drawn, points[(np.abs(points) <= 1).all(axis=1)]])
    return drawn[:n]


def whole(ellipse: Ellipse) -> NDArray[np.int64]:
    """Return the discrete labels (k, 2), whole numbers −10 … 10, that lie in the ellipse scaled to them."""
    steps = np.arange(-STEPS, STEPS + 1)
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return grid[contains(ellipse, grid / STEPS)]


def draw_discrete(ellipse: Ellipse, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `n` discrete labels (n, 2) uniformly from those in the ellipse; ValueError where it is too small for one."""
    inside = whole(ellipse)
    if not len(inside):
        raise ValueError(
            f"the ellipse of {ellipse.emotion}, {ellipse.valence:.3g} ± {ellipse.valence_axis:.3g} by "
            f"{ellipse.arousal:.3g} ± {ellipse.arousal_axis:.3g}, holds no whole number of tenths"
        )
    chosen: NDArray[np.int64] = inside[rng.integers(len(inside), size=n)]
    return chosen


def transfer(
    label: ArrayLike, ellipses: Mapping[str, Ellipse] = ELLIPSES, seed: int = 0, discrete: bool = False
) -> NDArray[np.float64]:
    """Draw a point (n, 2) of va for each emotion of `label` (n,) from its ellipse; discrete ones are tenths.

    Each emotion has draws of its own, so that rows of one never change those of another, and discrete draws are draws
    of their own, not continuous ones rounded. LookupError where an emotion has no ellipse, ValueError where its ellipse
    is too small for a discrete draw.
    """
    given = np.asarray(label)
    va = np.full((len(given), 2), np.nan)
    names = np.array([name(str(one)) for one in given.tolist()], np.str_)
    for emotion in np.unique(names).tolist():
        rows = names == emotion
        ellipse = find(emotion, ellipses)
        rng = np.random.default_rng([seed, zlib.crc32(emotion.encode()), int(discrete)])
        n = int(rows.sum())
        va[rows] = draw_discrete(ellipse, n, rng) / STEPS if discrete else draw(ellipse, n, rng)
    return va


def outline(ellipse: Ellipse, points: int = 72) -> NDArray[np.float64]:
    """Return the edge (points + 1, 2) of the ellipse, closed, for a figure."""
    angle = np.linspace(0, 2 * np.pi, points + 1)
    edge: NDArray[np.float64] = ellipse.centre + ellipse.axes * np.column_stack([np.cos(angle), np.sin(angle)])
    return edge


def polar(va: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return angle (n,) in degrees and radius (n,) of the points `va` (n, 2)."""
    points = _points(va)
    angle = np.degrees(np.arctan2(points[:, 1], points[:, 0])) % 360
    # a tiny negative angle rounds to 360 itself
    return np.where(angle >= 360, 0.0, angle), np.hypot(points[:, 0], points[:, 1])


def error_field(
    true: ArrayLike, pred: ArrayLike, sectors: int = 12, rings: Sequence[float] = (1 / 3, 2 / 3)
) -> pd.DataFrame:
    """Return where predictions go from each region: a row per cell of angle × radius that holds true points.

    `true`, `pred` (n, 2). Rings end at the radii `rings`, the last one at the corner; within the first one an angle
    means little, so that it is one cell. A cell holds the points whose *true* value lies in it. Columns: angle_from,
    angle_to (degrees), radius_from, radius_to, n, true_valence, true_arousal, pred_valence, pred_arousal (means: the
    two ends of an arrow), error (mean distance of the pairs).
    """
    import pandas as pd

    at, to = _points(true), _points(pred)
    if len(at) != len(to):
        raise ValueError(f"expected as many predictions as true points, got {len(to)} for {len(at)}")
    edges = [0.0, *rings, max(CORNER, *rings)]
    if sectors < 1 or np.any(np.diff(edges) < 0):
        raise ValueError("expected one sector or more, and rising rings")
    angle, radius = polar(at)
    ring = np.searchsorted(np.array(rings), radius, side="right")
    sector = np.where(ring == 0, 0, np.minimum((angle * sectors / 360).astype(np.int64), sectors - 1))
    away = np.hypot(*(to - at).T)
    rows = []
    for r, s in np.unique(np.column_stack([ring, sector]), axis=0).tolist():
        inside = (ring == r) & (sector == s)
        width = 360 / sectors if r else 360.0
        rows.append(
            (
                s * width,
                (s + 1) * width,
                edges[r],
                edges[r + 1],
                int(inside.sum()),
                *at[inside].mean(axis=0).tolist(),
                *to[inside].mean(axis=0).tolist(),
                float(away[inside].mean()),
            )
        )
    columns = ["angle_from", "angle_to", "radius_from", "radius_to", "n"]
    columns += [f"{kind}_{axis}" for kind in ("true", "pred") for axis in AXES]
    return pd.DataFrame(rows, columns=[*columns, "error"])


def _points(va: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(va, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != len(AXES):
        raise ValueError(f"expected points (n, 2) of valence and arousal, got the shape {points.shape}")
    return points


def _distance(ellipse: Ellipse, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each point's distance (n,) from the centre in units of the semi-axes, squared; 1 on the edge."""
    off = points - ellipse.centre
    axes = ellipse.axes
    # an axis of length 0 (a single annotated picture) holds its centre alone
    scaled = np.divide(off, axes, out=np.where(np.abs(off) < 1e-12, 0.0, np.inf), where=axes > 0)
    distance: NDArray[np.float64] = (scaled**2).sum(axis=1)
    return distance
