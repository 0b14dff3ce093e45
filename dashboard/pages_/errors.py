"""The page Errors: what runs get wrong, feature by feature and sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from affect import record
from affect.published import published
from affect.record import Artifact
from dashboard.figures import errors, predictions, sensitivity
from dashboard.results import names
from dashboard.views import modalities, moving, over_time, questions, sample
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from dashboard.results.record import Record


def predicts_numbers(run: Record) -> bool:
    """Return whether a run predicts numbers."""
    return not run.classes or any(target in ("valence", "arousal", "pleasure", "dominance") for target in run.targets)


def predicts_classes(run: Record) -> bool:
    """Return whether a run predicts classes."""
    return bool(run.classes)


# --------------------------------------------------------------------------------------------------- feature errors


def published_beside(choice: Choice, ask: Ask, shown: list[str]) -> pd.DataFrame:
    """Return published errors on the same data, and on other data only where a person asks for them."""
    paper, same, others = published(), [], {}
    for name in shown:
        run = choice.first(Artifact.FEATURE_ERRORS)[name]
        same.append(errors.published_rows(paper, run.dataset, run.method, run.settings))
        if same[-1].empty:
            for data in errors.published_on(paper, run.method, run.settings):
                others[data, run.method] = errors.published_rows(paper, data, run.method, run.settings)
    if others:
        data = " and ".join(dict.fromkeys(name for name, _ in others))
        if ask.switch(f"Also show results published on {data} (different data, not comparable)", "other"):
            same += others.values()
    filled = [frame for frame in same if len(frame)]
    joined = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    return joined.drop_duplicates(["row", "feature"]) if len(joined) else joined


def feature_errors(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the error of each feature, of every chosen run."""
    tables = choice.all_tables(Artifact.FEATURE_ERRORS)
    if not tables:
        yield Message("None of these runs has feature errors that can be read.")
        return
    metric_keys = {name: key for key, name in errors.METRICS.items()}
    order_keys = {name: key for key, name in errors.ORDERS.items()}
    metric = metric_keys[ask.one("Metric", list(metric_keys), "figure", "MAE over range")]
    by = order_keys[ask.one("Sort by", list(order_keys), "sort", "MAE over range")]
    first = ask.one("Sorted by the errors of", list(tables), "in") if len(tables) > 1 else next(iter(tables))
    measured = errors.collect(tables)
    paper = published_beside(choice, ask, list(tables))
    rows = pd.concat([measured, paper], ignore_index=True) if len(paper) else measured
    features = [feature for feature in errors.order(rows, by, first) if feature != errors.ALL_FEATURES]
    overall = errors.overall(rows)
    yield Section(
        "",
        errors.verdict(overall, metric),
        errors.draw_bars(rows, metric, features, choice.looks()),
        errors.shown(rows, features),
        "feature_errors",
    )
    yield Section("Mean over the features", frame=errors.named(overall), key="overall")
    grid = errors.wide(rows, metric, features).dropna(axis=1, how="all")
    text = f"{errors.METRICS[metric]}. Blue is better than always predicting the mean of that feature, red is worse."
    heat = errors.draw_heat(rows, metric, features)
    yield Section("Features × runs", text, heat, grid.reset_index(), "heat")

    def example(name: str, of: list[pd.DataFrame]) -> Section:
        frame = errors.examples(of[0], features)
        fig = errors.draw_examples(frame)
        return Section(name, "", fig, frame, f"example_{list(tables).index(name)}", across=2 if len(tables) > 1 else 1)

    yield Section("One sample: regenerated and real", notes=choice.which_seed(Artifact.FEATURE_ERRORS))
    yield from choice.map(tables, example).values()


# -------------------------------------------------------------------------------------------------- single samples


def samples(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the samples with the largest errors of every chosen run."""
    tables = choice.map(choice.tables(Artifact.PREDICTIONS), over_time.numeric)
    if not tables:
        return
    part = questions.part(ask, tables.values(), "part")
    targets = list(dict.fromkeys(name for table in tables.values() for name in predictions.targets(table)))
    target = ask.one("Error of", [record.ALL, *targets], "error", name=names.target)
    unit = "% of the target's range, mean over targets" if target == record.ALL else "|prediction − truth|"
    yield Section(notes=choice.which_seed(Artifact.PREDICTIONS))

    def worst(name: str, table: pd.DataFrame) -> Section:
        of_part = predictions.of_part(table, part)
        rows = predictions.worst(of_part, target)
        shown = rows.rename(columns={"worst_target": "target that is off most"})
        return Section(
            f"Worst samples{after(name, tables)}",
            f"{len(rows)} of {len(of_part)} samples with the largest error ({unit}), at most {predictions.OF_ONE} of "
            "one recording. Click a row to look at its sample.",
            frame=shown,
            opens=sample.links(choice, rows),
            key=f"worst_{list(tables).index(name)}",
            formats={"error": "%.4g"},
        )

    having = {
        name: table for name, table in tables.items() if target == record.ALL or target in predictions.targets(table)
    }
    for name, section in choice.map(having, worst).items():
        yield section
        if section.frame is not None:
            yield from sample.gallery(choice.only([choice.row(name)]), section.frame)
    order = [
        name
        for table in having.values()
        for name in predictions.worst(predictions.of_part(table, part), target)["sample"]
    ]
    yield from moving.chosen(choice, ask, order, "moving")


def after(name: str, tables: Mapping[str, object]) -> str:
    """Return what follows a heading where several runs are shown."""
    return f", {name}" if len(tables) > 1 else ""


def truth_and_prediction(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show predictions against the truth, counted."""
    tables = choice.map(choice.tables(Artifact.PREDICTIONS), over_time.numeric)
    if not tables:
        return
    part = questions.part(ask, tables.values(), "part")
    targets = list(dict.fromkeys(name for table in tables.values() for name in predictions.targets(table)))
    target = ask.one("Target", targets, "axis", name=names.target)
    yield Section(
        text="Points on the dotted line are predicted exactly. A flat cloud means that predictions stay near the mean.",
        notes=choice.which_seed(Artifact.PREDICTIONS),
    )

    def density(name: str, table: pd.DataFrame) -> Section:
        counts = predictions.density(predictions.of_part(table, part), target)
        fig = predictions.draw_density(counts, target)
        across = 2 if len(tables) > 1 else 1
        return Section(name, "", fig, counts, f"density_{list(tables).index(name)}", across=across)

    yield from choice.map({n: t for n, t in tables.items() if target in predictions.targets(t)}, density).values()


def classes(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show which classes are taken for which."""
    tables = {name: t for name, t in choice.tables(Artifact.PREDICTIONS).items() if predictions.classes(t)}
    if not tables:
        yield Message("The predictions of these runs hold no classes.")
        return
    part = questions.part(ask, tables.values(), "part")
    known = list(dict.fromkeys(name for table in tables.values() for name in predictions.classes(table)))
    target = ask.one("Classes of", known, "classes")
    yield Section(
        text="Each row is a true class: colour is the share of its samples, the number counts them.",
        notes=choice.which_seed(Artifact.PREDICTIONS),
    )
    across = 2 if len(tables) > 1 else 1

    def confusion(name: str, table: pd.DataFrame) -> Section:
        counts = predictions.confusion(predictions.of_part(table, part), target)
        fig = predictions.draw_confusion(counts)
        return Section(name, "", fig, counts.reset_index(), f"confusion_{list(tables).index(name)}", across=across)

    def mistakes(name: str, table: pd.DataFrame) -> Section:
        rows = predictions.of_part(table, part)
        wrong = int((rows[f"true_{target}"].astype(str) != rows[f"pred_{target}"].astype(str)).sum())
        text = f"{wrong} of {len(rows)} samples were taken for another class. The most confident mistakes, at most "
        text += f"{predictions.OF_ONE} of one recording. Click a row to look at its sample."
        frame = predictions.mistakes(rows, target)
        heading, key = f"Most confident mistakes{after(name, tables)}", f"mistakes_{list(tables).index(name)}"
        return Section(heading, text, frame=frame, key=key, opens=sample.links(choice, frame))

    having = {name: table for name, table in tables.items() if target in predictions.classes(table)}
    yield from choice.map(having, confusion).values()
    for name, section in choice.map(having, mistakes).items():
        yield section
        if section.frame is not None:
            yield from sample.gallery(choice.only([choice.row(name)]), section.frame)


# ------------------------------------------------------------------------------------------------------ evaluations


def sensitivities(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show how far each feature moves for a small step of a one-value code."""
    tables = choice.tables(Artifact.SENSITIVITY)
    grids = choice.map(tables, lambda name, table: sensitivity.sensitivity(table))
    features = sorted({str(feature) for grid in grids.values() for feature in grid.index})
    chosen = ask.many("Features", features, "feature", placeholder="the three that move most")
    for place, (name, grid) in enumerate(grids.items()):
        with choice.guard(name):
            table, size = tables[name], sensitivity.step(tables[name])
            text = f"How far a feature moves, divided by its range, when z goes up by {size:g}."
            frame = grid.rename(columns=str).reset_index()
            fig = sensitivity.draw_sensitivity(grid, size)
            yield Section(f"Sensitivity{after(name, grids)}", text, fig, frame, f"sensitivity_{place}")
            shown = [feature for feature in chosen if feature in grid.index] or list(grid.index[:3])
            rows = table[table["feature"].isin(shown)]
            fig = sensitivity.draw_movement(table, shown)
            text = "In the features' own units."
            yield Section(f"Change against z{after(name, grids)}", text, fig, rows, f"movement_{place}")


def correlations(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show how features and axes go together, and which axes the method used."""
    tables = choice.tables(Artifact.CORRELATIONS)
    kind = ask.one("Correlation", ["spearman", "pearson"], "correlation", name=str.capitalize)

    def make(name: str, table: pd.DataFrame) -> Section:
        grid = sensitivity.correlations(table, kind)
        fig = sensitivity.draw_correlations(grid, sensitivity.used(table, grid), kind)
        text = "● marks the axes from which the method predicts that feature."
        return Section(name, text, fig, table, f"correlations_{list(tables).index(name)}")

    yield from choice.map(tables, make).values()


def round_trip(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show what PAD is read back from the generated features."""
    tables = {name: table for name, table in choice.tables(Artifact.ROUND_TRIP).items() if len(table)}
    if not tables:
        yield Message("The round trip of these runs has no rows.")
        return
    yield Section(
        text="Features are generated from pleasure, arousal and dominance, and a fitted reader recovers those from "
        "them. Grey is the same reader's error on the real features. A blue bar below the grey one is not a success: "
        "generated features vary less than real ones, which makes them easier to read."
    )
    axes = list(dict.fromkeys(str(target) for table in tables.values() for target in table["target"]))
    target = ask.one("Axis", axes, "pad")
    examples = list(dict.fromkeys(str(sample) for table in tables.values() for sample in table["sample"]))
    sample = ask.one("Example", examples, "sample")
    for place, (name, table) in enumerate(tables.items()):
        with choice.guard(name):
            scores = sensitivity.round_trip(table)
            fig = sensitivity.draw_round_trip(scores)
            yield Section(f"Round trip{after(name, tables)}", "", fig, scores, f"round_trip_{place}")
            rows = table[table["target"] == target]
            if len(rows):
                fig = sensitivity.draw_recovered(table, target)
                yield Section(f"Recovered {target}", "", fig, rows, f"recovered_{place}")
            example = sensitivity.round_trip_example(table, sample)
            if len(example):
                yield Section(f"Example {sample}", frame=example, key=f"round_trip_example_{place}")


def diagnostics(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the scores that are never ranked."""
    yield Message(
        "Never ranked: these scores come from a split that leaks, or from test samples that were cleaned. They show "
        "where a low published value can come from. The column test is the score that counts.",
        "warning",
    )
    tables = {name: table for name, table in choice.tables(Artifact.DIAGNOSTICS).items() if len(table)}

    def make(name: str, table: pd.DataFrame) -> Section:
        run_id = choice.first(Artifact.DIAGNOSTICS)[name].run_id
        texts = tuple(f"{title}: {text}" for title, text in sensitivity.explanations(table))
        frame = sensitivity.diagnostics(table, choice.index.scores(run_id))
        return Section(name, "", frame=frame, key=f"diagnostics_{list(tables).index(name)}", notes=texts)

    yield from choice.map(tables, make).values()


PAGE = Page(
    title="Errors",
    how="What runs get wrong on test, feature by feature and sample by sample. Smaller errors are better.",
    views=(
        View("Feature errors", Artifact.FEATURE_ERRORS, feature_errors),
        View("Samples", Artifact.PREDICTIONS, samples, predicts_numbers),
        View("Over time", Artifact.PREDICTIONS, over_time.view, predicts_numbers),
        View("Truth and prediction", Artifact.PREDICTIONS, truth_and_prediction, predicts_numbers),
        View("Classes", Artifact.PREDICTIONS, classes, predicts_classes),
        View("What a modality adds", Artifact.MODALITIES, modalities.view),
        View("Sensitivity", Artifact.SENSITIVITY, sensitivities),
        View("Correlations", Artifact.CORRELATIONS, correlations),
        View("Round trip", Artifact.ROUND_TRIP, round_trip),
        View("Diagnostics", Artifact.DIAGNOSTICS, diagnostics),
    ),
    group="Look inside",
    place=80,
    empty="No run has been scored yet.",
    key="section",
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("errors")
