"""Run: a card readable in ten seconds, one figure, and in tabs all that the run kept."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from affect import record
from affect.record import Artifact, Kind, State
from dashboard import cached, kept_pictures, seven_tasks, share, widgets
from dashboard.figures import circumplex, pictures, predictions, rotations, truth
from dashboard.results import board, card, comparing, names, selection
from dashboard.results.tables import number

HOW = "The card says what was measured, on what, and beside what. Below it, truth against prediction; then all details."
EMPTY = "python -m training demo"
TABS = [
    "curves",
    "parameters",
    "scores",
    "runs",
    "pictures",
    "seven tasks",
    "rotations",
    "files",
    "data",
    "log",
    "run again",
    "notes",
]


def choose_run(runs: pd.DataFrame) -> None:
    """Offer the newest studies where the address names no run."""
    studies = board.newest(cached.index(), pd.Timestamp.now("UTC"))
    if studies.empty:
        widgets.empty(EMPTY)
        return
    st.markdown("Choose a study, or open a run from the leaderboard.")
    clicked = widgets.table(studies.drop(columns="run_id"), "studies", clickable=True)
    if clicked is not None:
        widgets.open_page("run", run=str(studies["run_id"].iloc[clicked]))


def show_card(found: card.Card, standing: str) -> None:
    """Show the card: badges, the headline beside what it is to be held against, and the facts."""
    with st.container(border=True):
        with st.container(horizontal=True, gap="small"):
            if found.synthetic is not None:
                widgets.data_badge(found.synthetic)
            st.badge(widgets.escape(found.kind), color="blue")
            for own in found.labels:
                st.badge(widgets.escape(own), color="gray")
            if found.state != State.COMPLETE:
                st.badge(widgets.escape(found.state), color="red" if found.state == State.FAILED else "yellow")
        if found.known:
            with st.container(horizontal=True, gap="medium"):
                st.metric(widgets.escape(found.headline_label), number(found.headline, 4), width="content")
                for other in found.references:
                    label = widgets.escape(other.label)
                    st.metric(label, number(other.value, 4), help=widgets.escape(other.note), width="content")
            st.caption(widgets.escape(found.spread))
        if standing:
            st.markdown(f"**Standing**  \n{widgets.escape(standing)}")
        columns = st.columns(2)
        for place, (what, text) in enumerate(found.facts):
            columns[place % 2].markdown(f"**{widgets.escape(what)}**  \n{widgets.escape(text)}")


def show_truth(run_id: str, which: str) -> None:
    """Show truth against prediction for one target; `which` says in words whose predictions they are."""
    table = cached.table(run_id, Artifact.PREDICTIONS)
    targets = [*predictions.targets(table), *predictions.classes(table)]
    target = widgets.choose("Target", targets, "truth", name=names.target, fixed=True) or ""
    part = "test" if (table["part"] == "test").any() else "validation"
    if target in predictions.classes(table):
        counts = predictions.confusion(predictions.of_part(table, part), target)
        widgets.figure(predictions.draw_confusion(counts), counts.reset_index(), "confusion")
        return
    dots = truth.points(table, target, part)
    kind = str(cached.runs().at[run_id, "group_kind"])
    widgets.figure(truth.draw(dots, target), dots, "truth", f"{which.capitalize()}: {truth.caption(dots, part, kind)}")


def show_curves(ids: list[str], runs: pd.DataFrame) -> None:
    """Show epoch curves, a figure a metric."""
    curves = cached.curves(ids)
    called = {run: names.kind(names.row(runs, run)) for run in ids}
    for metric in sorted(curves["metric"].unique()):
        lines = curves[curves["metric"] == metric]
        widgets.figure(truth.draw_curves(lines, called), lines, f"curve_{metric.replace('/', '_')}")
    if curves.empty:
        st.caption("This run reported no epochs: its method does not learn in steps.")


def show_file(run_id: str) -> None:
    """Show one of the run's files: a table, JSON or text, always as text and never as markup."""
    files = cached.files(run_id)
    file = widgets.choose("File", files, "file", fixed=True)
    if file is None:
        st.caption("This run kept no files.")
    elif file.endswith(".parquet"):
        table = cached.table(run_id, file)
        widgets.table(pictures.facts(table) if file == Artifact.SAMPLES else table, file)
    elif file.endswith(".json"):
        st.json(cached.json(run_id, file), expanded=2)
    elif file.endswith(".txt"):
        st.code(cached.text(run_id, file), language=None, wrap_lines=True)
    else:
        st.caption("Only the method that wrote this file reads it.")


def show_tasks(runs: pd.DataFrame, run_id: str, finals: list[str]) -> None:
    """Show the tasks that judge a run's codes, beside other studies of its protocol and what was published."""
    called = str(runs.at[run_id, "study"])
    if runs.at[run_id, "kind"] == Kind.FINAL:  # one seed is not its study, which may stand beside it
        called = selection.final_name(called, runs.at[run_id, "seed"], run_id)
    index, rows = cached.index(), {called: finals}
    protocol = index.protocol_of(run_id)
    for study in () if protocol is None else protocol.shown():
        kept = index.having(index.final_ids(study.run_id), [Artifact.ALIGNMENT])
        if kept and index.title(study.run_id) != called:
            rows[index.title(study.run_id)] = kept
    if len(rows) > 1:
        beside = widgets.choose_many("Beside other studies", list(rows)[1:], "judged beside", placeholder="none")
        rows = {name: rows[name] for name in (called, *beside)}
    seven_tasks.show(rows, runs, "judged", "judged by")
    st.caption(
        "Tasks 1, 6 and 7 are pictures: reconstructions stand in the tab pictures, the others on pages of theirs."
    )
    with st.container(horizontal=True, gap="medium"):
        widgets.link("Latent space", "latent", spaces=run_id)
        widgets.link("Circumplex of the codes", "circumplex", fits=run_id, circle="Latent space")


def show_rotations(runs: pd.DataFrame, run_id: str, shown: str, finals: list[str]) -> None:
    """Show how a classifier of meshes does when they are turned, a line a final run."""
    tables = {names.kind(names.row(runs, i)): cached.table(i, Artifact.ROTATIONS) for i in finals or [shown]}
    first = next(iter(tables.values()))
    known = rotations.metrics_of(first)
    objective = str(runs.at[run_id, "objective"])
    with st.columns(3)[0]:
        metric = widgets.choose("Metric", known, "turned", objective, names.metric, fixed=True) or known[0]
    column = record.metric("test", metric, record.ROTATED, record.MAJORITY)
    chance = names.number(runs.at[run_id, column]) if column in runs else float("nan")
    text = (
        "Test meshes turned about random axes by an angle, and at the right turned to any orientation; bars reach from "
        "the least to the most of the draws, the dotted line is always the most frequent class."
    )
    st.caption(text)
    lines = pd.concat([rotations.by_angle(of, metric).assign(run=run) for run, of in tables.items()])
    widgets.figure(rotations.draw(tables, metric, chance), lines, "rotations")
    widgets.table(rotations.summary(tables, metric, chance), "rotated")


def show_details(runs: pd.DataFrame, run_id: str, shown: str, finals: list[str]) -> None:
    """Show the tabs. `shown` is the run whose artifacts stand for a study: one of its finals."""
    run, files = names.row(runs, run_id), cached.files(shown)
    index = cached.index()
    children = card.below(index, run_id)
    absent = {
        "runs": children.empty,
        "pictures": Artifact.SAMPLES not in files,
        "seven tasks": Artifact.ALIGNMENT not in files,
        "rotations": Artifact.ROTATIONS not in files,
        "log": Artifact.LOG not in files,
    }
    tabs = [tab for tab in TABS if not absent.get(tab)]
    for tab, place in zip(tabs, st.tabs(tabs, key="tab", bind="query-params"), strict=True):
        if not place.open:
            continue
        with place, widgets.guard():
            match tab:
                case "curves":
                    show_curves(finals or [run_id], runs)
                case "parameters":
                    widgets.table(card.parameters(index, shown), "parameters")
                case "scores":
                    widgets.table(card.scores(index, run_id), "scores", height=420)
                case "runs":
                    clicked = widgets.table(children, "runs", clickable=True)
                    if clicked is not None:
                        widgets.open_page("run", run=str(children["run id"].iloc[clicked]))
                case "pictures":
                    kept_pictures.show(shown, bool(run["synthetic"]))
                case "seven tasks":
                    show_tasks(runs, run_id, finals or [shown])
                case "rotations":
                    having = [i for i in finals if Artifact.ROTATIONS in cached.files(i)]
                    show_rotations(runs, run_id, shown, having)
                case "files":
                    show_file(shown)
                case "data":
                    st.json(cached.json(shown, Artifact.DATA_SUMMARY), expanded=2)
                case "log":
                    st.code(cached.text(shown, Artifact.LOG), language=None, wrap_lines=True, height=420)
                case "run again":
                    st.code(run["command"] if names.present(run["command"]) else "unknown", language="bash")
                    st.caption(f"at commit {widgets.escape(names.code(run['code']))}; a study's seed is part of it.")
                case "notes":
                    st.text(run["note"] if names.present(run["note"]) else "No note yet.")
                    st.code(f'python -m training note {run_id[:8]} "…"', language="bash")


def main() -> None:
    """Show the page."""
    runs = cached.runs()
    asked = st.query_params.get("run", "")
    index = cached.index()
    run_id = index.find(asked)
    if run_id is None:
        widgets.header("Run", HOW)
        if asked:
            st.warning(f"This store has no run {widgets.escape(asked)}, or several that begin so.")
        choose_run(runs)
        return
    found = card.make(index, run_id, pd.Timestamp.now("UTC"))
    widgets.header(found.title, HOW)
    if runs.at[run_id, "archived"]:
        st.info("Somebody put this run aside: leaderboards hide it.")
    show_card(found, comparing.standing(cached, index, run_id))
    if runs.at[run_id, "state"] == State.FAILED and names.present(runs.at[run_id, "reason"]):
        st.error(widgets.escape(runs.at[run_id, "reason"]))
    finals = index.final_ids(run_id)
    shown = finals[0] if finals else run_id
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        study = index.study_of(run_id)
        if study is not None:
            widgets.link("Open its search", "study", study=str(runs.at[study, "study"]))
        if study not in (None, run_id):
            widgets.link("Open its study", "run", run=str(study))
        if Artifact.PREDICTIONS in cached.files(shown) and runs.at[shown, "kind"] == Kind.FINAL:
            widgets.link("Look at its errors", "errors", runs=run_id)
            if Artifact.ACTIVATIONS in cached.files(shown):
                widgets.link("See what it looks at", "activations", models=run_id)
            if circumplex.axes_of(names.loads(runs.at[shown, "targets"], [])) is not None:
                widgets.link("See it on the circumplex", "circumplex", fits=run_id)
        if Artifact.EMBEDDINGS in cached.files(shown):
            widgets.link("Look into its latent space", "latent", spaces=run_id)
        widgets.share_button(lambda: share.runs(cached.store(), [run_id]), f"{run_id[:8]}.html")
    with widgets.guard():
        if Artifact.PREDICTIONS in cached.files(shown):
            show_truth(shown, names.kind(names.row(runs, shown)))
    show_details(runs, run_id, shown, finals)


with widgets.guard():
    main()
