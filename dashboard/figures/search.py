"""A search as it went: history, distribution of values, timeline, pruned curves, trade-off.

`table` is what `dashboard.results.study.Study.trials` returns. Each figure is made in two steps, table and drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from affect.record import State
from dashboard.figures import theme
from dashboard.results.tables import number

if TYPE_CHECKING:
    from collections.abc import Mapping

COLOURS = {
    State.COMPLETE: theme.ACCENT,
    State.PRUNED: theme.OTHER,
    State.RUNNING: theme.PALETTE[2],
    State.FAILED: theme.WARN,
}
SYMBOLS = {State.COMPLETE: "circle", State.PRUNED: "triangle-down", State.RUNNING: "diamond", State.FAILED: "x"}
"""A state's colour and symbol: two signs, so that neither is needed to tell states apart."""


def history(table: pd.DataFrame, direction: str) -> pd.DataFrame:
    """Return trial, state, value and best (the best complete value so far; nan before the first), by trial number.

    And `scored_folds` of trials that are scored on folds.
    """
    value = table["value"].where(table["state"] == State.COMPLETE)
    best = value.cummax() if direction == "maximize" else value.cummin()
    folds = ["scored_folds"] if "scored_folds" in table else []
    return table[["trial", "state", "value", *folds]].assign(best=best.ffill())


def draw_history(table: pd.DataFrame, label: str, direction: str = "minimize") -> go.Figure:
    """Draw each trial's value against its number, and the best so far as a step line.

    Trials without a finite value are marks on the lower edge. Values so far on the worse side that they would flatten
    all others are marks on the edge of that side, and the legend counts them.
    """
    worse = "low" if direction == "maximize" else "high"
    values = table["value"].astype(float)
    low, high = theme.bulk(values, worse) or (0.0, 1.0)
    margin = 0.08 * ((high - low) or abs(high) or 1.0)
    finite = np.isfinite(values)
    beyond = finite & ((values > high) if worse == "high" else (values < low))
    edge = high + margin if worse == "high" else low - margin
    floor = low - margin * (2 if worse == "low" and beyond.any() else 1)
    best = table["best"].where(np.isfinite(table["best"].astype(float)))
    line = {
        "type": "scatter",
        "x": table["trial"],
        "y": best.clip(low, high),
        "mode": "lines",
        "name": "best so far",
        "line": {"color": theme.NEUTRAL, "shape": "hv", "width": 2},
        "hoverinfo": "skip",  # a line cannot be clicked, and would hide the trials that are on it
    }
    traces = [line]
    size = 9 if len(table) <= 150 else 6
    for state in (State.COMPLETE, State.PRUNED):
        traces += _marks(table[(table["state"] == state) & finite & ~beyond], state, None, label, size)
    for state in table.loc[beyond, "state"].unique():
        of = table[(table["state"] == state) & beyond]
        traces += _marks(of, state, edge, label, 9, f"{state}, beyond the axis ({len(of)})")
    for state in table.loc[~finite, "state"].unique():
        of = table[(table["state"] == state) & ~finite]
        traces += _marks(of, state, floor, label, 9, f"{state} (no finite value)")
    top = high + margin * (2 if beyond.any() and worse == "high" else 1)
    up = {"range": [floor - margin, top]}
    return theme.figure(traces, 380, "trial", label, xaxis=theme.whole(table["trial"]), yaxis=up)


def _marks(
    of: pd.DataFrame, state: str, at: float | None, label: str, size: int, name: str = ""
) -> list[dict[str, Any]]:
    """Return a mark a trial, at its value or, with `at`, on an edge of the figure; none where there is no trial."""
    if of.empty:
        return []
    return [
        {
            "type": "scatter",
            "x": of["trial"],
            "y": of["value"] if at is None else np.full(len(of), at),
            "mode": "markers",
            "name": name or state,
            "marker": {
                "color": COLOURS.get(state, theme.NEUTRAL),
                "symbol": SYMBOLS.get(state, "circle-open"),
                "size": size,
            },
            "customdata": [_said(row) for row in of.to_dict("records")],
            "hovertemplate": f"trial %{{x}}, {state}<br>{label}: %{{customdata}}<extra></extra>",
        }
    ]


def _said(row: Mapping[Any, Any]) -> str:
    """Return a trial's value in words, of a trial that is scored on folds with their number."""
    value = number(row["value"], 4) if np.isfinite(row["value"]) else "no finite value"
    folds = row.get("scored_folds")
    return value if folds is None else f"{value}, {folds} fold{'' if folds == 1 else 's'}"


def edf(values: Mapping[str, pd.Series], direction: str) -> pd.DataFrame:
    """Return the empirical distribution of complete trials' values per study: study, value, share.

    `share` is the part of the study's trials that are at least as good as `value`. An infinite trial counts
    among the trials and reaches nothing.
    """
    frames = []
    for name, found in values.items():
        ordered = np.sort(found[np.isfinite(found)].to_numpy(float))
        ordered = ordered[::-1] if direction == "maximize" else ordered
        share = np.arange(1, len(ordered) + 1) / max(int(found.notna().sum()), 1)
        frames.append(pd.DataFrame({"study": name, "value": ordered, "share": share}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["study", "value", "share"])


def draw_edf(
    table: pd.DataFrame, label: str, looks: Mapping[str, theme.Look] | None = None, direction: str = "minimize"
) -> go.Figure:
    """Draw the share of trials that are at least as good as a value, a step line per study."""
    looks = looks or theme.looks(map(str, table["study"]))
    traces = [
        {
            "type": "scatter",
            "x": of["value"],
            "y": of["share"],
            "mode": "lines+markers",
            "name": theme.plain(name),
            "line": {"color": looks[str(name)].colour, "shape": "hv", "width": 2, "dash": looks[str(name)].dash},
            "marker": {"size": 6, "symbol": looks[str(name)].symbol},
            "hovertemplate": f"%{{y:.0%}} of trials reach {label} %{{x:.4g}}<extra></extra>",
        }
        for name, of in table.groupby("study", sort=False)
    ]
    across = {}
    ends = theme.bulk(table["value"], "low" if direction == "maximize" else "high")
    if ends is not None and (table["value"].max() > ends[1] or table["value"].min() < ends[0]):
        margin = 0.05 * ((ends[1] - ends[0]) or 1.0)
        across = {"range": [ends[0] - margin, ends[1] + margin]}
    up = {"tickformat": ".0%", "range": [0, 1.05]}
    return theme.figure(traces, 340, label, "share of trials", xaxis=across, yaxis=up)


def timeline(table: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Return trial, state, start, end (`now` for a trial that runs) and seconds, of trials with a known start.

    Times in the result are UTC without a zone, as Plotly and tables write them.
    """
    kept = table.dropna(subset=["start"])
    start = pd.to_datetime(kept["start"], utc=True).dt.tz_convert(None)
    end = pd.to_datetime(kept["end"].where(kept["end"].notna(), now), utc=True).dt.tz_convert(None)
    seconds = (end - start).dt.total_seconds()
    found = kept[["trial", "state"]].assign(start=start, end=end, seconds=seconds)
    return found.reset_index(drop=True)


def draw_timeline(table: pd.DataFrame) -> go.Figure:
    """Draw when each trial ran as a bar; bars beside each other ran on several workers at once."""
    traces = []
    for state in table["state"].unique():
        of = table[table["state"] == state]
        bar = {
            "type": "bar",
            "base": of["start"],
            "x": of["seconds"] * 1000,
            "y": of["trial"],
            "orientation": "h",
            "width": 0.7,
            "name": state,
            "marker": {"color": COLOURS.get(state, theme.NEUTRAL)},
            "customdata": of["seconds"],
            "hovertemplate": f"trial %{{y}}, {state}, %{{customdata:.1f}} s<extra></extra>",
        }
        traces.append(bar)
    across: dict[str, Any] = {"type": "date"}
    ended = table[table["state"] != State.RUNNING]
    if len(ended) and len(ended) < len(table):
        # a trial whose worker died long ago runs out of the frame instead of pressing all others flat
        first, last = table["start"].min(), max(ended["end"].max(), table["start"].max())
        across["range"] = [first, min(table["end"].max(), last + 0.5 * (last - first))]
    up = theme.whole(table["trial"]) | {"autorange": "reversed"}
    height = min(150 + 16 * len(table), 620)
    return theme.figure(traces, height, "time (UTC)", "trial", xaxis=across, yaxis=up, barmode="overlay", bargap=0.25)


def curves(found: pd.DataFrame, table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the epoch curve `metric` of every trial: trial, state, step, value.

    `found` has run_id, metric, step, value (`dashboard.store.Store.curves`).
    """
    kept = found[found["metric"] == metric]
    joined = kept.merge(table[["run_id", "trial", "state"]], on="run_id")
    return joined[["trial", "state", "step", "value"]].sort_values(["trial", "step"]).reset_index(drop=True)


def draw_curves(table: pd.DataFrame, label: str, best: int | None) -> go.Figure:
    """Draw curves by epoch, pruned trials in their colour over the complete ones, the best trial thick."""
    figure = go.Figure()
    order = [s for s in (State.COMPLETE, State.FAILED, State.RUNNING, State.PRUNED) if s in set(table["state"])]
    for state in order:
        x: list[object] = []
        y: list[object] = []
        trials: list[object] = []
        for trial, of in table[table["state"] == state].groupby("trial"):
            x += [*of["step"], None]
            y += [*of["value"], None]
            trials += [trial] * len(of) + [None]
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=state,
            line={"color": COLOURS[state], "width": 1.2},
            opacity=theme.see_through(len(set(trials)) - 1, 0.6 if state == State.COMPLETE else 0.9),
            customdata=trials,
            hovertemplate=f"trial %{{customdata}}, {state}<br>epoch %{{x}}: {label} = %{{y:.4g}}<extra></extra>",
        )
    winner = table[table["trial"] == best]
    if len(winner):
        figure.add_scatter(
            x=winner["step"],
            y=winner["value"],
            mode="lines",
            name=f"best (trial {best})",
            line={"color": theme.PALETTE[2], "width": 3.5},
            hovertemplate=f"trial {best}, best<br>epoch %{{x}}: {label} = %{{y:.4g}}<extra></extra>",
        )
    figure = theme.finish(figure, 380, "epoch", label).update_xaxes(theme.whole(table["step"]))
    # a trial is far from the others by its extremes: all begin high and come down
    ends = table.replace([np.inf, -np.inf], np.nan).groupby("trial")["value"].agg(["min", "max"])
    low, high = theme.bulk(ends["min"]), theme.bulk(ends["max"])
    beyond = 0 if low is None or high is None else int(((ends["min"] < low[0]) | (ends["max"] > high[1])).sum())
    if low is None or high is None or not beyond:
        return figure
    margin = 0.05 * ((high[1] - low[0]) or 1.0)
    title = theme.beyond_text(label, beyond)
    return figure.update_yaxes(range=[low[0] - margin, high[1] + margin], title=title)


def pareto(
    trials: pd.DataFrame, first: pd.Series, second: pd.Series, directions: tuple[str, str] = ("minimize", "minimize")
) -> pd.DataFrame:
    """Return trial, first, second and front (whether no other trial is as good in both and better in one).

    `first` and `second` are two figures of the trials by run id. Trials without both are left out.
    """
    table = trials[["run_id", "trial"]].assign(
        first=pd.to_numeric(trials["run_id"].map(first), errors="coerce"),
        second=pd.to_numeric(trials["run_id"].map(second), errors="coerce"),
    )
    table = table.dropna(subset=["first", "second"]).reset_index(drop=True)
    cost = table[["first", "second"]].to_numpy() * [1 if d == "minimize" else -1 for d in directions]
    # sorted by the first cost, a trial is on the front where its second is lower than all that came before
    order = np.lexsort((cost[:, 1], cost[:, 0]))
    front = np.zeros(len(table), bool)
    lowest = np.inf
    previous = None
    for i in order:
        pair = (cost[i, 0], cost[i, 1])
        if pair[1] < lowest or pair == previous:
            front[i], lowest, previous = True, min(lowest, pair[1]), pair
    return table.assign(front=front)


def draw_pareto(table: pd.DataFrame, first: str, second: str, winner: int | None = None) -> go.Figure:
    """Draw two scores of each trial; the line joins those that no other beats in both, a ring is the best trial."""
    figure = go.Figure()
    others, front = table[~table["front"]], table[table["front"]].sort_values("first")
    for of, name, colour, mode in (
        (others, "beaten in both", theme.NEUTRAL, "markers"),
        (front, "front", theme.ACCENT, "lines+markers"),
    ):
        figure.add_scatter(
            x=of["first"],
            y=of["second"],
            mode=mode,
            name=name,
            line={"shape": "hv", "width": 2, "color": colour},
            marker={"color": colour, "size": 9},
            customdata=of["trial"],
            hovertemplate=f"trial %{{customdata}}<br>{first} = %{{x:.4g}}<br>{second} = %{{y:.4g}}<extra></extra>",
        )
    won = table[table["trial"] == winner]
    ring = {"color": theme.OTHER, "size": 17, "symbol": "circle-open", "line": {"width": 3}}
    if len(won):
        figure.add_scatter(
            x=won["first"],
            y=won["second"],
            mode="markers",
            name=f"best trial: {winner}",
            marker=ring,
            hoverinfo="skip",
        )
    figure = theme.finish(figure, 380, first, second)
    return figure.update_xaxes(theme.within(table["first"], first, share=0.5)).update_yaxes(
        theme.within(table["second"], second, share=0.5)
    )
