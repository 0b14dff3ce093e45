"""Items as one HTML document that opens offline.

Plotly's JavaScript is written into it once. Every text from the store is escaped, and nothing in the document asks for
anything on a network.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from dashboard.figures import theme
from dashboard.results import tables
from dashboard.views import items
from dashboard.views.items import Item

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

STYLE = """
:root { color-scheme: light; --ink: #1b2430; --soft: #5b6776; --line: #dde3ea; }
body {
  font: 16px/1.55 "Source Sans 3", "Source Sans Pro", "Segoe UI", Helvetica, Arial, sans-serif;
  color: var(--ink); background: #fff; max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem;
}
h1 { font-size: 1.9rem; font-weight: 600; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; font-weight: 600; margin: 2.5rem 0 .75rem; }
p.soft, footer, th, summary { color: var(--soft); }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; overflow-wrap: anywhere; }
.badge { display: inline-block; border-radius: .4rem; padding: .1rem .55rem; font-weight: 600; font-size: .85rem; }
.green { background: #e3f4ea; color: #17653a; }
.orange, .yellow { background: #fdf0e1; color: #8a4208; }
.violet { background: #efe9fb; color: #55309c; }
.blue { background: #e4effa; color: #1c5186; }
.gray { background: #eceff3; color: #45505f; }
.red { background: #fbe7ea; color: #98202f; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; }
th { font-weight: 600; }
.box { border-left: 3px solid var(--line); padding: .1rem 0 .1rem .8rem; margin: .75rem 0; }
.values { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: .75rem 0; }
.values b { display: block; font-size: 1.4rem; font-weight: 600; }
pre { background: #f5f7f9; padding: .75rem; overflow-x: auto; white-space: pre-wrap; }
details { margin: .5rem 0 1rem; }
summary { cursor: pointer; }
"""

MAX_ROWS = 500
"""Rows of a table that go into the file; it says how many there are."""

SCRIPT = """
const drawn = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
  const figure = FIGURES[target.id];
  if (isIntersecting && !target.shown) {
    Plotly.newPlot(target, structuredClone(figure.data), structuredClone(figure.layout), CONFIG); target.shown = true;
  } else if (!isIntersecting && target.shown && figure.heavy) {
    Plotly.purge(target); target.shown = false;
  }
}), { rootMargin: "300px" });
document.querySelectorAll(".figure").forEach((element) => drawn.observe(element));
window.addEventListener("beforeprint", () => document.querySelectorAll(".figure").forEach((element) => {
  const figure = FIGURES[element.id];
  if (!element.shown) { Plotly.newPlot(element, figure.data, figure.layout, CONFIG); element.shown = true; }
}));
"""
"""Figures are drawn when they come into sight; those in WebGL, of which a browser has few, go when they leave it."""

HEAVY = ("scattergl", "mesh3d", "scatter3d", "surface", "splom", "heatmapgl")


def document(title: str, subtitle: str, shown: Sequence[Item], footer: str) -> str:
    """Return the whole file as text. All texts are plain and are escaped here."""
    from plotly.offline import get_plotlyjs

    e = html.escape
    figures: dict[str, go.Figure] = {}
    body = "".join(_html(item, figures) for item in shown)
    script = ""
    if figures:
        config = json.dumps({"displaylogo": False, "responsive": True})
        specs = ",".join(f"{json.dumps(name)}:{_spec(figure)}" for name, figure in figures.items())
        script = f"<script>{get_plotlyjs()}</script>"
        body += f"<script>const CONFIG={config},FIGURES={{{specs}}};{SCRIPT}</script>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # nothing may be fetched, whatever a text in the store says
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data: blob:\">"
        f"<title>{e(title)} – Affectory</title><style>{STYLE}</style>{script}</head>\n<body><h1>{e(title)}</h1>"
        f'<p class="soft">{e(subtitle)}</p>{body}<footer>{e(footer)}</footer></body></html>\n'
    )


def _spec(fig: go.Figure) -> str:
    import plotly.graph_objects as go

    copy = go.Figure(fig).update_layout(template=theme.template(), autosize=True)
    found = json.loads(copy.to_json())
    spec = {
        "data": found["data"],
        "layout": found["layout"],
        "heavy": any(t.get("type") in HEAVY for t in found["data"]),
    }
    # a name with </script> in it must not end the script
    return json.dumps(spec).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


# ----------------------------------------------------------------------------------------------------- one item


@singledispatch
def _html(item: Any, figures: dict[str, go.Figure]) -> str:
    raise TypeError(f"no item: {item!r}")


def _heading(text: str, tag: str = "h2") -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>" if text else ""


def _soft(text: str) -> str:
    return f'<p class="soft">{html.escape(text)}</p>' if text else ""


@_html.register(items.Section)
def _section(item: items.Section, figures: dict[str, go.Figure]) -> str:
    body = _heading(item.heading) + _soft(item.text)
    if item.private:
        return body + _soft("Images stay in the dashboard and are not part of this file.")
    if item.fig is not None:
        name = f"figure-{len(figures)}"
        figures[name] = item.fig
        label = html.escape(". ".join(part for part in (item.heading, item.text) if part), quote=True)
        height = item.fig.layout.height or 400
        body += f'<div id="{name}" class="figure" role="figure" aria-label="{label}" style="height:{height}px"></div>'
    if item.frame is not None:
        shown = _table(item.frame)
        folded = item.folded and item.fig is not None
        body += f"<details><summary>Table</summary>{shown}</details>" if folded else shown
    return body + "".join(map(_soft, item.notes))


def _table(frame: pd.DataFrame) -> str:
    numeric = [frame[column].dtype.kind in "iuf" for column in frame]
    head = "".join(f"<th>{html.escape(str(column))}</th>" for column in frame)
    rows = []
    for row in tables.texts(frame.head(MAX_ROWS), 4).itertuples(index=False):
        cells = zip(row, numeric, strict=True)
        rows.append("".join(f"<td{' class=n' if n else ''}>{html.escape(str(value))}</td>" for value, n in cells))
    more = _soft(f"{MAX_ROWS} of {len(frame)} rows.") if len(frame) > MAX_ROWS else ""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


@_html.register(items.Message)
def _message(item: items.Message, figures: dict[str, go.Figure]) -> str:
    return f'<div class="box">{html.escape(item.text)}</div>'


@_html.register(items.Badges)
def _badges(item: items.Badges, figures: dict[str, go.Figure]) -> str:
    words = " ".join(f'<span class="badge {colour}">{html.escape(word)}</span>' for word, colour in item.words)
    return f"<p>{words}</p>" if words else ""


@_html.register(items.Values)
def _values(item: items.Values, figures: dict[str, go.Figure]) -> str:
    e = html.escape
    cells = "".join(f"<div>{e(v.label)}<b>{e(v.value)}</b>{e(v.help)}</div>" for v in item.values)
    return f'<div class="values">{cells}</div>'


@_html.register(items.Code)
def _code(item: items.Code, figures: dict[str, go.Figure]) -> str:
    return f"{_heading(item.heading)}<pre>{html.escape(item.text)}</pre>{_soft(item.note)}"


@_html.register(items.Progress)
def _progress(item: items.Progress, figures: dict[str, go.Figure]) -> str:
    return f'<div class="box"><b>{html.escape(item.title)}</b><br>{html.escape(item.text)}</div>'


@_html.register(items.Links)
@_html.register(items.Json)
@_html.register(items.Waiting)
def _left_out(item: items.Links | items.Json | items.Waiting, figures: dict[str, go.Figure]) -> str:
    return ""  # links lead into the dashboard; raw records are in the store


@_html.register(items.Images)
def _images(item: items.Images, figures: dict[str, go.Figure]) -> str:
    return _soft("Images stay in the dashboard and are not part of this file.") if item.images else ""


@_html.register(items.CardOf)
def _card(item: items.CardOf, figures: dict[str, go.Figure]) -> str:
    standing = f'<div class="box"><b>Standing</b><br>{html.escape(item.standing)}</div>' if item.standing else ""
    return f"{_heading(item.card.title)}{_soft(item.card.kind)}{standing}{_table(item.card.frame())}"
