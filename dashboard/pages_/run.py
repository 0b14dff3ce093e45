"""The page Run: a card readable in ten seconds, one figure, and all that the run has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect import record
from affect.record import Artifact, Kind, State
from dashboard.figures import circumplex, pictures, predictions, rotations, theme, truth
from dashboard.results import card, caveats, differences, names
from dashboard.views import attention, curves, images, moving, questions, sample, seven_tasks
from dashboard.views.ask import Ask
from dashboard.views.cards import card_of, missing_files
from dashboard.views.choice import Choice, Row
from dashboard.views.items import BADGES, Badges, Code, Item, Json, Link, Links, Message, Section
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from dashboard.results.record import Record

MOST_CARDS = 4
NO_PREDICTIONS = (
    "A trial keeps its scores on validation, its curves and what it generated while it was fitted. Predictions, the "
    "model and what is computed from them are kept of final runs."
)


def shown_run(row: Row) -> Record:
    """Return the run whose files stand for a chosen one: of a study its first final run."""
    return row.finals[0] if row.finals else row.record


# ------------------------------------------------------------------------------------------------------- the top


def top(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the card of each chosen run, its links, and truth against prediction."""
    rows = choice.rows[:MOST_CARDS]
    if len(choice.rows) > MOST_CARDS:
        yield Message(f"The first {MOST_CARDS} of {len(choice.rows)} chosen runs.")
    for row in rows:
        with choice.guard(row.name):
            if len(rows) > 1:
                yield Section(row.name)
            yield from cards(choice, row)
    with_predictions = choice.tables(Artifact.PREDICTIONS)
    if choice.rows and all(row.record.kind == Kind.TRIAL for row in choice.rows):
        yield Section(text=NO_PREDICTIONS)
    if with_predictions:
        yield from truth_against_prediction(choice, ask, with_predictions)


def cards(choice: Choice, row: Row) -> Iterator[Item]:
    """Yield one run's badges, card and links."""
    item = card_of(choice.index, choice.read, row.run_id)
    yield badges(row, item.card.badges)
    yield from missing_files(choice.read, (row.record, shown_run(row)))
    if choice.index.archived(row.run_id):
        yield Message("This run is archived and hidden from leaderboards.")
    if row.record.state == State.PRUNED and row.record.reason:
        yield Message(f"This trial was {row.record.reason}. It was worse than other trials at the same point.")
    if row.record.state == State.FAILED:
        yield Message(row.record.reason or "It ended without saying why: its process was stopped.", "error")
    yield item
    if row.record.note:
        yield Section(text=f"Note: {row.record.note}")
    yield Links(links(choice, row))


def badges(row: Row, marks: Sequence[str]) -> Badges:
    """Return what kind of run it is, its marks and its own tags."""
    run = row.record
    words = [(mark, "red" if mark == run.leak_text else BADGES.get(mark, "gray")) for mark in marks]
    words.insert(1, (run.what[0].upper() + run.what[1:], "blue"))
    words += [(label, "gray") for label in run.labels]
    if run.state != State.COMPLETE:
        words.append((run.state, "red" if run.state == State.FAILED else "yellow"))
    return Badges(words)


def links(choice: Choice, row: Row) -> list[Link]:
    """Return where else the run can be looked at."""
    index, run_id, shown = choice.index, row.run_id, shown_run(row)
    study = index.study_of(run_id)
    found = []
    if study is not None:
        found.append(Link("Search", "study", {"runs": study}))
    if study not in (None, run_id):
        found.append(Link("Study’s results", "run", {"runs": str(study)}))
    protocol = index.protocol_of(run_id)
    if protocol is not None and protocol.metric_names:
        found.append(Link("Leaderboard", "leaderboard", {"protocol": protocol.label}))
    found.append(Link("Compare", "compare", {"runs": differences.peers(index, run_id)}))
    if shown.kind == Kind.FINAL:
        if Artifact.PREDICTIONS in shown.artifacts:
            found.append(Link("Errors", "errors", {"runs": run_id}))
        if Artifact.DIAGNOSTICS in shown.artifacts:
            query = {"runs": run_id, "section": "Diagnostics"}
            found.append(Link("Why published values differ", "errors", query))
        if Artifact.ACTIVATIONS in shown.artifacts:
            found.append(Link("Activation maps", "activations", {"runs": run_id}))
        if circumplex.axes_of(shown.targets) is not None and Artifact.PREDICTIONS in shown.artifacts:
            found.append(Link("Circumplex", "circumplex", {"runs": run_id}))
        if shown.artifacts & {Artifact.EMBEDDINGS, Artifact.PROJECTIONS}:
            found.append(Link("Latent space", "latent", {"runs": run_id}))
    return found


def truth_against_prediction(choice: Choice, ask: Ask, tables: dict[str, pd.DataFrame]) -> Iterator[Item]:
    """Yield truth against prediction of one target for every run."""
    known = {name: [*predictions.targets(t), *predictions.classes(t)] for name, t in tables.items()}
    targets = list(dict.fromkeys(target for of in known.values() for target in of))
    if not targets:
        yield Message("The predictions of this run hold no target.", "warning")
        return
    target = questions.target(ask, targets, "truth")
    across = 2 if len(tables) > 1 else 1

    def make(name: str, table: pd.DataFrame) -> Section:
        run = choice.first(Artifact.PREDICTIONS)[name]
        part = "test" if (table["part"] == "test").any() else "validation"
        heading, place = (name if len(tables) > 1 else ""), list(tables).index(name)
        key = f"_{place}" if place else ""
        if target in predictions.classes(table):
            counts = predictions.confusion(predictions.of_part(table, part), target)
            text = f"Each row is a true class; the number counts {part} samples."
            fig = predictions.draw_confusion(counts)
            return Section(heading, text, fig, counts.reset_index(), f"confusion{key}", across=across)
        dots = truth.points(table, target, part)
        caption = truth.caption(dots, part, run.group_kind)
        text = f"{run.what[0].upper()}{run.what[1:]}: {caption}"
        picks = sample.picks(ask, "run_sample")
        return Section(heading, text, truth.draw(dots, target), dots, f"truth{key}", across=across, picks=picks)

    yield Section("Truth and prediction")
    yield from choice.map({name: table for name, table in tables.items() if target in known[name]}, make).values()
    yield from sample.of_dot(choice, ask, "run_sample")


# ------------------------------------------------------------------------------------------------------ the views


def parameters(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show hyperparameters and settings, a column a run."""
    tables = choice.map(
        {row.name: row for row in choice.rows},
        lambda name, row: card.parameters(choice.index, shown_run(row).run_id),
    )
    if len(tables) == 1:
        yield Section(frame=next(iter(tables.values())), key="parameters")
        return
    columns = [table.set_index("parameter")["value"].rename(name) for name, table in tables.items()]
    joined = pd.concat(columns, axis=1).fillna("–")
    differ = joined[joined.nunique(axis=1) > 1]
    yield Section("What differs", frame=differ.rename_axis("parameter").reset_index(), key="parameters_differ")
    yield Section("All", frame=joined.rename_axis("parameter").reset_index(), key="parameters")


def scores(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show every score."""
    for place, row in enumerate(choice.rows):
        with choice.guard(row.name):
            frame = card.scores(choice.index, row.run_id)
            heading = row.name if len(choice.rows) > 1 else ""
            yield Section(heading, frame=frame, key=f"scores_{place}" if place else "scores", height=420)


def children(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the trials and final runs of each chosen study."""
    shown = False
    for place, row in enumerate(choice.rows):
        table = card.below(choice.index, row.run_id)
        if table.empty:
            continue
        shown = True
        pairs = zip(table["run"], table["run id"], strict=True)
        links = [Link(f"Open {word}", "run", {"runs": str(run_id)}) for word, run_id in pairs]
        text = "Click a run to open it."
        key = f"runs_{place}" if place else "runs"
        yield Section(row.name if len(choice.rows) > 1 else "", text, frame=table, key=key, opens=links)
    if not shown:
        yield Message("This run has no trials or final runs of its own.")


def turned(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show how classifiers of meshes do when the meshes are turned, a line a final run."""
    tables: dict[str, pd.DataFrame] = {}
    runs: dict[str, Record] = {}
    for row in choice.rows:
        for final in row.having(Artifact.ROTATIONS):
            title = final.what if len(choice.rows) == 1 else choice.index.title(final.run_id)
            with choice.guard(title):
                table = choice.read.table(final.run_id, Artifact.ROTATIONS)
                if table.empty:
                    raise ValueError("rotations.parquet has no rows")
                tables[title], runs[title] = table, final
    if not tables:
        return
    first = next(iter(runs.values()))
    known = rotations.metrics_of(next(iter(tables.values())))
    metric = ask.one("Metric", known, "turned", first.objective, names.metric, fixed=True)
    chance = float("nan")
    for row in choice.rows:
        column = record.metric("test", metric, record.ROTATED, record.MAJORITY)
        score = choice.index.score(row.run_id, column)
        chance = score if score == score else chance
    text = (
        "Test meshes turned about random axes by an angle, and at the right turned to any orientation. Bars reach from "
        "the least to the most of the draws; the dotted line is the baseline, always the most frequent class."
    )
    frame = pd.concat([rotations.by_angle(of, metric).assign(run=run) for run, of in tables.items()])
    looks = None
    if len(choice.rows) > 1:
        looks = theme.of_methods(choice.index.methods, {name: run.method for name, run in runs.items()})
    yield Section("", text, rotations.draw(tables, metric, chance, looks), frame, "rotations")
    yield Section("By run", frame=rotations.summary(tables, metric, chance), key="rotated")


def files(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show one of the run's files: a table, JSON or text, always as text and never as markup."""
    row = first_of(choice, ask, "files of")
    shown = shown_run(row)
    there = choice.read.files(shown.run_id)
    if not there:
        yield Message("This run has no files in the store.")
        return
    file = ask.one("File", there, "file", fixed=True)
    if file.endswith(".parquet"):
        table = choice.read.table(shown.run_id, file)
        yield Section(frame=pictures.facts(table) if "png" in table else table, key="file")
    elif file.endswith(".json"):
        yield Json(choice.read.json(shown.run_id, file), file)
    elif file.endswith((".txt", ".log", ".py", ".csv", ".md")):
        yield Code(choice.read.text(shown.run_id, file))
    else:
        yield Message("Only the method that wrote this file reads it.")


def first_of(choice: Choice, ask: Ask, key: str) -> Row:
    """Ask for one of the chosen runs where there are several."""
    if len(choice.rows) == 1:
        return choice.rows[0]
    return choice.row(ask.one("Of the run", [row.name for row in choice.rows], key))


def data(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show what the data set says of itself: what was read, how many, and what to know about it."""
    row = first_of(choice, ask, "data of")
    summary = choice.read.json(shown_run(row).run_id, Artifact.DATA_SUMMARY)
    if not isinstance(summary, dict):
        raise ValueError(f"data_summary.json holds no object but {type(summary).__name__}")
    for caveat in caveats.of(choice.index, row.run_id, summary):
        yield Message(caveat, "warning")
    facts = [(key.replace("_", " "), _plain(value)) for key, value in summary.items() if not isinstance(value, dict)]
    if facts:
        frame = pd.DataFrame(facts, columns=["what", "value"])
        yield Section("Data set", frame=frame, key="data")
    for number, (key, value) in enumerate((k, v) for k, v in summary.items() if isinstance(v, dict) and v):
        frame = _as_frame(value)
        yield Section(key.replace("_", " ").capitalize(), frame=frame, key=f"data_{number}")
    yield Json(summary, "data_summary.json")


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return str(value)


def _as_frame(value: dict[str, Any]) -> pd.DataFrame:
    """Return a nested count, such as classes by part, as a table."""
    if all(isinstance(inner, dict) for inner in value.values()):
        wide = pd.DataFrame(value).T
        return wide.rename_axis("what").reset_index().astype({"what": str})
    return pd.DataFrame([(str(key), _plain(inner)) for key, inner in value.items()], columns=["what", "value"])


def log(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the run's log."""
    row = first_of(choice, ask, "log of")
    yield Code(choice.read.text(shown_run(row).run_id, Artifact.LOG), height=420)


def again(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the command that made each run, and at which commit."""
    for row in choice.rows:
        run = row.record
        note = f"at commit {run.code_text}; the study's seed is part of the command."
        heading = row.name if len(choice.rows) > 1 else ""
        yield Code(run.command or "unknown", heading, note=note)


def notes(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the note and the tags of each run, and how they are written."""
    for row in choice.rows:
        run, letters = row.record, row.run_id[:8]
        heading = row.name if len(choice.rows) > 1 else ""
        yield Section(heading, run.note or "No note yet.")
        yield Code(f'python -m training note {letters} "…"')
        yield Section(text=f"Tags: {', '.join(run.labels)}" if run.labels else "No tags yet.")
        yield Code(f"python -m training tag {letters} …", note="The leaderboard can be filtered by tag.")


def has_children(run: Record) -> bool:
    """Return whether the run is a study's own."""
    return run.kind in (Kind.STUDY, Kind.FINAL)


def heading(choice: Choice) -> str:
    """Return what the page is about."""
    if len(choice.rows) > 1:
        return f"{len(choice.rows)} runs"
    run = choice.rows[0].record
    return " · ".join(part for part in (run.method_title, run.settings_text) if part) if run.method_title else run.title


def tab(choice: Choice) -> str:
    """Return the browser's title: score, method and data."""
    row = choice.rows[0]
    run = row.record
    column = record.metric("test", run.objective, record.ALL) if run.objective else ""
    value = choice.index.score(row.run_id, column) if run.on_test else float("nan")
    score = f"{value:.3g} · " if value == value else ""
    more = f" and {len(choice.rows) - 1} more" if len(choice.rows) > 1 else ""
    return f"{score}{run.title}{f' on {run.dataset}' if run.dataset else ''}{more}"


PAGE = Page(
    title="Run",
    how="What is predicted, on which data, and how the score compares with baselines. Below: true and predicted "
    "values, then details.",
    views=(
        View("Curves", None, curves.view("run")),
        View("Parameters", None, parameters),
        View("Scores", None, scores),
        View("Runs", None, children, has_children, shared=False),
        View("Images", Artifact.SAMPLES, images.view, formerly="pictures", shared=False),
        View("Attention over time", Artifact.ATTENTION, attention.view),
        View("Features in motion", Artifact.FIGURES, moving.features, moving.has_features),
        View("Seven tasks", Artifact.ALIGNMENT, seven_tasks.view("judged", "judged by")),
        View("Rotations", Artifact.ROTATIONS, turned),
        View("Files", None, files, shared=False),
        View("Data", Artifact.DATA_SUMMARY, data, shared=False),
        View("Log", Artifact.LOG, log, shared=False),
        View("Run again", None, again),
        View("Notes and tags", None, notes, shared=False, formerly="Notes"),
    ),
    group="Results",
    place=40,
    empty="No study is in this store yet.",
    key="tab",
    top=top,
    badges=False,
    finals=False,
    heading=heading,
    tab=tab,
    old_keys=("run",),
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("run")
