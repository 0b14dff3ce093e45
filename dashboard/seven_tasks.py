"""The tasks that judge codes of valence and arousal, for one or several runs beside what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from affect.published import published
from affect.record import Artifact
from dashboard import cached, widgets
from dashboard.figures import alignment
from dashboard.results import names
from dashboard.share import Section


def read(rows: Mapping[str, Sequence[str]]) -> dict[str, list[pd.DataFrame]]:
    """Return name → the tables of its finals that have one; a damaged one is named and left out."""
    found: dict[str, list[pd.DataFrame]] = {}
    for name, run_ids in rows.items():
        for run_id in run_ids:
            if Artifact.ALIGNMENT in cached.files(run_id):
                with widgets.guard():
                    found.setdefault(name, []).append(cached.table(run_id, Artifact.ALIGNMENT))
    return found


def show(rows: Mapping[str, Sequence[str]], runs: pd.DataFrame, task_key: str, metric_key: str) -> list[Section]:
    """Show one task and metric of the finals of each name as figure and table; return what is shown.

    The choices stand in the address under the two keys. `runs` is the run table.
    """
    tables = read(rows)
    if not tables:
        st.info("None of these runs has codes z_v and z_a that were judged.")
        return []
    methods = {name: str(runs.at[rows[name][0], "method"]) for name in tables}
    own = {str(runs.at[rows[name][0], "dataset"]) for name in tables}
    paper = alignment.published_rows(published(), list(methods.values()))
    measured = alignment.collect(tables)
    found = pd.concat([measured, paper], ignore_index=True) if len(paper) else measured

    called = {f"{task.number} {task.name}": key for key, task in alignment.TASKS.items() if key in set(found["task"])}
    left, right = st.columns(2)
    with left:
        task = called[widgets.choose("Task", list(called), task_key) or next(iter(called))]
    with right:
        options = alignment.metrics_of(found, task)
        metric = widgets.choose("Figure", options, metric_key, name=names.metric, fixed=True) or options[0]
    picked = alignment.of_task(found, task, metric)
    about = alignment.TASKS[task]
    st.caption(widgets.escape(about.about))
    figure = alignment.draw(picked, methods, metric, inverse=task == "inverse_power")
    widgets.plot(figure, "tasks")
    table = alignment.wide(picked)
    widgets.table(table, "tasks", fig=figure)
    for note in alignment.notes(picked):
        st.caption(widgets.escape(note))
    if elsewhere := alignment.data_of(picked) - own:
        where = " and ".join(sorted(elsewhere))
        st.caption(
            widgets.escape(
                f"Open markers were published on {where}, which is other data than these runs', with a split that was "
                "not stated: they say where the source stands, and are no comparison."
            )
        )
    text = f"{about.about} {alignment.label(metric)}"
    return [Section(f"Task {about.number}: {about.name}", text, figure, table, folded=False)]
