"""Figures and cards as one HTML file that opens offline: to send to somebody who has no access to the store.

Plotly's JavaScript is written into the file once. Every text from the store is escaped, and nothing in the file asks
for anything on a network.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from affect.record import Artifact
from dashboard.damaged import Damaged
from dashboard.figures import circumplex, latent, predictions, rotations, theme, truth
from dashboard.results import board, card, names, tables
from dashboard.results.index import Index

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from dashboard.store import Store

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
.real { background: #e3f4ea; color: #17653a; }
.synthetic { background: #fdf0e1; color: #96480a; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; }
th { font-weight: 600; }
details { margin: .5rem 0 1rem; }
summary { cursor: pointer; }
"""

MAX_ROWS = 500
"""Rows of a table that go into the file; it says how many there are."""


@dataclass(frozen=True)
class Section:
    """A heading with a sentence, a figure and its table, each of which may be missing.

    `key` is what a page calls the figure's widgets by; a file needs none.
    """

    heading: str
    text: str = ""
    fig: go.Figure | None = None
    frame: pd.DataFrame | None = None
    folded: bool = True
    key: str = ""


def page(title: str, subtitle: str, sections: Sequence[Section], synthetic: Sequence[bool], footer: str) -> str:
    """Return the whole file as text. All texts are plain and are escaped here."""
    from plotly.offline import get_plotlyjs

    e = html.escape
    kinds = {True: ("synthetic", "SYNTHETIC data"), False: ("real", "REAL data")}
    badges = " ".join(f'<span class="badge {kinds[s][0]}">{kinds[s][1]}</span>' for s in sorted(set(synthetic)))
    body, any_figure = [], any(s.fig is not None for s in sections)
    for number, section in enumerate(sections):
        body.append(f"<h2>{e(section.heading)}</h2>")
        if section.text:
            body.append(f'<p class="soft">{e(section.text)}</p>')
        if section.fig is not None:
            body.append(_figure(section.fig, f"figure-{number}"))
        if section.frame is not None:
            shown = _table(section.frame)
            folded = section.folded and section.fig is not None
            body.append(f"<details><summary>Table</summary>{shown}</details>" if folded else shown)
    script = f"<script>{get_plotlyjs()}</script>" if any_figure else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # nothing may be fetched, whatever a text in the store says
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data: blob:\">"
        f"<title>{e(title)}</title><style>{STYLE}</style>{script}</head>\n<body><h1>{e(title)}</h1>"
        f'<p class="soft">{e(subtitle)}</p><p>{badges}</p>{"".join(body)}<footer>{e(footer)}</footer></body></html>\n'
    )


def _figure(fig: go.Figure, name: str) -> str:
    import plotly.graph_objects as go

    copy = go.Figure(fig).update_layout(template=theme.template(), autosize=True)
    # a name with </script> in it must not end the script
    spec = copy.to_json().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    config = json.dumps({"displaylogo": False, "responsive": True})
    height = copy.layout.height or 400
    return (
        f'<div id="{name}" style="height:{height}px"></div><script>(function(){{var f={spec};'
        f'Plotly.newPlot("{name}",f.data,f.layout,{config});}})();</script>'
    )


def _table(frame: pd.DataFrame) -> str:
    figures = [frame[column].dtype.kind in "iuf" for column in frame]
    head = "".join(f"<th>{html.escape(str(column))}</th>" for column in frame)
    rows = []
    for row in frame.head(MAX_ROWS).itertuples(index=False):
        cells = zip(row, figures, strict=True)
        rows.append("".join(f"<td{' class=n' if n else ''}>{html.escape(tables.number(v, 4))}</td>" for v, n in cells))
    more = f'<p class="soft">{MAX_ROWS} of {len(frame)} rows.</p>' if len(frame) > MAX_ROWS else ""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


# --------------------------------------------------------------------------------------------------------- of runs


def runs(store: Store, run_ids: Sequence[str]) -> str:
    """Return the file of some runs: for each its card, truth against prediction, parameters and scores.

    KeyError names a run that the store does not have. What cannot be read is said in its place.
    """
    index, now = Index(store.runs()), pd.Timestamp.now("UTC")
    table = index.runs
    sections: list[Section] = []
    full, titles, codes = [], [], SHARED_CODES
    for given in run_ids:
        run_id = index.find(given)
        if run_id is None:
            raise KeyError(given)
        found = card.make(index, run_id, now)
        protocol = str(table.at[run_id, "protocol"])
        sections.append(Section(found.title, f"{found.kind}, {protocol}", frame=found.frame()))
        more = _about(store, index, run_id, codes)
        codes -= sum(section.heading.startswith(LATENT) and section.fig is not None for section in more)
        sections += more
        full.append(run_id)
        titles.append(found.title)
    chosen = table.loc[full]
    title = titles[0] if len(titles) == 1 else f"{len(titles)} runs"
    protocols = "; ".join(dict.fromkeys(chosen["protocol"].astype(str)))
    return page(title, protocols, sections, names.synthetic(chosen), _footer(chosen, now))


def view(store: Store, title: str, how: str, sections: Sequence[Section], run_ids: Sequence[str]) -> str:
    """Return the file of what a page shows of some runs: its figures and tables, and then the runs' cards."""
    index, now = Index(store.runs()), pd.Timestamp.now("UTC")
    table = index.runs
    cards = []
    for run_id in run_ids:
        found = card.make(index, run_id, now)
        protocol = str(table.at[run_id, "protocol"])
        cards.append(Section(found.title, f"{found.kind}, {protocol}", frame=found.frame()))
    chosen = table.loc[list(run_ids)]
    return page(title, how, [*sections, *cards], names.synthetic(chosen), _footer(chosen, now))


def _footer(chosen: pd.DataFrame, now: pd.Timestamp) -> str:
    commits = ", ".join(dict.fromkeys(names.code(value) for value in chosen["code"]))
    return f"Affectory, {now:%-d %B %Y %H:%M} UTC. Run {', '.join(chosen.index)}. Commit {commits}."


def _about(store: Store, index: Index, run_id: str, codes: int) -> list[Section]:
    """Return what is shown of one run, with at most so many `codes` drawn."""
    found: list[Section] = []
    table = index.runs
    finals = index.final_ids(run_id)
    shown = finals[0] if finals else run_id
    which = names.kind(names.row(table, shown))
    try:
        if Artifact.PREDICTIONS in store.files(shown):
            predictions_of = store.table(shown, Artifact.PREDICTIONS)
            found += _truth(predictions_of, str(table.at[run_id, "group_kind"]), which)
            found += _circumplex(predictions_of, names.loads(table.at[shown, "targets"], []), which)
        if Artifact.ALIGNMENT in store.files(shown):
            found.append(Section("Tasks that judge the codes", which, frame=store.table(shown, Artifact.ALIGNMENT)))
        if Artifact.PROJECTIONS in store.files(shown):
            found += _latent(store, shown, str(table.at[run_id, "group_kind"]), codes)
        if Artifact.ROTATIONS in store.files(shown):
            turned, metric = store.table(shown, Artifact.ROTATIONS), str(table.at[run_id, "objective"])
            line = rotations.by_angle(turned, metric)
            text = f"{which.capitalize()}, test meshes."
            found.append(Section("Under rotations", text, rotations.draw({which: turned}, metric), line))
    except Damaged as damage:
        found.append(Section("Not readable", f"Damaged: {damage}"))
    found.append(Section("Parameters", frame=card.parameters(index, shown)))
    found.append(Section("Scores", frame=card.scores(index, run_id)))
    return found


def _latent(store: Store, run_id: str, group_kind: str, most: int) -> list[Section]:
    """Return the first projection of each code that the run kept, at `most` so many; after them a sentence."""
    kept = store.table(run_id, Artifact.PROJECTIONS)
    there = Artifact.PREDICTIONS in store.files(run_id)
    known = latent.about(store.table(run_id, Artifact.PREDICTIONS) if there else None, group_kind=group_kind)
    by = latent.colourings([known])[0]
    found = []
    codes = latent.codes(kept)
    for code in codes[:most]:
        plane = latent.kept(kept, code, next(iter(latent.ALGORITHMS)), run_id, code)
        if plane is not None:
            plane = latent.joined(plane, known)
            found.append(Section(f"{LATENT}: {code}", plane.caption(), latent.draw(plane, by), latent.listing(plane)))
    if left := codes[most:]:
        text = f"The codes {', '.join(left)} are not in this file, for a browser draws no more such figures at once."
        found.append(Section(LATENT, text))
    return found


LATENT = "Latent space"
SHARED_CODES = 3
"""Codes whose pictures go into a shared file, of all its runs: each takes two of a browser's WebGL contexts."""

SHARED_TARGETS = 4
"""Targets whose truth-against-prediction figure goes into a shared file."""


def _truth(table: pd.DataFrame, group_kind: str, which: str) -> list[Section]:
    found = []
    part = "test" if (table["part"] == "test").any() else "validation"
    for target in predictions.classes(table):
        counts = predictions.confusion(predictions.of_part(table, part), target)
        heading = f"Confusion: {names.target(target)}"
        text = f"{which.capitalize()}: a line is a true class, the number counts {part} samples."
        found.append(Section(heading, text, predictions.draw_confusion(counts), counts.reset_index()))
    targets = predictions.targets(table)
    for target in targets[:SHARED_TARGETS]:
        dots = truth.points(table, target, part)
        more = f" The first {SHARED_TARGETS} of {len(targets)} targets." if len(targets) > SHARED_TARGETS else ""
        text = f"{which.capitalize()}: {truth.caption(dots, part, group_kind)}{more}"
        heading = f"Truth against prediction: {names.target(target)}"
        found.append(Section(heading, text, truth.draw(dots, target), dots))
    return found


def _circumplex(table: pd.DataFrame, targets: Sequence[str], which: str) -> list[Section]:
    """Return truth and prediction in the plane of the run's targets, where they span one."""
    axes = circumplex.axes_of(targets)
    part = "test" if (table["part"] == "test").any() else "validation"
    if axes is None or (of := circumplex.cloud(table, axes, part)).table.empty:
        return []
    sides = {"Annotated": circumplex.TRUE, "Predicted": circumplex.PRED}
    text = f"{which.capitalize()}: {len(of.table)} {part} samples."
    return [Section(f"Circumplex: {word}", text, circumplex.draw(of, side), of.table) for word, side in sides.items()]


def leaderboard(
    rows: pd.DataFrame,
    fig: go.Figure,
    protocol: str,
    how: str,
    synthetic: Sequence[bool],
    metric: str,
    group_kind: str,
) -> str:
    """Return the file of a leaderboard: its figure and its table, with the run ids behind them."""
    shown = board.readable(rows, metric, group_kind)
    measured = rows[rows["kind"] == board.MEASURED]
    footer = f"Affectory, {pd.Timestamp.now('UTC'):%-d %B %Y %H:%M} UTC. Runs {', '.join(measured['run_id'])}."
    section = Section(f"Test {names.metric(metric)}", how, fig, shown, folded=False)
    return page(f"Leaderboard: {protocol}", protocol, [section], synthetic, footer)
