"""Leaderboard: one protocol at a time, methods × settings, beside trivial rows and published figures."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from affect import record
from affect.published import published
from affect.record import PICTURE, Artifact
from dashboard import cached, share, widgets
from dashboard.damaged import Damaged
from dashboard.figures import cells as cells_figure
from dashboard.figures import ranking
from dashboard.results import board, comparing, names, pivot, scope

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


@st.cache_data(show_spinner="Comparing in pairs …", max_entries=200)
def ranks(order: tuple[tuple[str, tuple[str, ...]], ...], metric: str, target: str) -> tuple[dict[str, int], list[str]]:
    """Return the rank of each study, best first with its finals' ids, and what could not be read for it."""
    stacks, problems = {}, []
    for study, finals in order[: comparing.TESTED]:
        try:
            tables = [cached.table(run, Artifact.PREDICTIONS) for run in finals]
            if target == PICTURE:
                again = [cached.table(run, Artifact.RECONSTRUCTIONS) for run in finals]
                tables = [comparing.of_pictures(*both, metric) for both in zip(tables, again, strict=True)]
            stacks[study] = comparing.stack(tables, target)
        except (Damaged, ValueError) as problem:
            problems.append(f"{study[:8]}: {problem}")
    return comparing.ranks([study for study, _ in order], stacks, metric), problems


def ranking_view(
    everything: pd.DataFrame, runs: pd.DataFrame, protocol: str, metric: str, target: str, methods: list[str]
) -> None:
    """Show the ranked rows of one protocol as figure and table; a filter by method leaves ranks as they are."""
    rows = board.measured(runs, metric, target)
    if rows.empty:
        widgets.empty(EMPTY, "No study of this protocol has test figures of this kind yet.")
        return
    order = list(rows["run_id"])
    single = scope.from_predictions(runs, target)
    tested = {study: tuple(scope.finals(runs, study).index) for study in order[: comparing.TESTED]} if single else {}
    found, problems = ranks(tuple((study, tested.get(study, ())) for study in order), metric, target)
    rows = board.ranked(rows, found)
    chosen = runs[runs["method"].isin(methods)] if methods else runs
    rows = rows[rows["method"].isin(methods)] if methods else rows
    others = [board.trivial(runs, metric, target), board.published(published(), chosen, metric, target)]
    rows = board.board([rows, *others], metric)
    group_kind, scored = str(runs["group_kind"].iloc[0]), scope.times_scored(everything)
    several = f"{scored} studies have" if scored != 1 else "1 study has"
    st.caption(f"{several} scored this test set: the more have, the less a small lead means.")
    fig = ranking.draw(rows, metric, target, group_kind)
    widgets.plot(fig, "leaderboard")
    clicked = widgets.table(board.readable(rows, metric, group_kind), "leaderboard", fig=fig, clickable=True)
    for note, of in rows[rows["kind"] == board.PUBLISHED].groupby("note", sort=False):
        called = ", ".join((of["row"] + " " + of["settings"]).str.strip())
        st.caption(widgets.escape(f"Published, never ranked: {called}: {note}."))
    if not single:
        st.caption("Ranked by the figure alone: it is not made of single predictions, which a paired test compares.")
    elif problems:
        st.warning("Ranked by the figure alone, for want of predictions: " + widgets.escape("; ".join(problems)))
    facts = (protocol, HOW, names.synthetic(runs), metric, group_kind)
    widgets.share_button(lambda: share.leaderboard(rows, fig, *facts), "leaderboard.html")
    if clicked is not None and rows["run_id"].iloc[clicked]:
        widgets.open_page("run", run=str(rows["run_id"].iloc[clicked]))


def table_view(runs: pd.DataFrame, protocol: str, metric: str, target: str, archived: bool) -> None:
    """Show any metric over any two of method, settings, target and protocol, published figures beside the measured."""
    others = [p for p in scope.protocols(runs) if p != protocol]
    chosen = [protocol, *widgets.choose_many("More protocols as columns", others, "with", placeholder="none")]
    targets = scope.having(runs, protocol, metric, scope.measures(runs, protocol)[1])
    targets = scope.different(runs, protocol, targets)
    parts = []
    for label in chosen:
        part = scope.of_protocol(runs, label, archived, [(metric, t) for t in targets])
        parts.append(pivot.rows(part, published(), label, metric, targets))
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
    kept = rows if each == ONE else rows.assign(each=pivot.along(rows, each))
    several = pivot.order(kept["each"], each) if each != ONE else [ONE]
    measured = rows.loc[rows["kind"] == board.MEASURED, "value"]
    span = float(measured.min()), float(measured.max())
    sections = []
    for number, value in enumerate(several):
        mine = kept if each == ONE else kept[kept["each"] == value]
        cells = pivot.cells(mine, down, across, metric)
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
    runs = cached.runs()
    protocols = scope.protocols(runs)
    if not protocols:
        widgets.empty(EMPTY)
        return
    protocol = widgets.choose("Protocol", protocols, "protocol") or ""
    found, known_targets = scope.measures(runs, protocol)
    if not found:
        widgets.empty(EMPTY, "No study of this protocol has test figures yet.")
        return
    columns = st.columns([1, 2, 2])
    with columns[0]:
        metric = widgets.choose("Metric", found, "metric", scope.objective(runs, protocol), names.metric) or ""
    with columns[1]:
        targets = scope.having(runs, protocol, metric, known_targets)
        if st.session_state.get("target") in set(known_targets) - set(targets):
            st.session_state["target"] = targets[0]  # chosen for another metric: a picture has an error, but no CCC
        target = widgets.choose("Target", targets, "target", name=names.target, fixed=True) or ""
    with columns[2]:
        everything = scope.of_protocol(runs, protocol, archived=True, figures=[(metric, target)])
        known = sorted(everything["method"].astype(str).unique())
        methods = widgets.choose_many("Methods", known, "method", names.method)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        view = widgets.view("View", ["ranking", "as table"], "layout")
        archived = widgets.switch("archived runs too", "archived")
        widgets.data_badge(names.synthetic(everything))
    mine = scope.shown(everything, archived)
    if view == "ranking":
        ranking_view(everything, mine, protocol, metric, target, methods)
    else:
        table_view(runs, protocol, metric, target, archived)


with widgets.guard():
    main()
