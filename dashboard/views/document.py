"""Items as one HTML document that opens offline.

Plotly's JavaScript is written into it once, compressed: it would be 4.8 MB otherwise. Every text from the store is
escaped, and nothing in the document asks for anything on a network. Its last line holds a hash of all the rest.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, singledispatchmethod
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
.chapter > h2 { font-size: 1.6rem; margin-top: 3.5rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
.chapter h3 { font-size: 1.25rem; font-weight: 600; margin: 2.5rem 0 .75rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .35rem 1.25rem; padding: 0; }
a { color: #1c5186; }
p.soft, footer, th, summary, figcaption { color: var(--soft); }
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
.images { display: flex; flex-wrap: wrap; gap: .75rem; }
.images figure { margin: 0; width: 7rem; font-size: .8rem; }
.images img { max-width: 100%; }
.sha256 { overflow-wrap: anywhere; }
@media print { .chapter > h2 { break-before: page; } nav { display: none; } }
"""

MAX_ROWS = 500
"""Rows of a table that go into the file; it says how many there are."""
MAX_LATEX = 100
"""Rows of a table from which on it has no LaTeX in the file: no thesis prints it."""
NO_IMAGES = "Images stay in the dashboard and are not part of this file."
OLD_BROWSER = "This browser cannot draw the figures: it is older than 2023. The tables hold the same numbers."

SCRIPT = """
const unpack = (id) => {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
};
const read = (element) => JSON.parse(document.getElementById(`${element.id}-spec`).textContent);
const show = (element) => {
  const figure = read(element);
  Plotly.newPlot(element, figure.data, figure.layout, { displaylogo: false, responsive: true });
  element.shown = true; element.heavy = figure.heavy;
};
const begin = (source) => {
  const script = document.createElement("script");
  script.textContent = source;
  document.head.append(script);
  const figures = document.querySelectorAll(".figure");
  const drawn = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
    if (isIntersecting && !target.shown) show(target);
    else if (!isIntersecting && target.shown && target.heavy) { Plotly.purge(target); target.shown = false; }
  }), { rootMargin: "300px" });
  figures.forEach((element) => drawn.observe(element));
  window.addEventListener("beforeprint", () => figures.forEach((element) => { if (!element.shown) show(element); }));
};
if (window.DecompressionStream) unpack("plotly").then(begin);
else document.querySelectorAll(".figure").forEach((element) => { element.textContent = OLD_BROWSER; });
"""
"""Figures are drawn when they come into sight; those in WebGL, of which a browser has few, go when they leave it."""

HEAVY = ("scattergl", "mesh3d", "scatter3d", "surface", "splom", "heatmapgl")


@dataclass(frozen=True)
class Chapter:
    """A part of a document: its title, a sentence on how to read it, and what it shows."""

    title: str
    how: str
    shown: Sequence[Item]


def document(title: str, how: str, chapters: Sequence[Chapter], footer: str, images: bool = False) -> str:
    """Return the whole file as text. All texts are plain and are escaped here.

    Parameters
    ----------
    how : a sentence below the title.
    chapters : of several, each has its title and a place in the contents; one alone stands as it is.
    images : whether images of samples go into the file.
    """
    e = html.escape
    several = len(chapters) > 1
    writer = _Writer("h3" if several else "h2", images)
    parts = []
    for number, chapter in enumerate(chapters):
        body = "".join(map(writer.write, chapter.shown))
        if several:
            head = f"<h2>{e(chapter.title)}</h2>{_soft(_still(chapter.how))}"
            body = f'<section class="chapter" id="{_anchor(number)}">{head}{body}</section>'
        parts.append(body)
    packed = script = ""
    if writer.figures:
        packed = f'<script type="text/plain" id="plotly">{_plotly()}</script>'
        script = f"<script>const OLD_BROWSER = {json.dumps(OLD_BROWSER)};{SCRIPT}</script>"
        script += "<noscript>Figures need JavaScript. The tables hold the same numbers.</noscript>"
    return _sealed(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # nothing may be fetched, whatever a text in the store says
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data: blob:\">"
        f"<title>{e(title)} – Affectory</title><style>{STYLE}</style>{packed}</head>\n<body><h1>{e(title)}</h1>"
        f"{_soft(_still(how))}{_contents(chapters) if several else ''}{''.join(parts)}{script}"
        f"<footer>{e(footer)} SHA-256 of this file, which <code>python -m dashboard verify</code> checks: {NO_HASH}"
        "</footer></body></html>\n"
    )


def _anchor(number: int) -> str:
    return f"chapter-{number + 1}"


def _contents(chapters: Sequence[Chapter]) -> str:
    names = [html.escape(chapter.title) for chapter in chapters]
    rows = "".join(f'<li><a href="#{_anchor(number)}">{name}</a></li>' for number, name in enumerate(names))
    return f'<nav aria-label="Contents"><ul>{rows}</ul></nav>'


@lru_cache
def _plotly() -> str:
    """Return Plotly's JavaScript, compressed by gzip, in base64."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


# ----------------------------------------------------------------------------------------------------- the hash

HASH = re.compile(r'<code class="sha256">([0-9a-f]{64})</code>')
NO_HASH = f'<code class="sha256">{"0" * 64}</code>'
"""Stands in the document while its hash is taken. No text from the store can look like it: those are escaped."""


def _sealed(text: str) -> str:
    return text.replace(NO_HASH, f'<code class="sha256">{hashlib.sha256(text.encode()).hexdigest()}</code>')


def hashes(text: str) -> tuple[str, str] | None:
    """Return the hash that a document names and the one that it has; None where it names none, or more than one."""
    named = HASH.findall(text)
    if len(named) != 1:
        return None
    return named[0], hashlib.sha256(HASH.sub(NO_HASH, text).encode()).hexdigest()


def sizes(text: str) -> Mapping[str, int]:
    """Return the bytes of each chapter of a document that has several, by its title."""
    chapters = re.findall(r'<section class="chapter" id="[^"]+"><h2>(.*?)</h2>(.*?)</section>', text, re.DOTALL)
    return {html.unescape(title): len(body.encode()) for title, body in chapters}


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


@dataclass
class _Writer:
    """Writes items as HTML; `tag` is the tag of their headings. Figures are numbered over the whole document."""

    tag: str
    images: bool
    figures: int = field(default=0, init=False)

    @singledispatchmethod
    def write(self, item: Any) -> str:
        raise TypeError(f"no item: {item!r}")

    def _heading(self, text: str) -> str:
        return f"<{self.tag}>{html.escape(text)}</{self.tag}>" if text else ""

    @write.register
    def _section(self, item: items.Section) -> str:
        body = self._heading(item.heading) + _soft(_still(item.text))
        if item.private and not self.images:
            return body + _soft(NO_IMAGES)
        if item.fig is not None:
            body += self._figure(item, item.fig)
        if item.frame is not None:
            shown = _table(item.frame) + _latex(item)
            folded = item.folded and item.fig is not None
            body += f"<details><summary>Table</summary>{shown}</details>" if folded else shown
        return body + "".join(map(_soft, item.notes))

    def _figure(self, item: items.Section, fig: go.Figure) -> str:
        self.figures += 1
        name = f"figure-{self.figures}"
        label = html.escape(". ".join(part for part in (item.heading, item.text) if part), quote=True)
        style = f"height:{fig.layout.height or 400}px"
        return (
            f'<div id="{name}" class="figure" role="figure" aria-label="{label}" style="{style}"></div>'
            f'<script type="application/json" id="{name}-spec">{_spec(fig)}</script>'
        )

    @write.register
    def _message(self, item: items.Message) -> str:
        return f'<div class="box">{html.escape(item.text)}</div>'

    @write.register
    def _badges(self, item: items.Badges) -> str:
        words = " ".join(f'<span class="badge {colour}">{html.escape(word)}</span>' for word, colour in item.words)
        return f"<p>{words}</p>" if words else ""

    @write.register
    def _values(self, item: items.Values) -> str:
        e = html.escape
        cells = "".join(f"<div>{e(v.label)}<b>{e(v.value)}</b>{e(v.help)}</div>" for v in item.values)
        return f'<div class="values">{cells}</div>'

    @write.register
    def _code(self, item: items.Code) -> str:
        return f"{self._heading(item.heading)}<pre>{html.escape(item.text)}</pre>{_soft(item.note)}"

    @write.register
    def _progress(self, item: items.Progress) -> str:
        return f'<div class="box"><b>{html.escape(item.title)}</b><br>{html.escape(item.text)}</div>'

    @write.register(items.Links)
    @write.register(items.Json)
    @write.register(items.Waiting)
    def _left_out(self, item: items.Links | items.Json | items.Waiting) -> str:
        return ""  # links lead into the dashboard; raw records are in the store

    @write.register
    def _images(self, item: items.Images) -> str:
        if not item.images or not self.images:
            return _soft(NO_IMAGES) if item.images else ""
        shown = "".join(
            f'<figure><img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{html.escape(words)}">'
            f"<figcaption>{html.escape(words)}</figcaption></figure>"
            for png, words in item.images
        )
        return f'{self._heading(item.heading)}<div class="images">{shown}</div>'

    @write.register
    def _card(self, item: items.CardOf) -> str:
        standing = f'<div class="box"><b>Standing</b><br>{html.escape(item.standing)}</div>' if item.standing else ""
        sentence = f"<p>{html.escape(item.card.sentence)}</p>" if item.card.sentence else ""
        head = f"{self._heading(item.card.title)}{_soft(item.card.kind)}{sentence}"
        return f"{head}{standing}{_table(item.card.frame())}"


def _soft(text: str) -> str:
    return f'<p class="soft">{html.escape(text)}</p>' if text else ""


def _still(text: str) -> str:
    """Return what a page says without the sentences that say what a click opens: a file has no pages to open."""
    return " ".join(sentence for sentence in re.split(r"(?<=\.) ", text) if not sentence.startswith("Click "))


def _table(frame: pd.DataFrame) -> str:
    numeric = [dtype.kind in "iuf" for dtype in frame.dtypes]
    head = "".join(f"<th>{html.escape(str(column))}</th>" for column in frame)
    rows = []
    for row in tables.texts(frame.head(MAX_ROWS), 4).itertuples(index=False):
        cells = zip(row, numeric, strict=True)
        rows.append("".join(f"<td{' class=n' if n else ''}>{html.escape(str(value))}</td>" for value, n in cells))
    more = _soft(f"{MAX_ROWS} of {len(frame)} rows.") if len(frame) > MAX_ROWS else ""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def _latex(item: items.Section) -> str:
    """Return a table as LaTeX, folded up, where it is short enough to be printed."""
    if item.frame is None or item.frame.empty or len(item.frame) > MAX_LATEX:
        return ""
    text = item.latex() if item.latex is not None else tables.latex(item.frame)
    return f"<details><summary>LaTeX</summary><pre>{html.escape(text)}</pre></details>"
