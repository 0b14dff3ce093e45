"""The page Compare: several runs or studies beside each other, one of them the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from affect import record
from affect.record import Artifact
from dashboard.figures import circumplex, compared, predictions, ranking, recordings
from dashboard.results import comparing, differences, names
from dashboard.views import curves, sample
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice, Row
from dashboard.views.items import Item, Link, Links, Message, Section
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.results.record import Record

SEVERAL = 2
TRACED = 3
"""Targets that are drawn over time where nobody chose."""
MEANING = (
    "The test is paired over {groups}. It is the one behind the Leaderboard's ranks where that compares the two; other "
    "pairs are corrected together, after Holm."
)


def shown_run(row: Row) -> tuple[Record, Record]:
    """Return the chosen study or run, and the run whose parameters stand for it."""
    return row.record, row.finals[0] if row.finals else row.record


def baseline(choice: Choice, ask: Ask) -> Row:
    """Ask which of the chosen runs the others are compared with; it stands in the address."""
    return choice.row(ask.one("Baseline", [row.name for row in choice.rows], "baseline"))


def alone(choice: Choice) -> Iterator[Item]:
    """Say that one run cannot be compared, and offer others of its protocol; nothing where there are several."""
    if len(choice.rows) >= SEVERAL:
        return
    yield Message("Choose at least one more study or run above.")
    row = choice.rows[0]
    others = differences.peers(choice.index, row.run_id)
    links = [
        Link(f"Compare with {choice.index.title(other)}", "compare", {"runs": [row.run_id, other]})
        for other in others[1:]
    ]
    if links:
        yield Links(links)


def comparable(choice: Choice, first: Row) -> tuple[list[Row], list[Item]]:
    """Return the runs of the baseline's protocol, the baseline first, and a message for each other one."""
    rows, said = [first], list[Item]()
    for row in choice.rows:
        if row.name == first.name:
            continue
        differ = differences.protocols(first.record, row.record)
        if differ:
            said.append(
                Message(f"Left out here, because its protocol is another ({', '.join(differ)} differ): {row.name}.")
            )
        else:
            rows.append(row)
    return rows, said


def predicted(choice: Choice, rows: list[Row], first: Row) -> tuple[dict[str, list[pd.DataFrame]], list[Item]]:
    """Return name → the prediction tables of its final runs, the baseline first, and who has none."""
    tables = choice.only(rows).all_tables(Artifact.PREDICTIONS)
    lost = [row.name for row in rows if row.name not in tables]
    said: list[Item] = [Message(f"Without test predictions that can be read: {', '.join(lost)}.")] if lost else []
    if first.name in tables and len(tables) < SEVERAL and not lost:
        said.append(Message("There is nothing to compare: no other chosen run has this protocol."))
    return (tables if first.name in tables and len(tables) >= SEVERAL else {}), said


# --------------------------------------------------------------------------------------------------- what differs


def settings(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show what differs: method, settings, hyperparameters, data, code, search and machine."""
    yield from alone(choice)
    every = ask.switch("What is the same too", "same too")
    table = differences.facts(choice.index, {row.name: shown_run(row) for row in choice.rows})
    differ = differences.differing(table)
    if len(choice.rows) < SEVERAL or every:
        text = "Of a study, the hyperparameters are those of its best trial."
        yield Section("", text, frame=table, key="facts")
        return
    counts = differ["kind"].value_counts(sort=False)
    words = ", ".join(f"{count} of {kind}" for kind, count in counts.items()) or "nothing"
    text = f"{len(differ)} of {len(table)} facts differ: {words}. Hyperparameters of a study are its best trial's."
    yield Section("", text, frame=differ, key="facts")


# --------------------------------------------------------------------------------------------------------- scores


def scores(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the test scores, their differences from the baseline, intervals and paired tests."""
    yield from alone(choice)
    first = baseline(choice, ask)
    index, protocol = choice.index, choice.index.protocol_of(first.run_id)
    if protocol is None or not protocol.metric_names or not first.finals:
        yield Message("The baseline has no test scores. Choose another baseline.")
        return
    metric = ask.one("Metric", protocol.metric_names, "compared metric", first.record.objective, names.metric)
    targets = protocol.different(protocol.targets_of(metric))
    target = ask.one("Target", targets, "compared target", name=names.target, fixed=True)
    others = [row.run_id for row in choice.rows if row.name != first.name]
    pairs = differences.against(choice.read, index, first.run_id, others, metric, target)
    table = differences.scored(index, pairs, metric, target, first.run_id)
    tested = [pair for pair in pairs if not pair.reason]
    fig = None
    if tested:
        drawn = pd.DataFrame(
            [
                (
                    index.title(pair.a),
                    index.title(pair.b),
                    pair.difference,
                    pair.low,
                    pair.high,
                    pair.p,
                    pair.adjusted,
                    pair.detectable,
                    pair.groups,
                    differences.answer(pair, metric),
                )
                for pair in tested
            ],
            columns=list(comparing.PAIRS),
        )
        fig = ranking.draw_pairs(drawn, metric)
    kind = names.plural(protocol.group_kind)
    yield Section(
        "",
        f"Test {names.metric(metric)} ({names.better(metric) or 'no order known'}), and each run's difference from "
        f"{first.name} with its 95 % interval over {kind}. {MEANING.format(groups=kind)} "
        f"{comparing.POWER}",
        fig,
        table.rename(columns={"groups": kind}),
        "compared",
        folded=False,
        formats={"difference": "%+.4f", "p": "%.4f", "p (Holm)": "%.4f"},
    )
    rows, said = comparable(choice, first)
    yield from said
    if len(rows) >= SEVERAL:
        of = {row.name: row.run_id for row in rows}
        every = differences.all_scores(index, of, protocol.metric_names, target)
        text = f"{names.target(target).capitalize()}. Differences are from {first.name}, without a test."
        yield Section("All metrics", text, frame=every, key="all_metrics")


# --------------------------------------------------------------------------------------------------------- curves


def learned(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the curves of every seed and their mean."""
    yield from alone(choice)
    yield from curves.view("compare")(choice, ask)


# -------------------------------------------------------------------------------------- persons, regions, recordings


def target_of(choice: Choice, ask: Ask, tables: Mapping[str, list[pd.DataFrame]], key: str, mean: bool) -> str:
    """Ask for a target that all runs predict; with `mean`, the mean over all numbers is the first answer."""
    first = next(iter(tables.values()))[0]
    numbers, classes = predictions.targets(first), predictions.classes(first)
    known = [*([record.ALL] if mean and len(numbers) > 1 else []), *numbers, *classes]
    return ask.one("Target", known, key, name=names.target, fixed=True)


def persons(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show for which persons (or clips) a run errs less or more than the baseline."""
    yield from alone(choice)
    first = baseline(choice, ask)
    rows, said = comparable(choice, first)
    yield from said
    tables, lost = predicted(choice, rows, first)
    yield from lost
    if not tables:
        return
    target = target_of(choice, ask, tables, "person target", True)
    found = choice.map(tables, lambda name, of: compared.errors(of, target))
    if first.name not in found or len(found) < SEVERAL:
        return
    own = found.pop(first.name)
    table = compared.by_group(own, found)
    kind = first.record.group_kind
    example = tables[first.name][0]
    unit = "share of missed classes" if target in predictions.classes(example) else "own unit"
    unit = "% of the target's range" if target == record.ALL else unit
    parts = []
    for name, of in table.groupby("run", sort=False):
        better = int((of["difference"] < 0).sum())
        parts.append(f"{name} errs less than the baseline for {better} of {names.count(len(of), kind)}")
    text = f"{'; '.join(parts)}. Mean error of each {kind}, over final runs; no single {kind} is tested."
    if table["group"].nunique() > compared.MOST_GROUPS:
        text += f" Drawn are the {compared.MOST_GROUPS} at both ends; the table has all."
    fig = compared.draw_groups(table, unit, choice.looks())
    yield Section("", text, fig, table.rename(columns={"group": kind}), "by_group")


def regions(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show in which regions of the circumplex a run is nearer to the truth than the baseline."""
    yield from alone(choice)
    first = baseline(choice, ask)
    rows, said = comparable(choice, first)
    yield from said
    axes = circumplex.axes_of(first.record.targets)
    if axes is None:
        yield Message("The baseline does not predict valence (or pleasure) and arousal.")
        return
    tables, lost = predicted(choice, rows, first)
    yield from lost
    own = tables.pop(first.name, [])
    found = choice.map(tables, lambda name, of: compared.by_region(own, of, axes))
    most = max((float(table["difference"].abs().max()) for table in found.values() if len(table)), default=0.0)
    if found:
        yield Section(
            text=f"A mark is a region of the plane, at its mean annotation; the larger, the more samples. Blue: nearer "
            f"to the truth than {first.name}; red: farther. Distances in the plane, mean over final runs."
        )
    for place, (name, table) in enumerate(found.items()):
        better = int(table.loc[table["difference"] < 0, "n"].sum())
        text = f"Nearer in regions with {better} of {int(table['n'].sum())} samples."
        fig = compared.draw_regions(table, axes, most)
        yield Section(name, text, fig, table, f"region_{place}", across=min(len(found), 2))


def over_time(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the truth and the predictions of all runs over time in one recording."""
    yield from alone(choice)
    first = baseline(choice, ask)
    rows, said = comparable(choice, first)
    yield from said
    tables, lost = predicted(choice, rows, first)
    yield from lost
    if not tables:
        return
    means = choice.map(tables, lambda name, of: compared.mean_predictions(of))
    known = list(dict.fromkeys(name for table in means.values() for name in predictions.targets(table)))
    own = means.get(first.name, pd.DataFrame({"sequence": []}))
    counts = own["sequence"].dropna().astype(str).value_counts()
    several = [name for name in counts.index if counts[name] > 1]
    if not known or not several:
        yield Message("No recording has several samples with predicted numbers, so there is no course over time.")
        return
    apart = compared.apart_by_recording(means, known)
    order = [name for name in apart if name in several]
    sequence = ask.one("Recording", order, "compared recording", help="Where the runs disagree most comes first.")
    chosen = ask.many("Targets", known, "compared targets", placeholder=f"the {TRACED} that are off most")
    traces = predictions.in_one_unit(
        choice.map(means, lambda name, table: predictions.trace(table, sequence, predictions.targets(table)))
    )
    shown = chosen or predictions.most_off(list(traces.values()), known, TRACED)
    columns = ["sample", "part", "time", *(f"{side}_{name}" for name in shown for side in predictions.SIDES)]
    frame = pd.concat([t.reindex(columns=columns).assign(run=name) for name, t in traces.items()], ignore_index=True)
    gaps = recordings.stretches(frame["time"].to_numpy()) if next(iter(traces.values())).attrs["unit"] == "s" else []
    words = {recordings.MISSING: "no sample or no label"}
    fig = predictions.draw_traces(traces, shown, choice.looks(), {}, gaps, words)
    yield Section(sequence, "Of a study, the mean over its final runs.", fig, frame, "compared_traces")


def disagreement(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the samples on which the runs disagree most, with the truth and each prediction."""
    yield from alone(choice)
    first = baseline(choice, ask)
    rows, said = comparable(choice, first)
    yield from said
    tables, lost = predicted(choice, rows, first)
    yield from lost
    if not tables:
        return
    target = target_of(choice, ask, tables, "apart target", False)
    means = choice.map(tables, lambda name, of: compared.mean_predictions(of))
    table = compared.disagreement(means, target)
    if table.empty:
        yield Message(f"These runs predict the same {names.target(target)} for every test sample.")
        return
    what = "Truth and each run's prediction"
    text = f"{what} of {names.target(target)}; of a study, the mean over its final runs (the most frequent class). "
    text += f"At most {predictions.OF_ONE} samples of one recording. Click a row to look at its sample."
    yield Section("", text, frame=table, key="disagreement", opens=sample.links(choice, table))
    yield from sample.gallery(choice, table)


PAGE = Page(
    title="Compare",
    how="Two to twelve studies or runs beside each other, one of them the baseline. Choose them above. Only scores of "
    "one protocol (data, split, targets) are compared.",
    views=(
        View("What differs", None, settings),
        View("Scores", None, scores),
        View("Curves", None, learned),
        View("By person", None, persons),
        View("By region", None, regions, lambda run: circumplex.axes_of(run.targets) is not None),
        View("Over time", None, over_time),
        View("Disagreement", None, disagreement),
    ),
    group="Results",
    place=35,
    empty="No study is in this store yet.",
    key="compared",
    finals=False,
    several=SEVERAL,
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("compare")
