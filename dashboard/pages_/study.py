"""The page Study: one search from its first trial to its best trial, fitted again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import record
from affect.record import Artifact, State
from dashboard.figures import landscape, search, space, theme
from dashboard.keeping import Kept
from dashboard.results import objective, trials
from dashboard.results.study import Study
from dashboard.views import confirmed, trial_folds
from dashboard.views import studies as studies_shown
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Code, Item, Link, Links, Message, Section
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_PARAMETERS = 8
ALL_FOLDS = "all folds"
_importances: Kept[pd.DataFrame] = Kept(2_000)


def studies(choice: Choice) -> list[Study]:
    """Return the studies of the chosen runs, each once."""
    found = dict.fromkeys(choice.index.study_of(row.run_id) for row in choice.rows)
    return [choice.index.study(run_id) for run_id in found if run_id is not None]


def each(make: Callable[[Choice, Ask, Study, str], Iterator[Item]]) -> Callable[[Choice, Ask], Iterator[Item]]:
    """Return the view that shows every chosen study below each other; `make` also gets a prefix for its keys."""

    def view(choice: Choice, ask: Ask) -> Iterator[Item]:
        shown = studies(choice)
        for place, study in enumerate(shown):
            if len(shown) > 1:
                yield Section(study.title)
            if study.trials().empty:
                live = study.summary.live
                yield Message("No trial has started yet." if live else "This study has no trials: it has one setting.")
                continue
            prefix = f"{place}_" if place else ""
            with choice.guard(study.title):
                yield from make(choice, ask, one_fold(ask, study, prefix), prefix)

    return view


def one_fold(ask: Ask, study: Study, prefix: str) -> Study:
    """Ask which test fold is to be shown of a study that has several; each has a search of its own."""
    if not study.folds:
        return study
    count = study.record.test_folds or len(study.folds)
    folds = {f"fold {number} of {count}": number for number in study.folds}
    chosen = ask.one("Test fold", [ALL_FOLDS, *folds], f"{prefix}fold", fixed=True)
    return study if chosen == ALL_FOLDS else study.of_fold(folds[chosen])


# ------------------------------------------------------------------------------------------------------- the top


def top(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Say what each study is, how far it has come, and which configuration is best."""
    shown = studies(choice)
    if not shown:
        yield Message("These runs belong to no study.", "warning")
    for study in shown:
        if len(shown) > 1:
            yield Section(study.title)
        with choice.guard(study.title):
            yield from studies_shown.about(study)


# ------------------------------------------------------------------------------------------------------ the views


def progress(choice: Choice, ask: Ask, study: Study, prefix: str) -> Iterator[Item]:
    """Show the history, search and refitted score, the distribution of scores and the timeline."""
    run = study.record
    curves = choice.read.curves(study.trial_ids)
    table = study.trials(curves)
    better = "Higher" if run.direction == "maximize" else "Lower"
    history = search.history(table, run.direction)
    text = f"{better} is better. Trial 0 has the default parameters. Click a dot to look at its trial."
    text += trial_folds.about_pruned(study)
    fig = search.draw_history(history, study.label, run.direction)
    picks = partial(pick_trial, ask, f"{prefix}trial")
    yield Section("History", text, fig, history, f"{prefix}history", picks=picks)
    yield from picked_trial(ask, study, table, f"{prefix}trial")
    yield from trial_folds.spread(study, table, curves, prefix)
    yield from studies_shown.best_trial(study, prefix)
    optimism = study.optimism
    if len(optimism) < 2:
        yield Section("Search score and score after refitting", "The best trial has not been fitted again yet.")
    else:
        text = "The search picks the luckiest of many fits, so its score flatters the best trial. "
        text += (
            "It is refitted on train and validation together, which leaves no validation score; the refits on test are "
            "what to report."
            if run.refit == "all"
            else "The refits on validation show by how much, the refits on test what to report."
        )
        yield Section(
            "Search score and score after refitting",
            text,
            frame=optimism,
            key=f"{prefix}optimism",
            formats={"difference": "%+.4f"},
        )
    yield from confirmed.section(study, prefix)
    others = study.comparable
    beside = ask.many("Also other studies of this protocol", list(others), f"{prefix}beside", placeholder="none")
    values = {study.title: _complete(study)}
    values |= {title: _complete(choice.index.study(others[title])) for title in beside}
    edf = search.edf(values, run.direction)
    methods = {study.title: run.method} | {title: choice.index.record(others[title]).method for title in beside}
    looks = theme.of_methods(choice.index.methods, methods)
    if edf.empty:
        yield Message("No trial is complete yet.")
    else:
        fig = search.draw_edf(edf, study.label, looks, run.direction)
        text = trials.left_out_text(table)
        yield Section("Share of trials that reach a score", text, fig, edf, f"{prefix}edf")
    timeline = search.timeline(table, pd.Timestamp.now("UTC"))
    text = "Bars side by side ran at the same time."
    yield Section("Timeline", text, search.draw_timeline(timeline), timeline, f"{prefix}timeline")


def _complete(study: Study) -> pd.Series:
    table = study.trials()
    return table.loc[table["state"] == State.COMPLETE, "value"].dropna()


def distributions(choice: Choice, study: Study, table: pd.DataFrame) -> space.Distributions:
    """Return the study's distributions; say so, and guess from the trials, where space.json cannot be read."""
    stored: space.Distributions = {}
    with choice.guard(study.title):
        content = choice.read.json(study.run_id, Artifact.SPACE)
        try:
            stored = space.read_space(content)
        except ValueError as error:
            choice.say(Message(f"{error}. Ranges below are those of the values that were tried.", "warning"))
    if lost := space.misfits(table, stored):
        text = f"Trials have values of {', '.join(lost)} that are not in space.json, so the range is guessed."
        choice.say(Message(text, "warning"))
    return space.full_space(table, {name: d for name, d in stored.items() if name not in lost})


def parameters(choice: Choice, ask: Ask, study: Study, prefix: str) -> Iterator[Item]:
    """Show what the parameters do: importance, parallel coordinates, slices, contour."""
    run = study.record
    table = study.trials(choice.read.curves(study.trial_ids))
    known, done = space.parameters(table), trials.complete(table)
    if not known or done.empty:
        yield Message("No trial with parameters is complete yet.")
        return
    if left_out := trials.left_out_text(table):
        yield Section(notes=(left_out,))
    spaces = distributions(choice, study, table)
    known = space.shown_first(table)
    if len(done) < space.ENOUGH:
        yield Section(
            "Importance",
            f"At least {space.ENOUGH} complete trials are needed for a meaningful importance; there are {len(done)}.",
        )
    else:
        evaluators = {name: key for key, name in space.EVALUATORS.items()}
        yield Section("Importance")
        evaluator = evaluators[ask.one("Evaluator", list(evaluators), f"{prefix}evaluator")]
        done_by = (study.run_id, study.fold, len(done), str(done["end"].max()), evaluator)
        ranked = _importances.get(done_by, lambda: space.importance(done, spaces, run.direction, evaluator), len)
        if ranked.empty:
            yield Message(f"No importance: {ranked.attrs.get('reason') or 'it cannot be measured'}.")
        else:
            text = (
                f"By {space.EVALUATORS[evaluator]}, from {len(done)} complete trials. Methods of measuring importance "
                "disagree, so report which one you used."
            )
            fig = space.draw_importance(ranked, evaluator)
            yield Section("", text, fig, ranked, f"{prefix}importance")
            known = [*ranked["parameter"], *(name for name in known if name not in set(ranked["parameter"]))]
    yield Section("All parameters at once")
    chosen = ask.many("Parameters", sorted(known), f"{prefix}params", placeholder=f"the first {SHOWN_PARAMETERS}")
    shown = chosen or known[:SHOWN_PARAMETERS]
    ordered = ", the most important first" if len(done) >= space.ENOUGH and not chosen else ""
    text = (
        f"{len(shown)} of {len(known)} parameters{ordered}. A line is a "
        "complete trial, from its parameters to its score; it is broken where the trial has no such parameter."
    )
    fig = landscape.draw_parallel(table, spaces, shown, run.direction, study.label)
    yield Section("", text, fig, landscape.parallel(table, run.direction), f"{prefix}parallel")
    yield Section(
        "One parameter at a time",
        f"A point is a complete trial; its height is the {study.label}.",
        landscape.draw_slices(table, spaces, shown, study.label),
        landscape.slices(table, shown),
        f"{prefix}slices",
    )
    yield from two_parameters(ask, study, table, spaces, known, prefix)


def two_parameters(
    ask: Ask, study: Study, table: pd.DataFrame, spaces: space.Distributions, known: Sequence[str], prefix: str
) -> Iterator[Item]:
    """Show two parameters together, where there are trials enough to draw a map from."""
    if len(known) < 2:
        return
    yield Section("Two parameters together")
    x = ask.one("Horizontal", sorted(known), f"{prefix}x", known[0])
    rest = [name for name in sorted(known) if name != x]
    y = ask.one("Vertical", rest, f"{prefix}y", next(name for name in known if name != x))
    if reason := landscape.no_contour(table, x, y):
        yield Message(f"No map is drawn: {reason}.")
        return
    yield Section(
        "",
        "Points are complete trials, brighter is better; between them the colour is interpolated.",
        landscape.draw_contour(table, spaces, x, y, study.record.direction, study.label),
        landscape.contour(table, x, y, study.record.direction),
        f"{prefix}contour",
    )


def epochs(choice: Choice, ask: Ask, study: Study, prefix: str) -> Iterator[Item]:
    """Show every trial's curve of the objective, pruned ones in their own colour."""
    if study.folds:
        yield Message(trial_folds.OWN_SEARCH)
        return
    curves = choice.read.curves(study.trial_ids)
    if study.record.search_folds:
        yield from trial_folds.epochs(ask, study, study.trials(curves), curves, prefix)
        return
    rows = search.curves(curves, study.trials(curves), study.curve)
    if rows.empty or rows["step"].nunique() < 2:
        yield Message("The trials of this method have no curves by epoch.")
        return
    fig = search.draw_curves(rows, study.label, study.best_number)
    yield Section("", "A pruned trial ends where the pruner stopped it.", fig, rows, f"{prefix}curves")


def trade_off(choice: Choice, ask: Ask, study: Study, prefix: str) -> Iterator[Item]:
    """Show two metrics of the trials against each other, and the front of those that no other beats in both."""
    run, table = study.record, study.trials()
    wanted, weighted = objective.objectives(run), bool(run.weights)
    options = {objective.label(name, weighted): name for name in study.trial_metrics}
    if not options:
        yield Message("The trials have only one metric.")
        return
    other = wanted[1] if len(wanted) > 1 else record.COST_SECONDS
    default = objective.label(other, weighted) if other in options.values() else next(iter(options))
    second = options[ask.one("Objective against", list(options), f"{prefix}against", default)]
    rows = study.trial_runs.reindex(table["run_id"])
    first = wanted[0]
    directions = (run.direction, objective.direction(second))
    front = search.pareto(trials.complete(table), rows[first], rows[second], directions)
    labels = objective.label(first, weighted), objective.label(second, weighted)
    yield Section(
        "",
        "The line joins the trials that no other beats in both metrics.",
        search.draw_pareto(front, *labels, study.best_number),
        front.rename(columns={"first": labels[0], "second": labels[1]}),
        f"{prefix}pareto",
    )


def pick_trial(ask: Ask, key: str, selection: Any) -> None:
    """Keep in the address the number of the trial whose dot a person clicked."""
    numbers = {point.get("x") for point in selection.get("points") or []}
    # the line of the best so far may have a point there too
    if len(numbers) == 1 and (number := numbers.pop()) is not None:
        ask.answer(key, f"{int(number)}")


def picked_trial(ask: Ask, study: Study, table: pd.DataFrame, key: str) -> Iterator[Item]:
    """Yield the trial whose dot was clicked: its value, its parameters and its page; nothing before."""
    number = ask.word(key)
    if not number:
        return
    for row in table[table["trial"].astype(str) == number].to_dict("records"):
        fold = f", fold {row['fold']:g}" if row.get("fold") == row.get("fold") and "fold" in row else ""
        value = "no value" if pd.isna(row["value"]) else f"{study.label} {row['value']:.4g}"
        reason = f": {row['reason']}" if row["reason"] else ""
        known = {str(c).removeprefix(trials.PARAM): v for c, v in row.items() if str(c).startswith(trials.PARAM)}
        frame = pd.DataFrame(
            [
                (name, f"{one:.6g}" if isinstance(one, float) else str(one))
                for name, one in known.items()
                if pd.notna(one)
            ],
            columns=["parameter", "value"],
        )
        place = f"{key}_{row['run_id'][:8]}"
        yield Section(f"Trial {number}{fold}", f"{value}, {row['state']}{reason}.", frame=frame, key=place)
        yield Links([Link(f"Open trial {number}", "run", {"runs": str(row["run_id"])})])
    ask.clear("Close the trial", key)


def trial_table(choice: Choice, ask: Ask, study: Study, prefix: str) -> Iterator[Item]:
    """Show the trials as a table that opens the Run page, and what failed with its traceback."""
    run = study.record
    table = study.trials(choice.read.curves(study.trial_ids))
    states = ask.many("State", [s for s in trials.STATES if (table["state"] == s).any()], f"{prefix}state")
    orders = {"score, best first": "value", "number": "trial", "time": "seconds"}
    by = orders[ask.one("Sort by", list(orders), f"{prefix}order")]
    kept = table[table["state"].isin(states)] if states else table
    rising = by != "value" or run.direction != "maximize"
    kept = kept.sort_values(by, ascending=rising, kind="stable", na_position="last")
    if by == "value":  # what a trial had when it was pruned is no score to be ranked
        kept = kept.sort_values("state", key=lambda states: states != State.COMPLETE, kind="stable")
    kept = kept.reset_index(drop=True)
    shown = kept[["trial", "state", "value", "seconds", "start"]].rename(columns={"value": study.label})
    shown.insert(1, "best", ["★ best" if trial == study.best_number else "" for trial in kept["trial"]])
    if "scored_folds" in kept:
        shown.insert(4, "folds", [f"{n} of {run.search_folds}" for n in kept["scored_folds"]])
    for full in objective.parts(run):  # what the score weights stands beside it
        if full in study.trial_runs:
            column = study.trial_runs[full].reindex(kept["run_id"]).to_numpy()
            shown.insert(4, objective.label(full, True), column)
    shown["start"] = pd.to_datetime(shown["start"], utc=True).dt.tz_convert(None)
    shown = shown.rename(columns={"start": "start (UTC)"})
    own = {c: str(c).removeprefix(trials.PARAM) for c in kept.columns if str(c).startswith(trials.PARAM)}
    named = {c: f"{name} (parameter)" if name in shown.columns else name for c, name in own.items()}
    shown = shown.join(kept[list(own)].rename(columns=named))
    links = [
        Link(f"Open trial {trial}", "run", {"runs": run_id})
        for trial, run_id in zip(kept["trial"], kept["run_id"], strict=True)
    ]
    yield Section(
        "",
        "Click a trial to open its page.",
        frame=shown,
        key=f"{prefix}trials",
        formats={study.label: "%.4f", "seconds": "%.1f"},
        opens=links,
    )
    yield from failed_trials(choice, ask, study, table, prefix)


def failed_trials(choice: Choice, ask: Ask, study: Study, table: pd.DataFrame, prefix: str) -> Iterator[Item]:
    """Yield why trials and final runs failed, with their tracebacks."""
    rows = table[table["state"] == State.FAILED]
    failed = {str(trial): (run_id, reason) for trial, run_id, reason in rows[["trial", "run_id", "reason"]].values}
    if failed:
        yield Section("Failed trials")
        run_id, reason = failed[ask.one("Trial", list(failed), f"{prefix}failed")]
        yield from why(choice, str(run_id), str(reason))
    for final in study.failed_finals:
        yield Section(f"Failed final run, seed {final.seed}")
        yield from why(choice, final.run_id, final.reason)


def why(choice: Choice, run_id: str, reason: str) -> Iterator[Item]:
    """Yield why a run failed, and its log."""
    yield Message(reason or "It ended without saying why: its process was stopped.", "error")
    if Artifact.LOG in choice.read.files(run_id):
        yield Code(choice.read.text(run_id, Artifact.LOG))


def is_live(choice: Choice) -> bool:
    """Return whether any of the studies may still change by itself."""
    now = pd.Timestamp.now("UTC")
    return any(study.summary.live and study.silent_for(now) is None for study in studies(choice))


PAGE = Page(
    title="Study",
    how="One search: each trial is one configuration, scored on validation. The best trial is then fitted again with "
    "new seeds and scored on test.",
    views=(
        View("Progress", None, each(progress)),
        View("Parameters", None, each(parameters)),
        View("Epochs", None, each(epochs)),
        View("Trade-off", None, each(trade_off)),
        View("Trials", None, each(trial_table)),
    ),
    group="Results",
    place=30,
    empty="No study has been made yet.",
    top=top,
    finals=False,
    tab=lambda choice: f"{', '.join(study.title for study in studies(choice)[:2])} · Study",
    live=is_live,
    version=is_live,
    old_keys=("study",),
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("study")
