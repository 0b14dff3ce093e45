"""Overview: what is in the store, what is running now, what was found last."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import cached, widgets
from dashboard.results import board, names, overview

HOW = "What this store holds. Click a result to open its card, or a protocol to see its leaderboard."
EMPTY = "python -m training demo"
STUDY = "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10"
EVERY = "3s"


@st.fragment(run_every=EVERY)
def running_now(finished: int) -> None:
    """Show the running studies, read again every few seconds; when one ends, the whole page is drawn again."""
    index = cached.index()
    if overview.finished(index) != finished:
        st.rerun(scope="app")
    st.subheader("Running now", anchor=False)
    found = overview.running(index)
    if not found:
        st.caption("No study is running.")
    for study in found:
        with st.container(border=True):
            run, summary = study.record, study.summary
            where = f"{run.settings_text} · {run.protocol}" if run.settings else run.protocol
            st.markdown(f"**{widgets.escape(run.short_method)}**  {widgets.escape(where)}")
            st.progress(min(summary.done / summary.total, 1.0) if summary.total else 0.0)
            st.caption(widgets.escape(overview.progress_text(summary)))
            silent = study.silent_for(pd.Timestamp.now("UTC"))
            if silent is not None:
                st.caption(f"Silent for {names.duration(silent)}: has its process ended? The same command goes on.")
            widgets.link("Watch it", "study", study=study.title)


def main() -> None:
    """Show the page."""
    runs, index = cached.runs(), cached.index()
    widgets.header("Overview", HOW, names.synthetic(runs) or None)
    if runs.empty:
        widgets.empty(EMPTY, "This store is empty.")
        return
    with st.container(horizontal=True, gap="large"):
        for what, count in overview.counts(index).items():
            st.metric(what.capitalize(), f"{count:,}", width="content")
    running_now(overview.finished(index))
    st.subheader("Newest results", anchor=False)
    newest = board.newest(index, pd.Timestamp.now("UTC"))
    if newest.empty:
        widgets.empty(
            "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10", "No study is finished."
        )
    else:
        clicked = widgets.table(newest.drop(columns="run_id"), "newest", clickable=True)
        if clicked is not None:
            widgets.open_page("run", run=str(newest["run_id"].iloc[clicked]))
    st.subheader("Protocols", anchor=False)
    st.caption("Only results of one protocol can be compared: the same data, the same split, the same targets.")
    table = overview.protocols(index)
    clicked = widgets.table(table, "protocols", clickable=True)
    if clicked is not None:
        widgets.open_page("leaderboard", protocol=str(table["protocol"].iloc[clicked]))


with widgets.guard():
    main()
