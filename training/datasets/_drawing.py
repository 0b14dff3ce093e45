"""Drawn faces, as the synthetic data sets of images share them: what moves them, what people look like, the drawing.

A face is drawn from numbers: its facial actions, who it is, light and background, place and size. Shapes are filled
with soft edges, so that a tenth of a pixel's movement shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.datasets import _images

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    Values = NDArray[np.float32]
    Numbers = NDArray[np.float64]

ACTIONS: dict[str, tuple[str, float, float]] = {
    "mouth_curve": ("valence", 0.0, 5.0),
    "brow_tilt": ("valence", 0.0, 2.0),
    "eye_opening": ("arousal", 3.2, 2.0),
    "mouth_opening": ("arousal", 2.4, 2.0),
    "brow_raise": ("arousal", 0.0, 2.5),
}
"""Facial action → the axis that moves it, its pixels at rest, and what a unit of the axis adds to them.

A curve bends the middle of the mouth down (a smile), a tilt lifts the inner ends of the brows, openings are half
heights."""

DRAWING = 1
"""Raised when an image of the same parameters looks different: part of the version."""

_AT_ONCE = 32


def moved(va: Numbers, noise: Mapping[str, Numbers], identity: Numbers) -> dict[str, Numbers]:
    """Return each facial action in pixels, name → (n,).

    va : (n, 2).  noise : action → (n,), added to its axis in units of the axis.  identity : (n, 16), of which eyes at
    rest show something.
    """
    made = {}
    for name, (axis, rest, effect) in ACTIONS.items():
        made[name] = rest + effect * (va[:, _images.VA.index(axis)] + noise[name])
    made["eye_opening"] = np.maximum(made["eye_opening"] + 0.3 * identity[:, 3], 0.6)
    made["mouth_opening"] = np.maximum(made["mouth_opening"], 0.5)
    return made


def appearance(identity: Numbers) -> dict[str, Numbers]:
    """Return what people look like, name → (n,): colours 0 … 1, the rest in pixels, of identities (n, 16)."""

    def trait(column: int, mean: float, spread: float) -> Numbers:
        # identity is not used where it is extreme: a face stays a face
        return mean + spread * np.clip(identity[:, column], -1.8, 1.8)

    tone = trait(4, 0.0, 0.14)
    return {
        "head_width": trait(5, 21.0, 1.8),
        "head_height": trait(6, 26.0, 1.5),
        "eye_distance": trait(7, 9.5, 0.9),
        "eye_width": trait(8, 4.6, 0.5),
        "mouth_width": trait(9, 10.5, 1.2),
        "nose_length": trait(10, 7.0, 1.2),
        "hairline": trait(11, 9.0, 2.0),
        "brow_width": trait(12, 1.3, 0.3),
        "skin_red": 0.76 + tone,
        "skin_green": 0.58 + tone + trait(13, 0.0, 0.02),
        "skin_blue": 0.47 + tone + trait(14, 0.0, 0.03),
        "hair_red": trait(15, 0.30, 0.13),
        "hair_green": trait(15, 0.22, 0.09) + trait(14, 0.0, 0.03),
        "hair_blue": trait(14, 0.16, 0.07),
    }


def surroundings(uniform: Numbers) -> dict[str, Numbers]:
    """Return background colours and light, name → (n,), of four uniform numbers each, (n, 4)."""
    back = {f"back_{colour}": 0.2 + 0.6 * uniform[:, i] for i, colour in enumerate(("red", "green", "blue"))}
    return {**back, "light": 0.5 * (uniform[:, 3] - 0.5)}


def draw(parameters: Mapping[str, Numbers], seed: Any = 0) -> NDArray[np.uint8]:
    """Draw images (n, 3, 64, 64) of `parameters`, name → (n,); `seed` is that of the grain.

    `turn` and `nod`, pixels by which eyes, brows, nose and mouth move across the head, are 0 where they are not given.
    """
    n = len(parameters["zoom"])
    parameters = {"turn": np.zeros(n), "nod": np.zeros(n), **parameters}
    rng = np.random.default_rng(seed)
    size = _images.SIZE
    grain = rng.normal(0, 0.012, (_AT_ONCE, 1, size, size)).astype(np.float32)
    images = np.empty((n, 3, size, size), np.uint8)
    for start in range(0, n, _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        some = {name: values[rows].astype(np.float32) for name, values in parameters.items()}
        canvas = _face(some)
        # the same sheet of grain, laid on differently
        canvas += np.roll(grain[: len(canvas)], int(rng.integers(size)), axis=3)
        images[rows] = np.clip(255 * canvas + 0.5, 0, 255)
    return images


def _face(of: Mapping[str, Values]) -> Values:
    """Draw a handful of faces, (m, 3, 64, 64) with colours 0 … 1."""
    size = _images.SIZE
    pixel = np.arange(size, dtype=np.float32) - (size - 1) / 2
    # the face's own coordinates of each pixel's column and row, (m, 64) each: origin between the eyes and the mouth
    x = (pixel - of["right"][:, None]) / of["zoom"][:, None]
    y = (pixel - of["down"][:, None]) / of["zoom"][:, None]

    def colour(name: str) -> Values:
        return np.stack([of[f"{name}_{part}"] for part in ("red", "green", "blue")], axis=1)

    skin, hair = colour("skin"), colour("hair")
    canvas = np.repeat(colour("back")[:, :, None, None], size, axis=2).repeat(size, axis=3)
    everywhere = (slice(0, size), slice(0, size))
    head = _ellipse(x, y, 0.0, 0.0, of["head_width"], of["head_height"])
    _paint(canvas, everywhere, _ellipse(x, y, 0.0, -4.0, of["head_width"] + 2.5, of["head_height"] + 1.0), hair)
    _paint(canvas, everywhere, head * _edge(y + of["head_height"][:, None] - of["hairline"][:, None])[:, :, None], skin)

    # the features lie before the head's middle: they move across it as it turns
    x, y = x - of["turn"][:, None], y - of["nod"][:, None]
    upper = slice(8, 36)
    for side in (-1, 1):
        window = (upper, slice(2, 34) if side < 0 else slice(30, 62))
        ex, ey = x[:, window[1]], y[:, upper]
        at = side * of["eye_distance"]
        _paint(canvas, window, _ellipse(ex, ey, at, -6.0, of["eye_width"], of["eye_opening"]), np.float32(0.96))
        iris = np.minimum(2.2, of["eye_opening"])
        _paint(canvas, window, _ellipse(ex, ey, at, -6.0, iris, iris), np.float32(0.12))
        # from the inner end of a brow to the outer one its height changes by the tilt
        along = (side * ex - of["eye_distance"][:, None]) / 5.5
        middle = -11.5 - of["brow_raise"][:, None] + of["brow_tilt"][:, None] * along
        brow = _edge(of["brow_width"][:, None, None] - np.abs(ey[:, :, None] - middle[:, None, :]))
        _paint(canvas, window, brow * _edge(5.5 * (1 - np.abs(along)))[:, None, :], 0.7 * hair)

    window = (slice(24, 44), slice(24, 40))
    nose = _ellipse(x[:, window[1]], y[:, window[0]], 0.0, of["nose_length"] - 3.0, np.float32(2.6), np.float32(1.4))
    _paint(canvas, window, nose, 0.8 * skin)

    window = (slice(34, 62), slice(14, 50))
    mx, my = x[:, window[1]], y[:, window[0]]
    across = mx / of["mouth_width"][:, None]
    arch = np.maximum(1 - across**2, 0)
    bend = 13.0 + of["mouth_curve"][:, None] * (arch - 0.5)
    off = np.abs(my[:, :, None] - bend[:, None, :])
    within = _edge(of["mouth_width"][:, None] - np.abs(mx))[:, None, :]
    opening = of["mouth_opening"][:, None] * np.sqrt(arch)
    lips = np.stack([0.3 + 0.5 * skin[:, 0], 0.35 * skin[:, 1], 0.45 * skin[:, 2]], axis=1)
    _paint(canvas, window, within * _edge((opening + 1.3)[:, None, :] - off), lips)
    _paint(canvas, window, within * _edge((opening - 0.4)[:, None, :] - off), np.float32(0.15))

    canvas *= (1 + of["light"][:, None] * pixel / size)[:, None, None, :]
    return canvas


def _edge(inside: Values) -> Values:
    """Return how much of a pixel is covered, 0 … 1, that lies `inside` pixels within an edge."""
    covered: Values = np.clip(inside + np.float32(0.5), 0, 1)
    return covered


def _ellipse(x: Values, y: Values, right: Any, down: Any, width: Any, height: Any) -> Values:
    """Return how much of each pixel an ellipse covers, (m, rows, columns); width and height are half ones."""
    m = len(x)
    right, down, width, height = (
        np.broadcast_to(np.float32(one), (m,))[:, None] for one in (right, down, width, height)
    )
    from_centre = np.sqrt((((y - down) / height) ** 2)[:, :, None] + (((x - right) / width) ** 2)[:, None, :])
    return _edge((1 - from_centre) * np.minimum(width, height)[:, :, None])


def _paint(canvas: Values, window: tuple[slice, slice], cover: Values, colour: Any) -> None:
    """Lay a colour, (m, 3) or one grey, over the window's pixels as far as they are covered. Changes `canvas`."""
    part = canvas[:, :, window[0], window[1]]
    over = np.broadcast_to(colour, (len(canvas), 3))[:, :, None, None]
    part += cover[:, None] * (over - part)
