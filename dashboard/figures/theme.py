"""Colours that colour-blind people can tell apart and that stay with a name; the look of every figure.

A figure is drawn once and shown on a light and on a dark page, so its own colours are of middle lightness, its
background is transparent and its text takes the page's colour. `finish` gives a figure its margins and fonts;
`template` is what stands in for the page where there is none (SVG, PDF, a shared file).
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

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
DIVERGING = [[0.0, "#2166AC"], [0.25, "#6C9CC8"], [0.5, "#AEB6C1"], [0.75, "#D98B6E"], [1.0, "#B2182B"]]
"""Colour scales that survive colour blindness: cividis, and blue to red over a grey that is calm on white and black."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
PATTERNS = ("", "/", ".", "x", "-")

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
    "excited": ("#F2B45C", "triangle-up"),
    "pleased": ("#4FC3A1", "diamond"),
    "satisfied": ("#C9B64A", "square"),
    "relaxed": ("#55B4D9", "diamond"),
    "miserable": ("#24689E", "square"),
    "nervous": ("#B39DE3", "diamond"),
    "tired": ("#5F6B7A", "square"),
    "bored": ("#A3ADB9", "diamond"),
}
"""Colour and marker of other emotions that data sets name; the basic ones are circles."""


@dataclass(frozen=True)
class Look:
    """How a row is drawn: a colour, and a symbol, dash and pattern as second signs."""

    colour: str
    symbol: str = "circle"
    dash: str = "solid"
    pattern: str = ""


def shade(colour: str, amount: float) -> str:
    """Return a colour (``#rrggbb``) mixed with white, or with black for a negative amount (−1 … 1)."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    end = 255 if amount > 0 else 0
    return "#" + "".join(f"{round(part + (end - part) * abs(amount)):02X}" for part in parts)


SHADES = (0.0, 0.32, -0.32)
"""How much lighter or darker the palette's second and third rounds are: thirty distinct colours in all."""


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Return name → look, by place: thirty distinct colours, each with a symbol of its own."""
    found = {}
    for place, name in enumerate(dict.fromkeys(names)):
        lap, at = divmod(place, len(PALETTE))
        tint = shade(PALETTE[at], SHADES[lap % len(SHADES)])
        found[name] = Look(tint, SYMBOLS[place % len(SYMBOLS)])
    return found


def of_methods(methods: Sequence[str], rows: Mapping[str, str]) -> dict[str, Look]:
    """Return row → look, where `rows` maps each row's name to its method.

    A method has one colour and symbol on every page: by its place in `methods`, all those of the store in the order in
    which they came (`dashboard.results.index.Index.methods`). Further rows of one method differ by dash and pattern.
    """
    known = looks([*methods, *rows.values()])
    seen: dict[str, int] = {}
    found = {}
    for row, method in rows.items():
        lap = seen[method] = seen.get(method, -1) + 1
        one = known[method]
        symbol = one.symbol if lap == 0 else SYMBOLS[(SYMBOLS.index(one.symbol) + lap) % len(SYMBOLS)]
        found[row] = Look(one.colour, symbol, DASHES[lap % len(DASHES)], PATTERNS[lap % len(PATTERNS)])
    return found


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])


def colour(name: str) -> str:
    """Return the colour of an emotion or another class: the same on every page and machine."""
    low = name.lower()
    if low in FURTHER:
        return FURTHER[low][0]
    return EMOTION.get(low) or PALETTE[_number(name) % len(PALETTE)]


def symbol(name: str) -> str:
    """Return the marker of a class: a second way to tell apart two names that share a colour."""
    low = name.lower()
    if low in EMOTION or low in FURTHER:
        return FURTHER[low][1] if low in FURTHER else "circle"
    return SYMBOLS[_number(name) // len(PALETTE) % len(SYMBOLS)]


def plain(text: object) -> str:
    """Return a name from the store such that Plotly writes it letter by letter.

    Plotly reads tags (<b>, <a>, <br>) and, in hover templates, ``%{…}`` in every text it draws.
    """
    return html.escape(str(text), quote=False).replace("%{", "%\u2060{")


def finish(fig: go.Figure, height: int = 360, x: str = "", y: str = "", legend: bool = True) -> go.Figure:
    """Give a figure the house's margins, fonts, grid and legend; `x` and `y` are axis titles with their units.

    Changes and returns `fig`. Height is in pixels. `figure` makes a finished figure at once, many times faster.
    """
    axes = [str(name) for name in fig.layout if str(name).startswith(("xaxis", "yaxis"))]
    return fig.update_layout(_layout(height, x, y, legend, axes))


def figure(
    traces: Sequence[Mapping[str, Any]],
    height: int = 360,
    x: str = "",
    y: str = "",
    legend: bool = True,
    **layout: Any,
) -> go.Figure:
    """Return a figure of traces (dictionaries with their ``type``) with the house's looks.

    `layout` has what differs, such as ``xaxis={"type": "log"}``. Plotly checks a figure that is made at once in a tenth
    of the time that it takes to change one step by step, and pages draw many.
    """
    return go.Figure(
        {"data": list(traces), "layout": merged(_layout(height, x, y, legend, ["xaxis", "yaxis"]), layout)}
    )


def _layout(height: int, x: str, y: str, legend: bool, axes: Sequence[str]) -> dict[str, Any]:
    axis = {"automargin": True, "zeroline": False, "ticks": ""}
    titles = {"x": {"text": x}, "y": {"text": y}}
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 28 if legend else 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": legend,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": {"text": ""}},
        "hoverlabel": {"align": "left"},
        "bargap": 0.35,
        **{name: {**axis, "title": titles[name[0]]} for name in axes},
    }


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return both mappings as one, those within them as well; where both say something, `second` holds."""
    found = dict(first)
    for name, value in second.items():
        own = found.get(name)
        found[name] = merged(own, value) if isinstance(own, Mapping) and isinstance(value, Mapping) else value
    return found


def inked(fig: go.Figure, colour: str, **layout: Any) -> go.Figure:
    """Return a copy of a figure whose axis texts have a colour, and with more of a layout. `fig` stays as it is."""
    # the parts of a figure are its own dictionaries: `merged` changes none of them
    spec = {"data": [trace.to_plotly_json() for trace in fig.data], "layout": fig.layout.to_plotly_json()}
    spec["layout"].pop("template", None)  # the page's own looks come in its place
    text = {"tickfont": {"color": colour}, "title": {"font": {"color": colour}}}
    axes = {name for name in spec["layout"] if name.startswith(("xaxis", "yaxis"))} | {"xaxis", "yaxis"}
    spec["layout"] = merged(spec["layout"], {**dict.fromkeys(axes, text), **layout})
    return go.Figure(spec)


def whole(values: pd.Series) -> dict[str, Any]:
    """Return what an axis of whole numbers needs, so that a short one has no ticks at halves."""
    return {"tickformat": "d", **({"dtick": 1} if len(values) and values.max() - values.min() <= 12 else {})}


MOST, FAR = 0.9, 50
"""Values that are so many times farther from the median than usual are beyond the axis: they would flatten the rest."""
FEW, FAR_OF_FEW = 10, 1000
"""What is usual among fewer values is known badly, so one must be farther away."""


def bulk(values: Any, worse: str = "", share: float = 0.5, far: float = 0.0) -> tuple[float, float] | None:
    """Return the ends of the finite values that an axis should show; None where there is none.

    A value is beyond the axis where it is `far` (`FAR` by default) times farther from the median than values usually
    are, which is what this `share` of them is at most: half of few trials, `MOST` of many samples. With `worse`
    (``high`` or ``low``) only that side is cut: what is best is always shown.
    """
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return None
    far = far or (FAR if len(finite) >= FEW else FAR_OF_FEW)
    middle = float(np.median(finite))
    away = np.abs(finite - middle)
    # the median of an even number lies between the two in the middle, which may be close by chance
    usual = float(np.quantile(away, share, method="linear" if share == 0.5 else "lower"))
    if usual == 0 and (away > 0).any():
        usual = float(np.quantile(away[away > 0], share, method="lower"))
    near = finite[away <= far * usual]
    low = float(finite.min() if worse == "high" else near.min())
    high = float(finite.max() if worse == "low" else near.max())
    return low, high


def within(values: Any, title: str, worse: str = "", share: float = MOST, far: float = 0.0) -> dict[str, Any]:
    """Return what an axis needs that shows the `bulk` of some values; its title says how many lie beyond.

    Empty where none does: Plotly then fits the axis to all of them.
    """
    numbers = np.asarray(values, float).ravel()
    ends = bulk(numbers, worse, share, far)
    beyond = 0 if ends is None else int(((numbers < ends[0]) | (numbers > ends[1])).sum())
    if ends is None or not beyond:
        return {}
    margin = 0.05 * ((ends[1] - ends[0]) or abs(ends[1]) or 1.0)
    return {"range": [ends[0] - margin, ends[1] + margin], "title": {"text": beyond_text(title, beyond)}}


def beyond_text(title: str, count: int) -> str:
    """Return an axis title that says how many values lie beyond the axis, where any do."""
    return f"{title} ({count} beyond the axis)" if count else title


def see_through(lines: int, most: float = 0.9) -> float:
    """Return the opacity at which many lines over each other still show where they are dense."""
    return max(min(most, 12 / max(lines, 1)), 0.12)


def heat(
    z: Any,
    x: Sequence[Any],
    y: Sequence[Any],
    hover: str,
    *,
    scale: Any = SEQUENTIAL,
    ends: tuple[float | None, float | None] = (None, None),
    bar: dict[str, Any] | None = None,
    titles: tuple[str, str] = ("", ""),
    row: float = 22,
    above: int = 130,
    top: bool = False,
    numeric: bool = False,
    **more: Any,
) -> go.Figure:
    """Draw a heat map of rows (downwards in the order of `y`) and columns.

    Parameters
    ----------
    z : (rows, columns) of numbers.
    x, y : names of columns and rows, as they are in the store; with `numeric`, x are numbers.
    hover : hover template, without the closing tag.
    scale, ends : colour scale and the values at its ends.
    bar : the colour bar (`colour_bar`); none where it is None.
    titles : of the x and y axis.
    row, above : pixels of a row, and of everything but the rows.
    top : whether the columns' names stand above the rows.
    more : of Plotly's Heatmap, such as text and customdata.
    """
    trace = {
        "type": "heatmap",
        "z": z,
        "x": list(x) if numeric else [plain(name) for name in x],
        "y": [plain(name) for name in y],
        "zmin": ends[0],
        "zmax": ends[1],
        "colorscale": scale,
        "colorbar": bar,
        "showscale": bar is not None,
        "hoverongaps": False,
        "hovertemplate": f"{hover}<extra></extra>",
        "xgap": 2,
        "ygap": 2,
    } | more
    bottom = 8 if bar is None else BAR if not titles[0] and top else BAR_AND_TITLE
    # digits are names of classes as well: only a category axis keeps them apart and in order
    across = {"showgrid": False} | ({} if numeric else {"type": "category"}) | ({"side": "top"} if top else {})
    down = {"type": "category", "autorange": "reversed", "showgrid": False}
    height = round(above + row * len(y))
    return figure([trace], height, *titles, legend=False, xaxis=across, yaxis=down, margin={"b": bottom})


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

    No host is asked for MathJax, as `Figure.to_image` would: without a network that takes minutes, and a name with two
    dollar signs is no formula. Raises RuntimeError where there is no Chromium or it does not draw.
    """
    if (reason := export_impossible()) is not None:
        raise RuntimeError(reason)
    import kaleido

    copy = go.Figure(fig)
    copy.update_layout(template=template(), paper_bgcolor="#FFFFFF", plot_bgcolor="#FFFFFF")
    options = {"format": kind, "width": width, "height": copy.layout.height or 400}
    return kaleido.calc_fig_sync(copy.to_dict(), opts=options, kopts={"mathjax": False})


def export_impossible() -> str | None:
    """Return why figures cannot be drawn as SVG or PDF on this machine, or None where they can."""
    from choreographer.browsers import chromium

    if chromium.Chromium.find_browser(skip_local=False) is None:
        return "SVG and PDF need Chromium or Chrome on the machine that serves this page, and none was found."
    return None
