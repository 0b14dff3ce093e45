"""The page Circumplex: annotation, predictions and codes in the plane of valence and arousal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from affect.record import Artifact
from dashboard.figures import circumplex, truth
from dashboard.figures.circumplex import PRED, TRUE, Cloud
from dashboard.results import names
from dashboard.views import questions, sample, seven_tasks
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from dashboard.results.record import Record

COMMAND = "python -m training study faces/face_vae_continuous --dataset synthetic_faces --trials 10"
DOT = "circle_sample"
"""Under which the address has the sample whose dot was clicked."""
CODES = "None of these runs has the codes z_v and z_a that are read here."


def has_plane(record: Record) -> bool:
    """Return whether a run's targets span a circumplex."""
    return circumplex.axes_of(record.targets) is not None


def clouds(choice: Choice, part: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, Cloud]:
    """Return each run's samples of one part in the plane; a run without any is named."""

    def make(name: str, table: pd.DataFrame) -> Cloud:
        axes = circumplex.axes_of(choice.first(Artifact.PREDICTIONS)[name].targets) or circumplex.PAIRS[0]
        return circumplex.cloud(table, axes, part)

    found = choice.map(tables, make)
    for name in [name for name, cloud in found.items() if cloud.table.empty]:
        choice.say(Message(f"{name} has no {part} samples."))
        del found[name]
    return found


def panels(choice: Choice, ask: Ask, of: Mapping[str, Cloud], key: str) -> Iterator[Section]:
    """Yield the annotation (once for runs that share it), each followed by its runs' predictions."""
    truths: list[Cloud] = []
    for cloud in of.values():
        if not any(circumplex.same_truth(cloud, known) for known in truths):
            truths.append(cloud)
    across = 3 if len(truths) + len(of) == 3 else 2
    picks = sample.picks(ask, DOT)
    for number, known in enumerate(truths):
        runs = [name for name, cloud in of.items() if circumplex.same_truth(cloud, known)]
        word = "Transferred labels" if choice.first(Artifact.PREDICTIONS)[runs[0]].transferred else "Annotated"
        where = "" if len(truths) == 1 else f", {', '.join(runs)}"
        text = names.drawn(len(truth.drawn(known.table)), len(known.table))
        fig = circumplex.draw(known, TRUE)
        yield Section(f"{word}{where}", text, fig, known.table, f"{key}_truth_{number}", across=across, picks=picks)
        for name in runs:
            fig, place = circumplex.draw(of[name], PRED), list(of).index(name)
            table = of[name].table
            text = f"{reach(of[name])} {names.drawn(len(truth.drawn(table)), len(table))}."
            yield Section(name, text, fig, of[name].table, f"{key}_predicted_{place}", across=across, picks=picks)


def reach(cloud: Cloud) -> str:
    """Say how far predictions go from neutral to the annotation."""
    return f"Predictions reach {max(circumplex.shrinkage(cloud), 0):.0%} of the annotated distance from neutral."


def agreement(of: Mapping[str, Cloud]) -> Section:
    """Return how each run agrees with the annotation."""
    text = (
        "Distance is measured in the plane, which is 2 wide and 2 high. Reach is how far predictions go from neutral "
        "to the annotation (slope through neutral): 1 is all the way, 0 is always neutral."
    )
    return Section("Agreement", text, frame=circumplex.agreement(of), key="agreement")


def truth_and_prediction(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the annotated plane beside each run's predictions, and the emotions' centres as a table."""
    tables = choice.tables(Artifact.PREDICTIONS)
    of = clouds(choice, questions.part(ask, tables.values(), "of part"), tables)
    if not of:
        return
    yield from panels(choice, ask, of, "plane")
    emotions = [circumplex.by_emotion(cloud).assign(run=name) for name, cloud in of.items()]
    joined = pd.concat(emotions, ignore_index=True)
    notes = ("Dotted ellipses show the annotation. Names stand at the angle of the annotation.",)
    if len(joined):
        text = (
            "Radius is the distance from neutral: where the predicted one is smaller, predictions are pulled towards "
            "neutral."
        )
        columns = [*(["run"] if len(of) > 1 else []), *(column for column in joined if column != "run")]
        yield Section("Emotions", text, frame=joined[columns], key="emotions", notes=notes)
    yield agreement(of)
    yield from sample.of_dot(choice, ask, DOT)


def errors_by_region(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show from each region of the plane where the predictions go."""
    tables = choice.tables(Artifact.PREDICTIONS)
    of = clouds(choice, questions.part(ask, tables.values(), "of part"), tables)
    yield Section(
        text="An arrow goes from the mean annotation of a region to the mean prediction there. Blue ones end nearer to "
        "neutral than they begin; orange ones end farther away. The wider an arrow, the more samples."
    )
    sections = choice.map(
        of,
        lambda name, cloud: Section(
            name,
            reach(cloud),
            circumplex.draw_regions(cloud),
            circumplex.regions(cloud),
            f"regions_{list(of).index(name)}",
            across=min(len(of), 2),
        ),
    )
    yield from sections.values()


def codes(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the codes z_v against z_a, by a reading of each, beside the annotated plane."""
    embeddings = choice.tables(Artifact.EMBEDDINGS)
    readable = {name: table for name, table in embeddings.items() if circumplex.readable(table)}
    without = [row.name for row in choice.rows if row.name not in readable]
    if not readable:
        yield Message(CODES, "empty", COMMAND)
        return
    words = {name: key for key, name in circumplex.READINGS.items()}
    reading = words[ask.one("Reading of the codes", list(words), "reading")]
    predictions = {name: of for name, of in choice.tables(Artifact.PREDICTIONS).items() if name in readable}
    annotated = clouds(choice, questions.part(ask, predictions.values(), "of part"), predictions)
    read = choice.map(annotated, lambda name, cloud: circumplex.read(cloud, predictions[name], readable[name], reading))
    yield Section(text=circumplex.ABOUT[reading])
    yield from panels(choice, ask, read, "codes")
    if without:
        yield Message(f"Not shown, because they have no codes z_v and z_a: {', '.join(without)}.")
    if read:
        yield agreement(read)


PAGE = Page(
    title="Circumplex",
    how=(
        "Emotions as a plane: unpleasant to pleasant from left to right, calm to excited from bottom to top, neutral "
        "in the middle. An ellipse is one emotion: its mean, and one standard deviation around it."
    ),
    views=(
        View("Truth and prediction", Artifact.PREDICTIONS, truth_and_prediction, has_plane),
        View("Errors by region", Artifact.PREDICTIONS, errors_by_region, has_plane),
        View("Codes", Artifact.EMBEDDINGS, codes, has_plane, formerly="Latent space"),
        View("Seven tasks", Artifact.ALIGNMENT, seven_tasks.view("task", "task figure")),
    ),
    group="Look inside",
    place=60,
    empty="No run that predicts valence (or pleasure) and arousal has been scored yet.",
    command=COMMAND,
    key="circle",
    old_keys=("fits",),
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("circumplex")
