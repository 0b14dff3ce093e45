"""The panel of one sample, the same on every page: what it is, truth and predictions, and what resembles it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect.record import Artifact
from dashboard.figures import compared, latent, predictions, recordings, theme
from dashboard.figures import sample as figures
from dashboard.results import differences
from dashboard.views import images, moving
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Images, Item, Link, Message, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.results.record import Record

PAGE = "sample"
KEY = "sample_name"
"""Under which the page Sample has the sample in its address."""
OTHERS = 3
"""Other studies of the protocol whose predictions stand beside those of the chosen runs."""
TRACED = 3
"""Targets whose course over time is drawn."""
GALLERY = 8
"""Small images above a list of samples."""
MOST_ROWS = 60
"""Rows of predictions that are shown without scrolling far."""


def panel(choice: Choice, sample: str, code: str = "") -> Iterator[Item]:
    """Show one sample of the chosen runs; `code` is whose neighbours are shown, else the first of each run."""
    every = others(choice)
    tables = every.all_tables(Artifact.PREDICTIONS)
    known = figures.facts(tables, sample)
    about = ", ".join(f"{name} {value}" for name, value in known.items() if name != "sample")
    yield Section(sample, f"{about[0].upper()}{about[1:]}." if about else "")
    yield from images.of_sample(choice, sample)
    yield from meshes(choice, sample)
    yield from moving.of_sample(choice, sample)
    yield from values(tables, sample)
    if "sequence" in known:
        yield from trace(every, tables, sample, known["sequence"])
    yield from in_inputs(choice, sample)
    yield from in_code(choice, sample, code)


def others(choice: Choice) -> Choice:
    """Return the chosen runs and the best other studies of the first one's protocol."""
    if not choice.rows:
        return choice
    peers = differences.peers(choice.index, choice.rows[0].run_id, 1 + OTHERS)
    shown = {run for row in choice.rows for run in (row.run_id, choice.index.study_of(row.run_id))}
    more = [run for run in peers if run not in shown]
    return Choice(choice.index, choice.read, [*(row.run_id for row in choice.rows), *more], choice.say)


def values(tables: Mapping[str, Sequence[pd.DataFrame]], sample: str) -> Iterator[Item]:
    """Show the truth, and what each run predicts."""
    text = "The chosen runs first, then the best other studies of the protocol. Of a study, the mean over final runs."
    for key, frame in (("numbers", figures.numbers(tables, sample)), ("classes", figures.classes(tables, sample))):
        if len(frame):
            height = 420 if len(frame) > MOST_ROWS else None
            formats = {"error": "%+.4g", "truth": "%.4g", "prediction": "%.4g"} if key == "numbers" else {}
            yield Section("Truth and predictions", text, None, frame, f"sample_{key}", formats=formats, height=height)
    if not figures.facts(tables, sample):
        yield Message("No run that is shown predicts this sample: it may be of train, or of another split.")


def trace(choice: Choice, tables: Mapping[str, Sequence[pd.DataFrame]], sample: str, sequence: str) -> Iterator[Item]:
    """Show truth and predictions over the sample's recording, where it has several samples."""
    means = choice.map(
        tables,
        lambda name, of: compared.mean_predictions([one[one["sequence"].astype(str) == sequence] for one in of]),
    )
    means = {name: table for name, table in means.items() if len(table) > 1 and predictions.targets(table)}
    if not means:
        return
    traces = predictions.in_one_unit(
        choice.map(means, lambda name, table: predictions.trace(table, sequence, predictions.targets(table)))
    )
    known = list(dict.fromkeys(name for table in means.values() for name in predictions.targets(table)))
    shown = predictions.most_off(list(traces.values()), known, TRACED)
    columns = ["sample", "part", "time", *(f"{side}_{name}" for name in shown for side in predictions.SIDES)]
    frame = pd.concat([t.reindex(columns=columns).assign(run=name) for name, t in traces.items()], ignore_index=True)
    first = next(iter(traces))
    gaps = recordings.stretches(frame["time"].to_numpy()) if traces[first].attrs["unit"] == "s" else []
    looks = theme.looks(traces) if len(traces) > len(choice.rows) else choice.looks()
    words = {recordings.MISSING: "no sample or no label"}
    fig = predictions.draw_traces(traces, shown, looks, {first: sample}, gaps, words)
    yield Section(f"In {sequence}", "The dotted line marks this sample.", fig, frame, "sample_trace")


def meshes(choice: Choice, sample: str) -> Iterator[Item]:
    """Show the sample's mesh where a chosen run kept it and it may be shown."""
    kept = choice.first(Artifact.TEST_MESHES)
    if kept and all(images.hidden(record) for record in kept.values()):
        yield Message(images.HIDDEN_HERE)
        return
    for name, record in kept.items():
        if images.hidden(record):
            continue
        with choice.guard(name):
            table = choice.read.table(record.run_id, Artifact.TEST_MESHES)
            rows = table[table["sample"] == sample]
            if rows.empty:
                continue
            having = Artifact.TRIANGLES in record.artifacts
            triangles = choice.read.table(record.run_id, Artifact.TRIANGLES) if having else None
            fig = figures.draw_mesh(rows, triangles)
            yield Section("", "Turn it with the mouse.", fig, rows, "sample_mesh", across=2, private=True)
            return
    if kept:
        yield Message("No mesh of this sample is stored: the worst and some others are.")


def in_inputs(choice: Choice, sample: str) -> Iterator[Item]:
    """Show the samples that are nearest in the inputs, with their small images where there are some."""
    for name, record in choice.first(Artifact.NEIGHBOURS).items():
        with choice.guard(name):
            table = choice.read.table(record.run_id, Artifact.NEIGHBOURS)
            rows = figures.near(table, sample, _known(choice, record))
            if rows.empty:
                continue
            pictured = images.thumbnails(choice, [(str(one), "") for one in rows["sample"]])
            text = "Before any method: Euclidean, each input over its standard deviation on train."
            opens = links(choice, rows)
            yield Section("Nearest in the inputs", text, None, rows, "sample_near", across=1, opens=opens)
            if pictured:
                yield Images(pictured)
            return


def in_code(choice: Choice, sample: str, code: str) -> Iterator[Item]:
    """Show the samples that are nearest in each run's code."""
    found = choice.first(Artifact.EMBEDDINGS)

    def make(name: str, record: Record) -> Section | None:
        table = choice.read.table(record.run_id, Artifact.EMBEDDINGS)
        having = latent.codes(table)
        chosen = code if code in having else having[0]
        rows = latent.neighbours(table, chosen, sample, _known(choice, record))
        if rows.empty:
            return None
        key = f"near_{list(found).index(name)}"
        return Section(f"Nearest in {chosen} of {name}", frame=rows, key=key, across=2, opens=links(choice, rows))

    made = choice.map(found, make)
    yield from (section for section in made.values() if section is not None)
    if without := [name for name, section in made.items() if section is None]:
        yield Message(f"Without a code of this sample: {', '.join(without)}.")
    if len(without) < len(made):
        yield Section(
            notes=("Distances are Euclidean, in the code itself and not in the figure, among all samples of the run.",)
        )


def _known(choice: Choice, record: Record) -> pd.DataFrame:
    """Return what is known of a run's samples, by sample."""
    if Artifact.PREDICTIONS not in record.artifacts:
        return latent.about(None)
    return latent.about(choice.read.table(record.run_id, Artifact.PREDICTIONS), None, record.group_kind)


# ---------------------------------------------------------------------------------------------- how a panel is opened


def links(choice: Choice, rows: pd.DataFrame) -> list[Link | None]:
    """Return the page that each row of a table with the column `sample` opens: its panel, of the chosen runs."""
    return [Link(f"Look at {name}", PAGE, {"runs": list(choice.ids), KEY: str(name)}) for name in rows["sample"]]


def gallery(choice: Choice, rows: pd.DataFrame) -> Iterator[Item]:
    """Show the small images of the first samples of a table, where they may be shown."""
    wanted = [(str(name), f"{place}: {name}") for place, name in enumerate(rows["sample"].head(GALLERY), 1)]
    if pictured := images.thumbnails(choice, wanted):
        yield Images(pictured)


def picks(ask: Ask, key: str) -> Callable[[Any], None]:
    """Return what keeps in the address, under `key`, the sample whose dot a person clicked; its trace's custom data."""
    return partial(_picked, ask, key)


def _picked(ask: Ask, key: str, selection: Any) -> None:
    points = selection.get("points") or []
    if len(points) == 1 and (about := points[0].get("customdata")):
        # an array arrives as a list, or as {"0": …}
        name = about["0"] if isinstance(about, dict) else about[0] if isinstance(about, list) else about
        ask.answer(key, str(name))


def of_dot(choice: Choice, ask: Ask, key: str) -> Iterator[Item]:
    """Show the panel of the sample whose dot was clicked; nothing before."""
    if sample := ask.word(key):
        ask.clear("Close the sample", key)
        yield from panel(choice, sample)
