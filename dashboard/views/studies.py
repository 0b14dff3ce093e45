"""What a study is, how far it has come, and the configuration that is best so far."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from affect.record import State
from dashboard.results import differences, names, objective, progress, selected_on_test, trials
from dashboard.views.items import Item, Link, Links, Message, Section, Value, Values

if TYPE_CHECKING:
    from dashboard.results.study import Study


FOLDS = (
    "Each trial is scored on {folds}: train and validation are divided anew, each fold is left out once and scored, "
    "and the trial's value is the mean. The test {groups} are in none of them."
)


def about(study: Study) -> Iterator[Item]:
    """Yield one study's summary."""
    run, summary = study.record, study.summary
    settings = f", settings {run.settings_text}" if run.settings_text else ""
    yield Section(text=f"{run.short_method} on {run.protocol}{settings}. {objective.words(run)}".strip())
    if run.search_folds:
        yield Section(text=FOLDS.format(folds=objective.folds(run), groups=study.groups_word))
    now = pd.Timestamp.now("UTC")
    silent = study.silent_for(now)
    state = "no activity" if silent is not None else State.RUNNING if summary.live else run.state
    total = "?" if summary.total is None else str(summary.total)
    label = objective.name(study.metric, bool(run.weights))
    which = "the compromise of both objectives" if run.several_objectives else names.better(run.objective)
    over = f"; mean over {objective.folds(run)}" if run.search_folds else ""
    best, note = "–", ""
    if summary.best_trial is not None:
        best, note = f"{summary.best:.4g}", f"trial {summary.best_trial}; {which}{over}"
    elif study.folds and not math.isnan(run.best_value):
        best, note = f"{run.best_value:.4g}", f"mean of the best trials of {len(study.folds)} test folds; {which}{over}"
    values = [
        Value("State", state.capitalize()),
        Value("Trials done", f"{summary.done} / {total}", "complete and pruned ones count"),
        Value(f"Best validation {label}", best, note),
        Value("Final runs", summary.seeds_text, "the best trial fitted again with new seeds, scored on test"),
    ]
    if summary.live and silent is None:
        stage, left = progress.stage(study), progress.time_left(study, now)
        values.insert(1, Value("Stage", stage.capitalize(), progress.STAGES[stage]))
        counted = "trials, refits and evaluations" if left.evaluations else "without the evaluations of final runs"
        values.append(Value("Time left, about", names.duration(left.seconds), counted))
    if summary.live and run.deadline is not None:
        values.append(Value("Search ends at", f"{run.deadline:%d %b %H:%M} UTC"))
    yield Values(values)
    if silent is not None:
        yield Message(
            f"No activity for {names.duration(silent)}. If the process has stopped, run the same command again to "
            "continue.",
            "warning",
            run.command,
        )
    if run.state == State.FAILED:
        reason = run.reason or "It ended without saying why: its process was stopped."
        yield Message(f"This study failed: {reason} Its failed trials are in the view Trials.", "error")
    if told := selected_on_test.text(study.index, study.run_id):
        yield Section(notes=(f"{selected_on_test.LABEL}: {told}. {selected_on_test.HOW}",))
    counts = [f"{n} {state}" for state, n in summary.counts.items() if n and state != State.COMPLETE]
    if counts:
        yield Section(notes=(f"Of its trials: {', '.join(counts)}.",))
    if text := study.time_text:
        yield Section(notes=(text,))
    links = [Link("Results", "run", {"runs": study.run_id})]
    if summary.finals:
        links.append(Link("Errors", "errors", {"runs": study.run_id}))
    links.append(Link("Compare", "compare", {"runs": differences.peers(study.index, study.run_id)}))
    yield Links(links)


def best_trial(study: Study, prefix: str) -> Iterator[Item]:
    """Yield the best trial's configuration beside the defaults, which are trial 0."""
    winner, table = study.winner, study.trials()
    if winner is None:
        return
    first = table[(table["trial"] == 0)]
    columns = [str(column) for column in table.columns if str(column).startswith(trials.PARAM)]
    parameters = [column for column in columns if pd.notna(winner[column])]
    if not parameters:
        return
    default = first.iloc[0] if len(first) else None

    def word(row: pd.Series | None, column: str) -> str:
        return "–" if row is None or pd.isna(row[column]) else _short(row[column])

    frame = pd.DataFrame(
        [(c.removeprefix(trials.PARAM), word(default, c), word(winner, c)) for c in parameters],
        columns=["parameter", "default (trial 0)", f"best (trial {int(winner['trial'])})"],
    )
    differ = frame[frame.iloc[:, 1] != frame.iloc[:, 2]]
    if default is not None and int(winner["trial"]) != 0 and pd.notna(default["value"]):
        gain = float(winner["value"]) - float(default["value"])
        text = f"{float(winner['value']):.4g} on validation, against {float(default['value']):.4g} of the defaults "
        text += f"({gain:+.3g}); {len(differ)} of {len(frame)} parameters differ."
    elif int(winner["trial"]) == 0:
        text = f"{float(winner['value']):.4g} on validation: the defaults themselves are the best trial."
    else:
        text = f"{float(winner['value']):.4g} on validation."
    yield Section("Best trial", text, frame=frame, key=f"{prefix}best_trial")


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e15 else f"{value:.5g}"
    return str(value)
