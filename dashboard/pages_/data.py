"""The page Data: what one protocol learns from and tests on, and what was wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect.record import Artifact
from dashboard.figures import data as figures
from dashboard.results import caveats, data, names, objective
from dashboard.views import items
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from dashboard.results.protocol import Protocol
    from dashboard.results.record import Record

COMMAND = "python -m training study motion/lma_to_pad --dataset synthetic_motion --trials 10"
PLANES = (("valence", "arousal"), ("pleasure", "arousal"))
CHECKED = (
    "Checked: no {kind} and no recording is in two parts. Copies of one image under two names are found by the readers "
    "of images alone, and stand here where one found some."
)


@dataclass(frozen=True)
class Tables:
    """What the newest study of a protocol says of its data; None where its run has no such file."""

    protocol: Protocol
    study: Record
    split: pd.DataFrame
    annotations: pd.DataFrame | None
    summary: dict[str, Any]
    kept_leaks: pd.DataFrame | None

    @property
    def leaks(self) -> pd.DataFrame:
        """What stands in two parts: as the study kept it, and what its tables of today say."""
        found = data.leaks(self.split, self.annotations, self.protocol.group_kind)
        if self.kept_leaks is None:
            return found
        return pd.concat([self.kept_leaks, found], ignore_index=True).drop_duplicates(["kind", "name"])

    @property
    def groups(self) -> str:
        """What the split never divides, in the plural."""
        return names.plural(self.protocol.group_kind)


def chosen(choice: Choice, ask: Ask) -> tuple[list[Item], Tables | None]:
    """Ask for the protocol; return what is said above the view, and its tables where a study has them."""
    protocols = choice.index.protocols
    having = {
        label: study
        for label, protocol in protocols.items()
        for study in [_newest(choice, protocol)]
        if study is not None
    }
    if not having:
        return [Message("No study has kept its split yet.", "empty", COMMAND)], None
    current = [found.label for row in choice.rows if (found := choice.index.protocol_of(row.run_id)) is not None]
    default = next((label for label in current if label in having), next(iter(having)))
    label = ask.one("Data and split", list(having), "data", default)
    study = having[label]
    above: list[Item] = [items.data_badge([study])]
    summary = choice.read.json(study.run_id, Artifact.DATA_SUMMARY) if _has(study, Artifact.DATA_SUMMARY) else {}
    annotations = choice.read.table(study.run_id, Artifact.ANNOTATIONS) if _has(study, Artifact.ANNOTATIONS) else None
    split = choice.read.table(study.run_id, Artifact.SPLIT)
    leaks = choice.read.table(study.run_id, Artifact.LEAKS) if _has(study, Artifact.LEAKS) else None
    told = summary if isinstance(summary, dict) else {}
    return above, Tables(protocols[label], study, split, annotations, told, leaks)


def _newest(choice: Choice, protocol: Protocol) -> Record | None:
    studies = choice.index.records(protocol.studies)
    return next((study for study in studies if _has(study, Artifact.SPLIT)), None)


def _has(record: Record, artifact: str) -> bool:
    return artifact in record.artifacts


def leaks_found(of: Tables) -> Iterator[Item]:
    """Yield in red what stands in two parts of the split, with its table; nothing where nothing does."""
    found = of.leaks
    for kind, rows in found.groupby("kind", sort=False):
        count, several = len(rows), names.plural(str(kind))
        words = f"1 {kind} is" if count == 1 else f"{count} {several} are"
        first = ", ".join(rows["name"].head(3))
        yield Message(f"LEAK: {words} in two parts of the split ({first}). Its test scores are too good.", "error")
    for note in data.copies(of.summary):
        yield Message(f"LEAK: {note}", "error")
    if len(found):
        yield Section("In two parts", "", frame=found, key="leaks")


def on_folds(choice: Choice, of: Tables) -> str:
    """Return which studies of the protocol scored their trials on folds of train and validation; empty if none did."""
    studies = choice.index.records(of.protocol.studies)
    counts = Counter(objective.folds(study) for study in studies if study.search_folds and not study.archived)
    if not counts:
        return ""
    told = "; ".join(f"{names.count(n, 'study')} on {folds}" for folds, n in counts.items())
    return f" Trials were scored on folds of train and validation together, divided anew: {told}."


def parts_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show samples, groups, classes and targets by part, and leaks first."""
    above, of = chosen(choice, ask)
    yield from above
    if of is None:
        return
    yield from leaks_found(of)
    parts = data.parts(of.split, of.groups)
    yield Section(
        "Samples by part",
        f"No {of.protocol.group_kind} may be in two parts. Only labelled samples count.{on_folds(choice, of)}",
        frame=parts,
        key="parts",
    )
    counts = data.classes(of.split)
    if len(counts):
        yield Section(
            "Classes",
            f"Samples of each class by part. The table also counts {of.groups}.",
            figures.draw_classes(counts),
            counts.rename(columns={"groups": of.groups}),
            "classes",
        )
    final = next((run for run in choice.index.finals(of.study.run_id) if _has(run, Artifact.PREDICTIONS)), None)
    predictions = None
    if of.annotations is None and final is not None:
        predictions = choice.read.table(final.run_id, Artifact.PREDICTIONS)
    values = data.targets(of.split, of.annotations, predictions)
    targets = [name for name in map(str, values.columns) if name not in ("sample", "part")]
    if not targets:
        return
    plane = next(((across, up) for across, up in PLANES if {across, up} <= set(targets)), None)
    if plane is not None:
        across, up = plane
        shown = values[["sample", "part", across, up]].dropna()
        text = f"A dot is a sample. Of a part with more than {figures.MOST_DOTS:,} samples every k-th is drawn."
        yield Section(
            f"{across.capitalize()} and {up}", text, figures.draw_plane(shown, across, up), shown, "data_plane"
        )
    target = ask.one("Distribution of", targets, "distribution", name=names.target, fixed=True)
    table = data.distribution(values, target)
    text = "Parts that differ much here make the test harder or easier than validation."
    yield Section("Distribution by part", text, figures.draw_distribution(table, target), table, "distribution")


def traces_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the annotation of one recording over time, each annotator's where there are several, and frame rates."""
    above, of = chosen(choice, ask)
    yield from above
    if of is None:
        return
    if of.annotations is None:
        yield Message("This study kept no annotations over time: its data has no recordings, or it predicts classes.")
        return
    recordings = sorted(of.annotations["sequence"].astype(str).unique())
    recording = ask.one("Recording", recordings, "recording")
    target = ask.one("Annotated", data.target_names(of.annotations), "annotated", name=names.target, fixed=True)
    table = data.trace(of.annotations, recording, target)
    people = sum(name != "" for name in table["annotator"].unique())
    said = f"{people} annotators, thin; the label that methods learn from is thick." if people else "One label only."
    shown = table.assign(annotator=table["annotator"].replace("", figures.LABEL))
    yield Section("Annotation over time", said, figures.draw_trace(table, target), shown, "annotation_trace")
    rates = data.frames(of.annotations)
    lost = int(rates["lost samples"].sum())
    text = "The rate is that of the median step between two samples; a longer step has lost samples in it. "
    text += f"{lost} of {lost + int(rates['samples'].sum())} samples are lost." if lost else "No sample is lost."
    yield Section("Rates and lost samples", text, frame=rates, key="rates")
    faces = data.faces_by_recording(of.summary)
    if len(faces):
        yield Section("Frames by recording", "As the reader counted them.", frame=faces, key="faces_by_recording")


def reading_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show what was skipped and why, the notes, and all other counts of the reader."""
    above, of = chosen(choice, ask)
    yield from above
    if of is None:
        return
    skipped = data.skipped(of.summary)
    if len(skipped):
        yield Section("Skipped", "", frame=skipped, key="skipped")
    else:
        total = of.summary.get("skipped", 0)
        yield Message(f"Skipped: {total}. The record does not say why." if total else "Nothing was skipped.")
    for note in caveats.notes(of.summary):
        yield Message(note, "warning")
    others = data.others(of.summary)
    if len(others):
        text = "Sizes of images and whatever else the reader counted."
        yield Section("Other counts", text, frame=others, key="other_counts")


def leaks_view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show in red what stands in two parts, or say what was checked."""
    above, of = chosen(choice, ask)
    yield from above
    if of is None:
        return
    found = list(leaks_found(of))
    yield from found
    if not found:
        yield Message(CHECKED.format(kind=of.protocol.group_kind))
    if not of.study.persons_known:
        yield Message("Persons are unknown: nothing can tell whether one of them is in two parts.", "warning")
    yield Section("Parts", "What was checked.", frame=data.parts(of.split, of.groups), key="checked_parts")


PAGE = Page(
    title="Data",
    how="What one protocol learns from, tunes on and tests on, as its newest study kept it. Leaks are red.",
    views=(
        View("By part", None, parts_view),
        View("Over time", None, traces_view),
        View("Skipped and notes", None, reading_view),
        View("Leaks", None, leaks_view),
    ),
    group="Data",
    place=100,
    looks_at="store",
    key="data_view",
    protocol_key="data",
    command=COMMAND,
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("data")
