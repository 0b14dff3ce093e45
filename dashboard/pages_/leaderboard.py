"""Leaderboard: one protocol at a time, methods × settings, beside trivial rows and published figures."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from affect import record
from dashboard import cached, share, widgets
from dashboard.figures import cells as cells_figure
from dashboard.figures import ranking
from dashboard.results import board, comparing, names, pivot
from dashboard.results.protocol import Protocol

HOW = (
    "Each row is a study: the mean over its final runs on test data that no choice has seen. Studies that a paired "
    "test over groups cannot tell apart share a rank. Click a row to open it."
)
CELLS = (
    "Test mean ± sd over seeds; * is the best of its protocol. Where several studies fall into one cell, the latest "
    "stands there. In brackets is what was published for the same settings; it is never ranked."
)
ONE = "no: one table"
EMPTY = "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10"


def ranking_view(protocol: Protocol, metric: str, target: str, methods: list[str], archived: bool) -> None:
    """Show the ranked rows of one protocol as figure and table; a filter by method leaves ranks as they are."""
    rows = board.measured(protocol, metric, target, archived, methods)
    if rows.empty:
        widgets.empty(EMPTY, "No study of this protocol has test figures of this kind yet.")
        return
    family = comparing.family(cached, protocol, metric, target)
    rows = board.ranked(rows, family)
    others = [board.baselines(protocol, metric, target), board.published(protocol, metric, target, methods)]
    rows = board.board([rows, *others], metric)
    group_kind, scored = protocol.group_kind, protocol.times_scored
    several = f"{scored} studies have" if scored != 1 else "1 study has"
    st.caption(f"{several} scored this test set: the more have, the less a small lead means.")
    fig = ranking.draw(rows, metric, target, group_kind)
    widgets.plot(fig, "leaderboard")
    clicked = widgets.table(board.readable(rows, metric, group_kind), "leaderboard", fig=fig, clickable=True)
    for note, of in rows[rows["kind"] == board.PUBLISHED].groupby("note", sort=False):
        called = ", ".join((of["row"] + " " + of["settings"]).str.strip())
        st.caption(widgets.escape(f"Published, never ranked: {called}: {note}."))
    for reason, studies in family.unranked().items():
        st.caption(widgets.escape(f"{len(studies)} not ranked: {reason}."))
    facts = (protocol.label, HOW, [bool(protocol.record.synthetic)], metric, group_kind)
    widgets.share_button(lambda: share.leaderboard(rows, fig, *facts), "leaderboard.html")
    if clicked is not None and rows["run_id"].iloc[clicked]:
        widgets.open_page("run", run=str(rows["run_id"].iloc[clicked]))


def table_view(protocol: Protocol, metric: str, target: str, methods: list[str], archived: bool) -> None:
    """Show any metric over any two of method, settings, target and protocol, published figures beside the measured."""
    known = cached.index().protocols
    others = [label for label in known if label != protocol.label]
    chosen = [protocol.label, *widgets.choose_many("More protocols as columns", others, "with", placeholder="none")]
    targets = protocol.different(protocol.targets_of(metric))
    parts = [pivot.rows(known[label], metric, targets, archived, methods) for label in chosen]
    rows = pd.concat(parts, ignore_index=True)
    if not (rows["kind"] == board.MEASURED).any():
        widgets.empty(EMPTY, "No study of this protocol has test figures of this metric yet.")
        return
    left, middle, right = st.columns(3)
    axes = pivot.axes(rows)
    both = next((axis for axis in axes if pivot.BOTH in axis), None)
    with left:
        down = widgets.choose("Rows", axes, "rows") or axes[0]
    with middle:
        across = widgets.choose("Columns", [a for a in axes if a != down], "columns", both) or axes[-1]
    free = [a for a in axes if not {down, across} & {a, *a.split(pivot.BOTH)} and pivot.BOTH not in a]
    with right:
        wanted = pivot.TARGET if record.ROTATED in targets else ONE
        each = widgets.choose("A table for each", [ONE, *free], "each", wanted) or ONE
    if pivot.TARGET not in (down, across, each):
        wanted = pivot.called(target if target in targets else record.ALL, targets)
        rows = rows[rows["target"] == wanted]
    st.caption(CELLS)
    every = pivot.cells(rows, down, across, metric, "" if each == ONE else each)
    several = pivot.order(every["each"], each) if each != ONE else [ONE]
    measured = rows.loc[rows["kind"] == board.MEASURED, "value"]
    span = float(measured.min()), float(measured.max())
    sections = []
    for number, value in enumerate(several):
        cells = every if each == ONE else every[every["each"] == value]
        fig = cells_figure.draw(cells, down, across, metric, span) if len(chosen) == 1 else None
        heading = f"Test {names.metric(metric)}" + ("" if each == ONE else f", {each.replace('_', ' ')} {value}")
        if each != ONE:
            st.subheader(widgets.escape(value), anchor=False)
        key = "cells" if number == 0 else f"cells_{number}"
        if fig is not None:
            widgets.plot(fig, key)
        table = pivot.wide(cells, down, across)
        widgets.table(table, key, fig=fig)
        sections.append(share.Section(heading, CELLS if number == 0 else "", fig, table, folded=False))
    paper = rows.loc[rows["kind"] == board.PUBLISHED, "note"]
    for note in dict.fromkeys(paper):
        st.caption(widgets.escape(f"Published, never ranked: {note}."))
    ids = [str(run) for run in rows.loc[rows["kind"] == board.MEASURED, "run_id"].unique()]
    title = f"Leaderboard: {'; '.join(chosen)}"
    widgets.share_button(lambda: share.view(cached.store(), title, HOW, sections, ids), "table.html")


def main() -> None:
    """Show the page."""
    widgets.header("Leaderboard", HOW)
    protocols = cached.index().protocols
    if not protocols:
        widgets.empty(EMPTY)
        return
    protocol = protocols[widgets.choose("Protocol", list(protocols), "protocol") or next(iter(protocols))]
    found, known_targets = protocol.metric_names, protocol.targets
    if not found:
        widgets.empty(EMPTY, "No study of this protocol has test figures yet.")
        return
    columns = st.columns([1, 2, 2])
    with columns[0]:
        metric = widgets.choose("Metric", found, "metric", protocol.objective, names.metric) or ""
    with columns[1]:
        targets = protocol.targets_of(metric)
        if st.session_state.get("target") in set(known_targets) - set(targets):
            st.session_state["target"] = targets[0]  # chosen for another metric: a picture has an error, but no CCC
        target = widgets.choose("Target", targets, "target", name=names.target, fixed=True) or ""
    with columns[2]:
        known = sorted({run.method for run in protocol.shown(archived=True)})
        methods = widgets.choose_many("Methods", known, "method", names.method)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        view = widgets.view("View", ["ranking", "as table"], "layout")
        archived = widgets.switch("archived runs too", "archived")
        widgets.data_badge(bool(protocol.record.synthetic))
    if view == "ranking":
        ranking_view(protocol, metric, target, methods, archived)
    else:
        table_view(protocol, metric, target, methods, archived)


with widgets.guard():
    main()
