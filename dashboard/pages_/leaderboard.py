"""Leaderboard: one protocol at a time, methods × settings, beside trivial rows and published figures."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from affect.published import published
from affect.record import Artifact
from dashboard import cached, share, widgets
from dashboard.damaged import Damaged
from dashboard.figures import board, names, pivot, ranking

HOW = (
    "Each row is a study: the mean over its final runs on test data that no choice has seen. Studies that a paired "
    "test over groups cannot tell apart share a rank. Click a row to open it."
)
CELLS = (
    "Test mean ± sd over seeds; * is the best of its protocol. Where several studies fall into one cell, the latest "
    "stands there."
)
EMPTY = "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10"


@st.cache_data(show_spinner="Comparing in pairs …", max_entries=200)
def ranks(order: tuple[tuple[str, tuple[str, ...]], ...], metric: str, target: str) -> tuple[dict[str, int], list[str]]:
    """Return the rank of each study, best first with its finals' ids, and what could not be read for it."""
    stacks, problems = {}, []
    for study, finals in order[: ranking.TESTED]:
        try:
            stacks[study] = ranking.stack([cached.table(run, Artifact.PREDICTIONS) for run in finals], target)
        except (Damaged, ValueError) as problem:
            problems.append(f"{study[:8]}: {problem}")
    return ranking.ranks([study for study, _ in order], stacks, metric), problems


def ranking_view(
    everything: pd.DataFrame, runs: pd.DataFrame, protocol: str, metric: str, target: str, methods: list[str]
) -> None:
    """Show the ranked rows of one protocol as figure and table."""
    chosen = runs[runs["method"].isin(methods)] if methods else runs
    rows = board.measured(chosen, metric, target)
    if rows.empty:
        widgets.empty(EMPTY, "No study of this protocol has test figures yet.")
        return
    order = tuple((study, tuple(board.finals(runs, study).index)) for study in rows["run_id"])
    found, problems = ranks(order, metric, target)
    rows = board.ranked(rows, found)
    others = [board.trivial(runs, metric, target), board.published(published(), chosen, metric, target)]
    rows = board.board([rows, *others], metric)
    group_kind = str(chosen["group_kind"].iloc[0])
    scored = board.times_scored(everything)
    st.caption(widgets.escape(f"{scored} studies have scored this test set: the more, the less a small lead means."))
    fig = board.draw(rows, metric, target, group_kind)
    widgets.plot(fig, "leaderboard")
    shown = board.readable(rows, metric, group_kind)
    clicked = widgets.table(shown, "leaderboard", fig=fig, clickable=True)
    synthetic = names.synthetic(chosen)
    widgets.share_button(
        lambda: share.leaderboard(rows, fig, protocol, HOW, synthetic, metric, group_kind), "leaderboard.html"
    )
    if problems:
        st.warning("Ranked by the figure alone, for want of predictions: " + widgets.escape("; ".join(problems)))
    if clicked is not None and rows["run_id"].iloc[clicked]:
        widgets.open_page("run", run=str(rows["run_id"].iloc[clicked]))


def table_view(runs: pd.DataFrame, protocol: str, metric: str, target: str, archived: bool) -> None:
    """Show any metric over any two of method, settings and protocol."""
    others = [p for p in board.protocols(runs) if p != protocol]
    chosen = [protocol, *widgets.choose_many("More protocols as columns", others, "with", placeholder="none")]
    parts = []
    for label in chosen:
        part = board.of_protocol(runs, label, archived)
        rows = board.measured(part, metric, target)
        parts.append(rows.assign(protocol=label, all_settings=part["settings"].reindex(rows["run_id"]).to_numpy()))
    rows = pd.concat(parts, ignore_index=True)
    if rows.empty:
        widgets.empty(EMPTY, "No study of this protocol has test figures of this metric yet.")
        return
    left, right = st.columns(2)
    axes = pivot.axes(rows)
    with left:
        down = widgets.choose("Rows", axes, "rows") or axes[0]
    with right:
        across = widgets.choose("Columns", [a for a in axes if a != down], "columns") or axes[-1]
    cells = pivot.cells(rows, down, across, metric)
    st.caption(CELLS)
    if len(chosen) == 1:
        widgets.figure(pivot.draw(cells, down, across, metric), cells, "cells")
    widgets.table(pivot.wide(cells, down, across), "table")


def main() -> None:
    """Show the page."""
    widgets.header("Leaderboard", HOW)
    runs = cached.runs()
    protocols = board.protocols(runs)
    if not protocols:
        widgets.empty(EMPTY)
        return
    protocol = widgets.choose("Protocol", protocols, "protocol") or ""
    everything = board.of_protocol(runs, protocol, archived=True)
    found, targets = board.measures(everything)
    if not found:
        widgets.empty(EMPTY, "No study of this protocol has test figures yet.")
        return
    columns = st.columns([1, 2, 2])
    with columns[0]:
        metric = widgets.choose("Metric", found, "metric", board.objective(everything), names.metric) or ""
    with columns[1]:
        target = widgets.choose("Target", targets, "target", name=names.target) or ""
    with columns[2]:
        known = sorted(everything["method"].astype(str).unique())
        methods = widgets.choose_many("Methods", known, "method", names.method)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        view = widgets.view("View", ["ranking", "as table"], "view")
        archived = widgets.switch("archived runs too", "archived")
        widgets.data_badge(names.synthetic(everything))
    mine = board.of_protocol(runs, protocol, archived)
    if view == "ranking":
        ranking_view(everything, mine, protocol, metric, target, methods)
    else:
        table_view(runs, protocol, metric, target, archived)


with widgets.guard():
    main()
