"""The page Errors: what runs get wrong, feature by feature and sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd
import streamlit as st

from affect import record
from affect.published import published
from affect.record import Artifact
from dashboard import cached, choosing, widgets
from dashboard.choosing import Chosen
from dashboard.damaged import Damaged
from dashboard.figures import errors, predictions, sensitivity
from dashboard.results import selection
from dashboard.results import study_table as studies

TRACED = 3  # targets whose traces are drawn where nobody chose


def one(chosen: Chosen, artifact: str) -> tuple[str, pd.DataFrame]:
    """Let a person choose one of the runs that have `artifact`; return its id and that table, or raise Damaged."""
    found = chosen.having(artifact)
    title = next(iter(found))
    if len(found) > 1:
        with st.columns(2)[0]:
            title = widgets.choose("Of the run", list(found), "of") or title
    return found[title], cached.table(found[title], artifact)


# --------------------------------------------------------------------------------------------------- feature errors


def feature_tables(chosen: Chosen) -> dict[str, list[pd.DataFrame]]:
    """Read the feature errors of the chosen rows; a damaged one is named and left out."""
    found: dict[str, list[pd.DataFrame]] = {}
    having = set(chosen.having(Artifact.FEATURE_ERRORS).values())
    for name, run_ids in chosen.rows.items():
        for run_id in run_ids:
            if run_id in having:
                with widgets.guard():
                    table = cached.table(run_id, Artifact.FEATURE_ERRORS)
                    found.setdefault(name, []).append(table)
    return found


def beside(chosen: Chosen, names: Iterable[str]) -> pd.DataFrame:
    """Return the published figures to show: of the same data, and of other data only where a person asks for it."""
    paper, frames = published(), []
    others: dict[tuple[str, str], pd.DataFrame] = {}
    for name in names:
        row = studies.run(chosen.runs, chosen.rows[name][0])
        settings = errors.settings_of(studies.text(row, "settings"))
        method, own = studies.text(row, "method"), studies.text(row, "dataset")
        frames.append(errors.published_rows(paper, own, method, settings))
        if frames[-1].empty:
            for data in errors.published_on(paper, method, settings):
                others[data, method] = errors.published_rows(paper, data, method, settings)
    if others:
        asked = " and ".join(dict.fromkeys(data for data, _ in others))
        if widgets.switch(f"Beside it, what was published on {asked} (other data: no comparison)", "other"):
            frames += others.values()
    joined = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return joined.drop_duplicates(["row", "feature"]) if len(joined) else joined


def feature_section(chosen: Chosen) -> None:
    """Show the errors of each feature."""
    tables = feature_tables(chosen)
    if not tables:
        st.info("None of these runs has readable feature errors.")
        return
    found = errors.collect(tables)
    paper = beside(chosen, tables)
    found = pd.concat([found, paper], ignore_index=True) if len(paper) else found

    words = {name: key for key, name in errors.METRICS.items()}
    sorts = {name: key for key, name in errors.ORDERS.items()}
    rows = [row for row in tables if len(tables) > 1]
    columns = st.columns(3 if rows else 2)
    with columns[0]:
        metric = words[widgets.choose("Figure", list(words), "figure") or "MAE over range"]
    with columns[1]:
        by = sorts[widgets.choose("Sort by", list(sorts), "sort") or "MAE over range"]
    first = next(iter(tables))
    if rows:
        with columns[2]:
            first = widgets.choose("Sorted in", rows, "in") or first
    features = [f for f in errors.order(found, by, first) if f != errors.ALL_FEATURES]

    overall = errors.overall(found)
    st.caption(widgets.escape(errors.verdict(overall, metric)))
    widgets.figure(errors.draw_bars(found, metric, features), errors.shown(found, features), "feature_errors")
    st.subheader("Mean over the features", anchor=False)
    widgets.table(errors.named(overall), "overall")
    st.subheader("Features × runs", anchor=False)
    grid = errors.wide(found, metric, features).dropna(axis=1, how="all")
    st.caption(f"{errors.METRICS[metric]}. Blue is better than always the mean on that feature, red worse.")
    widgets.figure(errors.draw_heat(found, metric, features), grid.reset_index(), "heat")

    st.subheader("One sample, regenerated beside real", anchor=False)
    with widgets.guard():
        _, table = one(chosen, Artifact.FEATURE_ERRORS)
        example = errors.examples(table, features)
        widgets.figure(errors.draw_examples(example), example, "examples")


# -------------------------------------------------------------------------------------------------- single samples


def of_part(table: pd.DataFrame) -> pd.DataFrame:
    """Let a person choose a part of the split, test first, and return its samples."""
    return predictions.of_part(table, choosing.choose_part(table, "part"))


def sample_section(chosen: Chosen) -> None:
    """Show the worst samples, and the recording of one of them over time."""
    _, table = one(chosen, Artifact.PREDICTIONS)
    names = predictions.targets(table)
    left, right = st.columns(2)
    with left:
        part = of_part(table)
    with right:
        target = widgets.choose("Error of", [record.ALL, *names], "error") or record.ALL
    worst = predictions.worst(part, target)
    unit = "% of the target's range, mean over targets" if target == record.ALL else "|prediction − truth|"
    st.subheader("Worst samples", anchor=False)
    st.caption(widgets.escape(f"The {len(worst)} of {len(part)} samples with the largest error ({unit})."))
    error = st.column_config.NumberColumn(f"error ({unit.split(',')[0]})", format="%.4g")
    widgets.table(worst, "worst", {"error": error, "worst_target": "target that is off most"})

    st.subheader("Truth and prediction over time", anchor=False)
    recordings = predictions.sequences(part)
    if not recordings:
        st.info("The samples of this run belong to no recording.")
        return
    default = str(worst["sequence"].iloc[0]) if len(worst) else recordings[0]
    left, right = st.columns(2)
    with left:
        sequence = widgets.choose("Recording", recordings, "sequence", default) or default
    with right:
        shown = widgets.choose_many("Targets", names, "targets", placeholder=f"the {TRACED} that are off most")
    of = predictions.trace(part, sequence, names)
    shown = shown or predictions.most_off(of, names, TRACED)
    marked = worst.loc[worst["sequence"].astype(str) == sequence, "sample"]
    figure = predictions.draw_trace(of, shown, marked.iloc[0] if len(marked) else None)
    table_of = of[["sample", "part", "time", *(f"{side}_{n}" for n in shown for side in ("true", "pred"))]]
    widgets.figure(figure, table_of, "trace", "The dotted line marks the worst sample, where it is in this recording.")


def density_section(chosen: Chosen) -> None:
    """Show truth against prediction."""
    _, table = one(chosen, Artifact.PREDICTIONS)
    left, right = st.columns(2)
    with left:
        part = of_part(table)
    with right:
        names = predictions.targets(table)
        target = widgets.choose("Target", names, "axis") or names[0]
    counts = predictions.density(part, target)
    about = "On the dotted line a prediction is right; a flat cloud means that it stays near the mean."
    widgets.figure(predictions.draw_density(counts, target), counts, "density", about)


def class_section(chosen: Chosen) -> None:
    """Show which classes are taken for which."""
    _, table = one(chosen, Artifact.PREDICTIONS)
    names = predictions.classes(table)
    part = of_part(table)
    target = widgets.choose("Classes of", names, "classes") or names[0]
    counts = predictions.confusion(part, target)
    about = "A line is a true class: colour is its share, the number counts samples."
    widgets.figure(predictions.draw_confusion(counts), counts.reset_index(), "confusion", about)
    st.subheader("Surest mistakes", anchor=False)
    wrong = int((part[f"true_{target}"].astype(str) != part[f"pred_{target}"].astype(str)).sum())
    st.caption(f"{wrong} of {len(part)} samples were taken for another class; those first that the run was surest of.")
    widgets.table(predictions.mistakes(part, target), "mistakes")


# ------------------------------------------------------------------------------------------------------ evaluations


def sensitivity_section(chosen: Chosen) -> None:
    """Show how far each feature moves for a small step of a one-value latent."""
    _, table = one(chosen, Artifact.SENSITIVITY)
    grid, size = sensitivity.sensitivity(table), sensitivity.step(table)
    st.caption(widgets.escape(f"How far a feature moves, over its range, when z goes up by {size:g}."))
    widgets.figure(sensitivity.draw_sensitivity(grid, size), grid.rename(columns=str).reset_index(), "sensitivity")
    names = widgets.choose_many("Features", sorted(grid.index), "feature", placeholder="the three that move most")
    shown = names or list(grid.index[:3])
    st.subheader("Change against z", anchor=False)
    rows = table[table["feature"].isin(shown)]
    widgets.figure(sensitivity.draw_movement(table, shown), rows, "movement", "In the features' own units.")


def correlation_section(chosen: Chosen) -> None:
    """Show how features and axes go together, and which axes the method used."""
    _, table = one(chosen, Artifact.CORRELATIONS)
    with st.columns(2)[0]:
        kind = widgets.choose("Correlation", ["spearman", "pearson"], "correlation") or "spearman"
    grid = sensitivity.correlations(table, kind)
    figure = sensitivity.draw_correlations(grid, sensitivity.used(table, grid), kind)
    widgets.figure(figure, table, "correlations", "● marks the axes from which the method predicts that feature.")


def round_trip_section(chosen: Chosen) -> None:
    """Show what PAD is read back from the generated features."""
    _, table = one(chosen, Artifact.ROUND_TRIP)
    scores = sensitivity.round_trip(table)
    st.caption(
        "Features are generated from PAD, and a fitted reader recovers PAD from them. Grey is the same reader's error "
        "on the real features. Blue below grey is no triumph: features without the spread of real movement are easy to "
        "read."
    )
    widgets.figure(sensitivity.draw_round_trip(scores), scores, "round_trip")
    left, right = st.columns(2)
    with left:
        target = widgets.choose("Axis", list(dict.fromkeys(table["target"])), "pad") or str(table["target"].iloc[0])
    with right:
        sample = widgets.choose("Example", list(dict.fromkeys(table["sample"].astype(str))), "sample") or ""
    widgets.figure(sensitivity.draw_recovered(table, target), table[table["target"] == target], "recovered")
    st.subheader("Example", anchor=False)
    widgets.table(sensitivity.round_trip_example(table, sample), "round_trip_example")


def diagnostic_section(chosen: Chosen) -> None:
    """Show the scores that are never ranked."""
    run_id, table = one(chosen, Artifact.DIAGNOSTICS)
    st.warning(
        "Never ranked: these scores come from a split that leaks, or from test samples that were cleaned. They show "
        "where a low published figure can come from. The column test is the score that counts."
    )
    for name, text in sensitivity.explanations(table):
        st.markdown(f"**{widgets.escape(name)}**: {widgets.escape(text)}")
    scores = {str(k): float(v) for k, v in studies.run(chosen.runs, run_id).items() if isinstance(v, float)}
    widgets.table(sensitivity.diagnostics(table, scores), "diagnostics")


SECTIONS: dict[str, tuple[str, Callable[[Chosen], None]]] = {
    "Samples": (Artifact.PREDICTIONS, sample_section),
    "Truth and prediction": (Artifact.PREDICTIONS, density_section),
    "Classes": (Artifact.PREDICTIONS, class_section),
    "Sensitivity": (Artifact.SENSITIVITY, sensitivity_section),
    "Correlations": (Artifact.CORRELATIONS, correlation_section),
    "Round trip": (Artifact.ROUND_TRIP, round_trip_section),
    "Diagnostics": (Artifact.DIAGNOSTICS, diagnostic_section),
}
FEATURES = "Feature errors"


def sections(chosen: Chosen) -> list[str]:
    """Return the sections that the runs have something for, feature errors first."""
    found = [FEATURES] if chosen.having(Artifact.FEATURE_ERRORS) else []
    kinds = {"Samples": True, "Truth and prediction": True, "Classes": False}
    with_predictions = list(chosen.having(Artifact.PREDICTIONS).values())
    if with_predictions:
        try:
            table = cached.table(with_predictions[0], Artifact.PREDICTIONS)
            numbers, words = predictions.targets(table), predictions.classes(table)
            kinds = {"Samples": bool(numbers), "Truth and prediction": bool(numbers), "Classes": bool(words)}
        except Damaged:  # the section is offered, and says what is damaged
            pass
    return found + [name for name, (file, _) in SECTIONS.items() if kinds.get(name, True) and chosen.having(file)]


def page() -> None:
    """Choose runs and a section, and show it."""
    widgets.header("Errors", "What runs get wrong on test, feature by feature and sample by sample; smaller is better.")
    with widgets.guard():
        runs = cached.runs()
        finals = selection.finals(runs)
        if finals.empty:
            widgets.empty("python -m training demo", "No run has been scored yet.")
            return
        chosen = choosing.choose_runs(runs, finals, "runs")
        if not chosen.rows:
            st.info("Choose a study or a run.")
            return
        chosen.say()
        places = sections(chosen)
        place = widgets.view("Section", places, "section")
        with widgets.guard():
            if place == FEATURES:
                feature_section(chosen)
            else:
                SECTIONS[place][1](chosen)


page()
