"""The page Circumplex: truth, predictions and codes in the plane of valence and arousal, for one or several runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pandas as pd
import streamlit as st

from affect.record import Artifact
from dashboard import cached, choosing, seven_tasks, share, widgets
from dashboard.choosing import Chosen
from dashboard.figures import circumplex
from dashboard.figures.circumplex import PRED, TRUE, Cloud
from dashboard.results import names, selection
from dashboard.share import Section

HOW = (
    "Emotions as a plane: unpleasant to pleasant from left to right, calm to excited from below to above, neutral in "
    "the middle. An ellipse is an emotion: its mean, and one standard deviation around it."
)
EMPTY = "python -m training study faces/face_vae_continuous --dataset synthetic_faces --trials 10"
VIEWS = ["Truth and prediction", "Errors by region", "Latent space"]
TASKS = "Seven tasks"


@dataclass(frozen=True)
class Shown:
    """What is drawn of one run: its name, its id and its samples."""

    name: str
    run_id: str
    predictions: pd.DataFrame
    cloud: Cloud


def candidates(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the finals whose targets span a circumplex."""
    finals = selection.finals(runs, [Artifact.PREDICTIONS])
    spans = [circumplex.axes_of(names.loads(runs.at[run_id, "targets"], [])) is not None for run_id in finals.index]
    return finals[spans]


def read(chosen: Chosen) -> list[Shown]:
    """Read the first run of each chosen name, on the part that is chosen; a damaged one is named and left out."""
    tables = {}
    for name, run_id in chosen.first(Artifact.PREDICTIONS).items():
        with widgets.guard():
            tables[name] = run_id, cached.table(run_id, Artifact.PREDICTIONS)
    if not tables:
        return []
    with st.columns(3)[0]:
        part = choosing.choose_part({name: table for name, (_, table) in tables.items()}, "of part")
    found = []
    for name, (run_id, table) in tables.items():
        axes = circumplex.axes_of(names.loads(chosen.runs.at[run_id, "targets"], [])) or circumplex.PAIRS[0]
        of = circumplex.cloud(table, axes, part)
        if of.table.empty:
            st.info(f"{widgets.escape(name)} has no {part} samples.")
        else:
            found.append(Shown(name, run_id, table, of))
    several = [name for name, run_ids in chosen.rows.items() if len(run_ids) > 1]
    if several and found:
        st.caption("Of a study, the run with its first seed is drawn.")
    return found


# ---------------------------------------------------------------------------------------------------------- views


def panels(shown: list[Shown]) -> list[Section]:
    """Return the truth of the runs (once where they share it), each followed by its runs' predictions."""
    found: list[Section] = []
    truths: list[Cloud] = []
    for one in shown:
        if not any(circumplex.same_truth(one.cloud, known) for known in truths):
            truths.append(one.cloud)
    for number, known in enumerate(truths):
        of = [one for one in shown if circumplex.same_truth(one.cloud, known)]
        where = "" if len(truths) == 1 else f" of {', '.join(one.name for one in of)}"
        count = f"{len(known.table)} samples"
        figure = circumplex.draw(known, TRUE)
        found.append(Section(f"Annotated{where}", count, figure, known.table, key=f"truth_{number}"))
        for one in of:
            reach = f"reaches {circumplex.shrinkage(one.cloud):.0%} of the way from neutral to the truth"
            figure = circumplex.draw(one.cloud, PRED)
            found.append(Section(one.name, reach, figure, one.cloud.table, key=f"prediction_{one.run_id[:8]}"))
    return found


def side_by_side(sections: list[Section]) -> None:
    """Show figures two in a row, one under the other on a phone."""
    for first in range(0, len(sections), 2):
        for place, section in zip(st.columns(2), sections[first : first + 2], strict=False):
            with place:
                st.markdown(f"**{widgets.escape(section.heading)}**")
                if section.fig is not None and section.frame is not None:
                    widgets.figure(section.fig, section.frame, section.key, section.text)


def truth_and_prediction(shown: list[Shown]) -> list[Section]:
    """Show the annotated plane beside each run's predictions, and the emotions' centres as a table."""
    sections = panels(shown)
    side_by_side(sections)
    st.caption("Dotted beside a prediction: the annotated ellipse. Names stand at the angle of the annotation.")
    tables = [circumplex.by_emotion(one.cloud).assign(run=one.name) for one in shown]
    joined = pd.concat(tables, ignore_index=True)
    if len(joined):
        st.subheader("Emotions", anchor=False)
        st.caption("Radius is the distance from neutral: where the predicted one is smaller, the run shrinks to it.")
        table = joined[["run", *(c for c in joined if c != "run")]] if len(shown) > 1 else joined.drop(columns="run")
        widgets.table(table, "emotions")
        sections.append(Section("Emotions", frame=table))
    return [*sections, agree({one.name: one.cloud for one in shown})]


def agree(clouds: dict[str, Cloud]) -> Section:
    """Show how each run agrees with the annotation."""
    table = circumplex.agreement(clouds)
    st.subheader("Agreement", anchor=False)
    text = (
        "Distance is measured in the plane, which is 2 wide and 2 high. Reach is how far predictions go from neutral "
        "to the truth (slope through neutral): 1 is all the way, 0 is always neutral."
    )
    st.caption(text)
    widgets.table(table, "agreement")
    return Section("Agreement", text, frame=table)


def errors_by_region(shown: list[Shown]) -> list[Section]:
    """Show from each region of the plane where the run's predictions go."""
    text = (
        "An arrow goes from the mean truth of a region to the mean prediction there. Blue ones end nearer to neutral "
        "than they begin, which is shrinkage; orange ones farther away. The wider, the more samples."
    )
    st.caption(text)
    sections = []
    for one in shown:
        reach = f"reaches {circumplex.shrinkage(one.cloud):.0%} of the way from neutral to the truth"
        figure, table = circumplex.draw_regions(one.cloud), circumplex.regions(one.cloud)
        sections.append(Section(one.name, reach, figure, table, key=f"regions_{one.run_id[:8]}"))
    side_by_side(sections)
    return sections


def latent_space(shown: list[Shown], chosen: Chosen) -> list[Section]:
    """Show the codes z_v against z_a, by a reading of each, beside the annotated plane."""
    files = chosen.finals["artifacts"].to_dict()
    with_codes = [one for one in shown if Artifact.EMBEDDINGS in files[one.run_id]]
    coded: list[tuple[Shown, pd.DataFrame]] = []
    for one in with_codes:
        with widgets.guard():
            table = cached.table(one.run_id, Artifact.EMBEDDINGS)
            if circumplex.readable(table):
                coded.append((one, table))
    if not coded:
        widgets.empty(EMPTY, "None of these runs has the codes z_v and z_a, which a latent circumplex is read from.")
        return []
    words = {name: key for key, name in circumplex.READINGS.items()}
    with st.columns(2)[0]:
        reading = words[widgets.choose("Reading of the codes", list(words), "reading") or next(iter(words))]
    st.caption(circumplex.ABOUT[reading])
    read_as = [
        Shown(one.name, one.run_id, one.predictions, circumplex.read(one.cloud, one.predictions, table, reading))
        for one, table in coded
    ]
    sections = panels(read_as)
    side_by_side(sections)
    if len(coded) < len(shown):
        left = [one.name for one in shown if one.name not in {other.name for other, _ in coded}]
        st.caption(widgets.escape(f"Without codes z_v and z_a: {', '.join(left)}."))
    return [*sections, agree({one.name: one.cloud for one in read_as})]


def page() -> None:
    """Choose runs and a view, and show it."""
    widgets.header("Circumplex", HOW)
    with widgets.guard():
        runs = cached.runs()
        finals = candidates(runs)
        if finals.empty:
            widgets.empty(EMPTY, "No run that predicts valence (or pleasure) and arousal has been scored yet.")
            return
        chosen = choosing.choose_runs(runs, finals, "fits")
        if not chosen.rows:
            st.info("Choose a study or a run.")
            return
        chosen.say()
        judged = bool(chosen.having(Artifact.ALIGNMENT))
        view = widgets.view("View", [*VIEWS, TASKS] if judged else VIEWS, "circle")
        if view == TASKS:
            sections = seven_tasks.show(chosen.rows, runs, "task", "task figure")
            offer(view, sections, [i for of in chosen.rows.values() for i in of])
            return
        shown = read(chosen)
        if not shown:
            return
        if view == VIEWS[0]:
            sections = truth_and_prediction(shown)
        elif view == VIEWS[1]:
            sections = errors_by_region(shown)
        else:
            sections = latent_space(shown, chosen)
        offer(view, sections, [one.run_id for one in shown])


def offer(view: str, sections: list[Section], run_ids: list[str]) -> None:
    """Offer what is shown as one file."""
    if sections:
        make = partial(share.view, cached.store(), f"Circumplex: {view.lower()}", HOW, sections, run_ids)
        widgets.share_button(make, "circumplex.html")


page()
