"""Colours that colour-blind people can tell apart and that stay with a name; the look of every figure.

A figure is drawn once and shown on a light and on a dark page, so its own colours are of middle lightness, its
background is transparent and its text takes the page's colour. `finish` gives a figure its margins and fonts;
`template` is what stands in for the page where there is none (SVG, PDF, a shared file).
"""

from __future__ import annotations

import hashlib
import html
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

if TYPE_CHECKING:
    from collections.abc import Iterable

# After Okabe and Ito (2008), "Color universal design", darkened or lightened until each stands out on white and on
# near-black, with two hues more.
PALETTE = (
    "#2E7EBF",  # blue
    "#E08A00",  # orange
    "#0B9E77",  # green
    "#C75B9B",  # pink
    "#D1495B",  # red
    "#55B4D9",  # sky
    "#8A6FD1",  # violet
    "#A6931F",  # olive
    "#7A8797",  # slate
    "#9C5B2E",  # brown
)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon")

NEUTRAL = "#8793A3"
"""Lines and marks that belong to no method: baselines, axes of zero, published figures."""

ACCENT, OTHER, WARN = PALETTE[0], PALETTE[1], PALETTE[4]

SEQUENTIAL = "Cividis"
DENSITY = [[0.0, "rgba(46,126,191,0.3)"], [0.5, "#2E7EBF"], [1.0, "#E08A00"]]
"""For counts: even the smallest is seen on white and on near-black."""
DIVERGING = [[0.0, "#2166AC"], [0.25, "#92C5DE"], [0.5, "#F2F2F2"], [0.75, "#F4A582"], [1.0, "#B2182B"]]
"""Colour scales that survive colour blindness: cividis, and blue to red with a light middle."""

EMOTION = {
    "anger": "#D1495B",
    "angry": "#D1495B",
    "contempt": "#A6931F",
    "disgust": "#9C5B2E",
    "disgusted": "#9C5B2E",
    "fear": "#8A6FD1",
    "afraid": "#8A6FD1",
    "scared": "#8A6FD1",
    "happiness": "#E08A00",
    "happy": "#E08A00",
    "neutral": "#7A8797",
    "sadness": "#2E7EBF",
    "sad": "#2E7EBF",
    "surprise": "#0B9E77",
    "surprised": "#0B9E77",
}
"""The basic emotions' colours, under the names that data sets give them (lower case)."""

FURTHER: dict[str, tuple[str, str]] = {
    "excited": ("#E08A00", "triangle-up"),
    "pleased": ("#0B9E77", "diamond"),
    "satisfied": ("#A6931F", "square"),
    "relaxed": ("#2E7EBF", "diamond"),
    "miserable": ("#2E7EBF", "square"),
    "nervous": ("#8A6FD1", "diamond"),
    "tired": ("#7A8797", "square"),
    "bored": ("#7A8797", "diamond"),
}
"""Colour and marker of other emotions that data sets name; the basic ones are circles."""

_SALT = "4"
"""Chosen so that names of the first families fall on colours of their own."""


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256((_SALT + name).encode()).digest()[:4])


def colour(name: str) -> str:
    """Return the colour of a method, emotion or any other name: the same on every page and machine."""
    low = name.lower()
    if low in FURTHER:
        return FURTHER[low][0]
    return EMOTION.get(low) or PALETTE[_number(name) % len(PALETTE)]


def symbol(name: str) -> str:
    """Return the marker of a name: a second way to tell apart two names that share a colour."""
    low = name.lower()
    if low in EMOTION or low in FURTHER:
        return FURTHER[low][1] if low in FURTHER else "circle"
    return SYMBOLS[_number(name) // len(PALETTE) % len(SYMBOLS)]


def colours(names: Iterable[str]) -> dict[str, str]:
    """Return name → colour for each of the names, as `colour` gives it."""
    return {name: colour(name) for name in names}


def plain(text: object) -> str:
    """Return a name from the store such that Plotly writes it letter by letter.

    Plotly reads tags (<b>, <a>, <br>) and, in hover templates, ``%{…}`` in every text it draws.
    """
    return html.escape(str(text), quote=False).replace("%{", "%\u2060{")


def finish(fig: go.Figure, height: int = 360, x: str = "", y: str = "", legend: bool = True) -> go.Figure:
    """Give a figure the house's margins, fonts, grid and legend; `x` and `y` are axis titles with their units.

    Changes and returns `fig`. Height is in pixels.
    """
    fig.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28 if legend else 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": {"text": ""}},
        hoverlabel={"align": "left"},
        bargap=0.35,
    )
    fig.update_xaxes(title={"text": x}, automargin=True, zeroline=False, ticks="")
    fig.update_yaxes(title={"text": y}, automargin=True, zeroline=False, ticks="")
    return fig


def see_through(lines: int, most: float = 0.9) -> float:
    """Return the opacity at which many lines over each other still show where they are dense."""
    return max(min(most, 12 / max(lines, 1)), 0.12)


BAR, BAR_AND_TITLE = 56, 104
"""Pixels under a figure that has its colour bar there."""


def colour_bar(title: str, **more: Any) -> dict[str, Any]:
    """Return a colour bar that lies under the figure, where it takes no width from a phone.

    Leave it room: ``update_layout(margin_b=BAR)``, or BAR_AND_TITLE where the x axis has ticks and a title.
    """
    place = {"xref": "container", "x": 0, "xanchor": "left", "yref": "container", "y": 0, "yanchor": "bottom"}
    size = {
        "orientation": "h",
        "thickness": 8,
        "lenmode": "pixels",
        "len": 260,
        "nticks": 5,
        "tickangle": 0,
        "ticklabeloverflow": "allow",
    }
    return {"title": {"text": title, "side": "right"}, **size, **place, **more}


def template(dark: bool = False) -> go.layout.Template:
    """Return the template of a figure that stands outside the dashboard: on white, or on near-black."""
    ink, grid, page = ("#E4E9F0", "#2C3542", "#12161C") if dark else ("#1B2430", "#E6EAF0", "#FFFFFF")
    axis = {"gridcolor": grid, "linecolor": grid, "zerolinecolor": grid}
    return go.layout.Template(
        layout={
            "font": {"family": "Source Sans, Source Sans Pro, Segoe UI, Helvetica, Arial, sans-serif", "color": ink},
            "paper_bgcolor": page,
            "plot_bgcolor": page,
            "colorway": list(PALETTE),
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"font": {"color": ink}, "bgcolor": page, "bordercolor": grid},
        }
    )


def export(fig: go.Figure, kind: str, width: int = 900) -> bytes:
    """Draw a figure as ``svg``, ``pdf`` or ``png`` on white, `width` pixels wide, through the installed Chromium.

    Raises RuntimeError where there is no Chromium or it does not draw.
    """
    if (reason := export_impossible()) is not None:
        raise RuntimeError(reason)
    copy = go.Figure(fig)
    copy.update_layout(template=template(), paper_bgcolor="#FFFFFF", plot_bgcolor="#FFFFFF")
    return copy.to_image(format=kind, width=width, height=copy.layout.height or 400)


def export_impossible() -> str | None:
    """Return why figures cannot be drawn as SVG or PDF on this machine, or None where they can."""
    from choreographer.browsers import chromium

    if chromium.Chromium.find_browser(skip_local=False) is None:
        return "SVG and PDF need Chromium or Chrome on the machine that serves this page, and none was found."
    return None
