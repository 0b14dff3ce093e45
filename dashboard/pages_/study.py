"""The page Study: one search from its first trial to its refitted winner."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from affect import record
from affect.record import Artifact, Kind, State
from dashboard import cached, widgets
from dashboard.figures import landscape, search, space
from dashboard.results import objective
from dashboard.results import study_table as studies

LIVE_EVERY = "4s"
SHOWN_PARAMETERS = 8
VIEWS = ["Progress", "Parameters", "Epochs", "Trade-off", "Trials"]


def summary_line(found: studies.Summary, row: pd.Series, label: str) -> None:
    """Say what the study is and how far it has come."""
    line = f"**{widgets.escape(found.method)}** on {widgets.escape(found.protocol)}"
    if found.settings:
        line += f", settings {widgets.escape(found.settings)}"
    st.markdown(line)
    if words := objective.words(row):
        st.caption(widgets.escape(words))
    with st.container(horizontal=True, gap="medium"):
        state = "running" if found.live else found.state
        st.metric("State", state, width="content")
        total = "?" if found.total is None else found.total
        st.metric("Trials done", f"{found.done} / {total}", width="content", help="complete and pruned ones count")
        which = "highest" if found.direction == "maximize" else "lowest"
        best = "–" if found.best_trial is None else f"{found.best:.4g}"
        apart = len(objective.objectives(row)) > 1
        st.metric(
            f"{'Winner’s' if apart else 'Best'} {widgets.escape(label)}",
            best,
            width="content",
            help=f"trial {found.best_trial}, the {'best compromise' if apart else which} of the complete trials",
        )
        st.metric("Refitted", f"{found.finals} / {found.repeats}", width="content", help="final runs, scored on test")
        if found.live and found.done != found.total:
            st.metric("Time left, about", studies.duration(found.seconds_left), width="content")
        if found.live and found.deadline is not None:
            st.metric("Search ends by", f"{found.deadline:%d %b %H:%M} UTC", width="content")
    with st.container(horizontal=True, gap="medium"):
        widgets.link("Open its results", "run", run=found.run_id)
        if found.finals:
            widgets.link("Open its errors", "errors", runs=found.study)
    lost = [f"{n} {s}" for s, n in found.counts.items() if n and s in (State.FAILED, State.PRUNED, State.RUNNING)]
    if lost:
        st.caption(widgets.escape(f"Of its trials, {', '.join(lost)}."))


def progress(runs: pd.DataFrame, row: pd.Series, table: pd.DataFrame, label: str) -> None:
    """Show the history, the winner's optimism, the distribution of values and the timeline."""
    direction = studies.text(row, "direction", "minimize")
    better = "Higher" if direction == "maximize" else "Lower"
    st.subheader("History", anchor=False)
    history = search.history(table, direction)
    widgets.figure(
        search.draw_history(history, label), history, "history", f"{better} is better. Trial 0 is the defaults."
    )

    optimism = studies.optimism(runs, row)
    st.subheader("What the search promised and what came of it", anchor=False)
    if len(optimism) < 2:
        st.info("The winner has not been refitted yet.")
    else:
        st.caption(
            "The search picks the luckiest of many fits, so its value flatters the winner; the refits on validation "
            "show by how much, the refits on test what to report."
        )
        widgets.table(optimism, "optimism", {"difference": st.column_config.NumberColumn("difference", format="%+.4f")})

    st.subheader("Share of trials that reach a value", anchor=False)
    others = studies.comparable(runs, row)
    chosen = widgets.choose_many("Beside other studies of this protocol", list(others), "beside", placeholder="none")
    values = {studies.text(row, "study"): studies.complete_values(table)}
    values |= {name: studies.complete_values(studies.trials(runs, studies.run(runs, others[name]))) for name in chosen}
    edf = search.edf(values, direction)
    if edf.empty:
        st.info("No trial is complete yet.")
    else:
        widgets.figure(search.draw_edf(edf, label), edf, "edf")

    st.subheader("Timeline", anchor=False)
    timeline = search.timeline(table, pd.Timestamp.now("UTC"))
    widgets.figure(search.draw_timeline(timeline), timeline, "timeline", "Bars side by side ran at the same time.")


def read_space(run_id: str) -> space.Distributions:
    """Return the study's distributions; say so, and guess from the trials, where space.json cannot be read."""
    with widgets.guard():
        stored = cached.json(run_id, Artifact.SPACE)
        try:
            return space.read_space(stored)
        except ValueError as error:
            st.warning(widgets.escape(f"{error}. Ranges below are those of what was tried."))
    return {}


@st.cache_data(show_spinner="judging the parameters …", max_entries=64)
def importance(table: pd.DataFrame, _space: space.Distributions, direction: str, evaluator: str) -> pd.DataFrame:
    """Return `space.importance`, kept by what it is computed from."""
    return space.importance(table, _space, direction, evaluator)


def parameters(row: pd.Series, table: pd.DataFrame, label: str) -> None:
    """Show what the parameters do: importance, parallel coordinates, slices, contour."""
    direction = studies.text(row, "direction", "minimize")
    names = space.parameters(table)
    done = space.complete(table)
    if not names or done.empty:
        st.info("No trial with parameters is complete yet.")
        return
    stored = read_space(str(row.name))
    if lost := space.misfits(table, stored):
        st.warning(
            widgets.escape(f"Trials have values of {', '.join(lost)} that space.json does not: its range is guessed.")
        )
    distributions = space.full_space(table, {n: d for n, d in stored.items() if n not in lost})
    judged = done[["run_id", "state", "value", *(studies.PARAM + n for n in names)]]

    st.subheader("Importance", anchor=False)
    if len(done) < space.ENOUGH:
        st.info(f"Too few trials: {len(done)} are complete, and an importance of fewer than {space.ENOUGH} is chance.")
    else:
        words = {name: key for key, name in space.EVALUATORS.items()}
        with st.columns(3)[0]:
            evaluator = words[widgets.choose("Evaluator", list(words), "evaluator") or next(iter(words))]
        ranked = importance(judged, distributions, direction, evaluator)
        about = f"By {space.EVALUATORS[evaluator]}, from {len(done)} complete trials. Evaluators differ: name yours."
        widgets.figure(space.draw_importance(ranked, evaluator), ranked, "importance", about)
        names = [*ranked["parameter"], *(n for n in names if n not in set(ranked["parameter"]))]

    st.subheader("All parameters at once", anchor=False)
    chosen = widgets.choose_many("Parameters", sorted(names), "params") or names[:SHOWN_PARAMETERS]
    widgets.figure(
        landscape.draw_parallel(table, distributions, chosen, direction, label),
        landscape.parallel(table, direction),
        "parallel",
        "A line is a complete trial, from its parameters down to its value; it breaks where it has no such parameter.",
    )
    st.subheader("One parameter at a time", anchor=False)
    slices = landscape.draw_slices(table, distributions, chosen, label)
    widgets.figure(slices, landscape.slices(table, chosen), "slices", f"A point is a complete trial; up is {label}.")

    if len(names) > 1:
        st.subheader("Two parameters together", anchor=False)
        left, right = st.columns(2)
        with left:
            x = widgets.choose("Across", sorted(names), "x", names[0]) or names[0]
        with right:
            rest = [n for n in sorted(names) if n != x]
            y = widgets.choose("Up", rest, "y", names[1]) or rest[0]
        widgets.figure(
            landscape.draw_contour(table, distributions, x, y, direction, label),
            landscape.contour(table, x, y, direction),
            "contour",
            "Points are complete trials, brighter is better; between them the colour is only interpolated.",
        )


def epochs(row: pd.Series, table: pd.DataFrame, curves: pd.DataFrame, label: str) -> None:
    """Show every trial's curve of the objective, pruned ones in their own colour."""
    found = search.curves(curves, table, studies.objective_curve(row))
    if found.empty:
        st.info("The trials of this method have no curves by epoch.")
        return
    best = studies.won(table, row)
    figure = search.draw_curves(found, label, None if best is None else int(best["trial"]))
    widgets.figure(figure, found, "curves", "A pruned trial ends where the pruner gave it up.")


def trade_off(runs: pd.DataFrame, row: pd.Series, table: pd.DataFrame) -> None:
    """Show two figures of the trials against each other, and the front of what nothing beats in both."""
    trial_runs = runs.loc[table["run_id"]]
    wanted, weighed = objective.objectives(row), bool(objective.weights(row))
    first = wanted[0]
    options = studies.figures(trial_runs, first)
    if not options:
        st.info("The trials have one figure only.")
        return
    named = {objective.label(name, weighed): name for name in options}
    other = wanted[1] if len(wanted) > 1 else record.COST_SECONDS
    default = objective.label(other, weighed) if other in options else next(iter(named))
    with st.columns(3)[0]:
        second = named[widgets.choose("Objective against", list(named), "against", default) or default]
    both = (studies.text(row, "direction", "minimize"), objective.direction(second))
    complete = space.complete(table)
    best = studies.won(table, row)
    winner = None if best is None else int(best["trial"])
    front = search.pareto(complete, trial_runs[first], trial_runs[second], both)
    widgets.figure(
        search.draw_pareto(front, objective.label(first, weighed), objective.label(second, weighed), winner),
        front.rename(columns={"first": objective.label(first, weighed), "second": objective.label(second, weighed)}),
        "pareto",
        "The line joins the trials that no other beats in both figures.",
    )


def trial_table(runs: pd.DataFrame, row: pd.Series, table: pd.DataFrame, label: str) -> None:
    """Show the trials as a table that opens the Run page, and what failed with its traceback."""
    left, right = st.columns(2)
    with left:
        states = widgets.choose_many("State", [s for s in studies.STATES if (table["state"] == s).any()], "state")
    orders = {"number": "trial", "value": "value", "time": "seconds"}
    with right:
        by = widgets.choose("Sort by", list(orders), "order") or "number"
    kept = table[table["state"].isin(states)] if states else table
    kept = kept.sort_values(orders[by], kind="stable").reset_index(drop=True)
    shown = kept[["trial", "state", "value", "seconds", "start"]].rename(columns={"value": label})
    for full in objective.parts(row):  # what the value weighs stands beside it
        if full in runs:
            shown.insert(3, objective.label(full, weighed=True), runs[full].reindex(kept["run_id"]).to_numpy())
    params = kept[[c for c in kept.columns if c.startswith(studies.PARAM)]]
    shown["start"] = pd.to_datetime(shown["start"], utc=True).dt.tz_convert(None)
    taken = {c: c.removeprefix(studies.PARAM) for c in params.columns}
    params = params.rename(columns={c: f"{n} (parameter)" if n in shown.columns else n for c, n in taken.items()})
    shown = shown.join(params)
    st.caption("Click a trial to open its page.")
    columns = {
        label: st.column_config.NumberColumn(label, format="%.4f"),
        "seconds": st.column_config.NumberColumn("seconds", format="%.1f"),
        "start": st.column_config.DatetimeColumn("start (UTC)", format="D MMM HH:mm:ss"),
    }
    clicked = widgets.table(shown, "trials", columns, clickable=True)
    if clicked is not None:
        widgets.open_page("run", run=str(kept.loc[clicked, "run_id"]))

    failed = {str(row["trial"]): row for _, row in table[table["state"] == State.FAILED].iterrows()}
    if not failed:
        return
    st.subheader("Failed trials", anchor=False)
    with st.columns(3)[0]:
        row = failed[widgets.choose("Trial", list(failed), "failed") or next(iter(failed))]
    st.text(row["reason"] or "It ended without saying why: its process was stopped.")
    run_id = str(row["run_id"])
    with widgets.guard():
        if Artifact.LOG in cached.files(run_id):
            st.code(cached.text(run_id, Artifact.LOG), language=None, wrap_lines=True)


def body(run_id: str, was_live: bool) -> None:
    """Show the whole study; drawn again by itself while the study runs."""
    runs = cached.runs()
    if run_id not in runs.index:
        st.error("This study has been deleted from the store.")
        return
    row = studies.run(runs, run_id)
    found = studies.summary(runs, row)
    if was_live and not found.live:
        st.rerun()  # the whole page once more, without the clock
    label = objective.label(studies.objective_metric(row))
    summary_line(found, row, label)
    view = widgets.view("View", VIEWS, "view")
    curves = cached.curves(list(studies.children(runs, row, Kind.TRIAL).index))
    table = studies.trials(runs, row, curves)
    if table.empty:
        st.info("No trial has started yet." if found.live else "This study has no trials: it fits one configuration.")
    elif view == "Progress":
        progress(runs, row, table, label)
    elif view == "Parameters":
        parameters(row, table, label)
    elif view == "Epochs":
        epochs(row, table, curves, label)
    elif view == "Trade-off":
        trade_off(runs, row, table)
    else:
        trial_table(runs, row, table, label)


def page() -> None:
    """Choose a study and show it."""
    widgets.header(
        "Study", "One search: each trial is one configuration, scored on validation; the winner is refitted."
    )
    with widgets.guard():
        runs = cached.runs()
        names = studies.names(runs)
        if not names:
            widgets.empty("python -m training demo", "No study has been made yet.")
            return
        chosen = names[widgets.choose("Study", list(names), "study") or next(iter(names))]
        found = studies.summary(runs, studies.run(runs, chosen))
        widgets.data_badge(found.synthetic)
        st.fragment(body, run_every=LIVE_EVERY if found.live else None)(chosen, found.live)


page()
